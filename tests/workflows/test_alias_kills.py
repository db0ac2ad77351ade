"""SIGKILL while an alias moves: it has one of its two models, and what was begun is finished once."""

import shutil
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from fastapi import APIRouter

from services.inference.aliases.models import Candidate
from shared.blobs.uses import users_of
from shared.events.aliases import AliasPromoted, AliasRolledBack
from shared.events.envelope import Envelope
from shared.runtime.service import Service, background, running
from tests.support.alias_world import World, open_world, results_of
from tests.support.killed_process import run_in_fork
from tests.support.platform import wait_until

MOVES = (AliasPromoted, AliasRolledBack)


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[World]:
    """The inference service without HTTP; the gateway's part writes the moves that it receives to a file."""
    async with open_world(home) as world:

        @asynccontextmanager
        async def lifespan() -> AsyncIterator[None]:
            await world.deployments.resume()
            async with background(world.aliases.resume()):
                yield

        async def record(envelope: Envelope) -> None:
            with (home / "moves").open("a") as file:
                file.write(f"{envelope.type} {envelope.id}\n")

        for event in MOVES:
            await world.resources.bus.subscribe("gateway", event.type, record)
        async with running([Service("inference", APIRouter(), world.handlers, lifespan)], world.resources):
            yield world


def received(home: Path) -> dict[str, list[str]]:
    """The ids of the moves that arrived, by type."""
    found = defaultdict(list)
    for line in (home / "moves").read_text().splitlines() if (home / "moves").exists() else ():
        type, id = line.split()
        found[type].append(id)
    return found


async def submit(world: World) -> Candidate:
    """Submit the candidate; repeated, this returns it."""
    return await world.aliases.submit("default", "support-bot", "model_2", "alice", key="once")


async def move(home: Path, *, unseen: bool) -> None:
    """Submit, evaluate, promote and roll back, as clients do that repeat what was not answered."""
    async with serving(home) as world:
        candidate = await submit(world)
        if candidate.state == "evaluating":
            envelope = Envelope.of(
                results_of(candidate), service="evaluation", subject=candidate.id, project="default", sequence=1
            )
            await world.resources.bus.publish(envelope)

        async def has(*states: str) -> bool:
            return (await world.stores.candidates.get(candidate.id)).state in states

        await wait_until(lambda: has("passed", "promoted"))
        if not unseen and not (await world.aliases.get("default", "support-bot")).history[2:]:
            await world.aliases.promote("default", "support-bot", candidate.id, "bob", "better")
        await wait_until(lambda: has("promoted"))
        await world.aliases.roll_back("default", "support-bot", "carol", "complaints", "once")
        await wait_until(lambda: all_received(home, world))


async def all_received(home: Path, world: World) -> bool:
    """Whether the moves have been published, delivered and acknowledged."""
    if set(received(home)) != {event.type for event in MOVES}:
        return False
    pending = await (await world.resources.documents.collection("inference.aliases")).count({"pending": {"$gt": 0}})
    queues, _ = await world.resources.bus._read_queues()  # type: ignore[attr-defined]
    return not pending and not any(depth for _, type, depth, _ in queues if type in {event.type for event in MOVES})


async def expect_one_of_two(home: Path) -> None:
    """Before anything that a kill left is finished: the alias answers, and its history says why with this model."""
    async with open_world(home) as world:
        alias = await world.aliases.get("default", "support-bot")
        actions = [change.action for change in alias.history]
        assert actions == ["created", "promoted", "rolled_back"][: len(actions)]
        assert alias.model_id == alias.history[-1].model_id == ("model_2" if len(actions) == 2 else "model_1")
        assert await world.answers() == alias.model_id


async def expect_moved_once(home: Path) -> None:
    """After the end: each move is in the history once, its event has one id, and nothing is kept for the candidate."""
    async with open_world(home) as world:
        alias = await world.aliases.get("default", "support-bot")
        assert [change.action for change in alias.history] == ["created", "promoted", "rolled_back"]
        assert (await world.answers(), alias.previous) == ("model_1", [])
        (candidate,) = await world.stores.candidates.find()
        assert candidate.state == "promoted"
        assert await world.deployed() == {"model_1"}
        assert not await users_of(world.resources.blobs, "default", "model_2")
    assert [len(set(received(home)[event.type])) for event in MOVES] == [1, 1]


@pytest.mark.parametrize(("unseen", "every"), [(True, 1), (False, 2)], ids=["by itself", "by a person"])
def test_a_kill_at_any_write_leaves_one_of_two_models_and_nothing_is_done_twice(
    tmp_path: Path, unseen: bool, every: int
) -> None:
    """Before a write, and just after the next one; a person, who has a candidate that passed, at every second write."""

    async def create() -> None:
        async with open_world(tmp_path / "created") as world:
            await world.create(auto_promote=unseen)
            if not unseen:
                await world.evaluated(await submit(world))

    run_in_fork(create)
    for number in count(0, every):
        home = tmp_path / str(number)
        shutil.copytree(tmp_path / "created", home)

        async def move_once(home: Path = home) -> None:
            await expect_one_of_two(home)
            await move(home, unseen=unseen)
            await expect_moved_once(home)

        if not run_in_fork(move_once, 2 * number + number // every % 2):
            break
        run_in_fork(move_once)
        shutil.rmtree(home)
    assert number > 20
