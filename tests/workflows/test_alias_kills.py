"""SIGKILL while an alias moves: it has one of its two models, and what was begun is finished once."""

import random
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
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
from tests.support.tiny_model import make_tiny_model
from tests.workflows.conftest import Embedded
from tests.workflows.test_aliases import ROWS, ask, suite_for, text

MOVES = (AliasPromoted, AliasRolledBack)
CLIENTS = 2
PAUSE_S = 0.1
"""Between two requests of a client: the load is not what is tested here."""


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


@dataclass
class Chats:
    """Clients of the alias, each with one request at a time; only a kill may cost one its answer, and it retries."""

    platform: Embedded
    expected: list[set[str]]
    """By question, the answers of the two models."""
    lives: int = 0
    answers: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """By life of the platform."""
    serving: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)
    failed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def kill(self) -> None:
        """Kill the platform and start it again."""
        with self.lock:
            self.serving.clear()
            self.lives += 1
        self.platform.kill()
        self.start()

    def start(self) -> None:
        """Start the platform unless it runs, and let the clients ask; they wait as long as its first answer takes."""
        if not self.platform.is_running:
            self.platform.start()
        self.platform.http.timeout = httpx.Timeout(None)
        self.serving.set()

    def wait_for_answer(self) -> None:
        """Wait until this life of the platform has answered, or a client has failed."""
        while not self.answers[self.lives] and not self.failed.is_set():
            time.sleep(PAUSE_S)

    def chat(self) -> None:
        """Ask until stopped."""
        while not self.stopped.wait(PAUSE_S):
            number = random.randrange(ROWS)
            while not (answer := self.ask(number)):
                self.serving.wait()
            assert answer in self.expected[number]

    def ask(self, number: int) -> str | None:
        """The answer, or None where the platform is down or killed meanwhile."""
        with self.lock:
            life, is_up = self.lives, self.serving.is_set()
        if not is_up:
            return None
        try:
            answer = text(ask(self.platform, "support-bot", number))
        except httpx.TransportError:
            if self.lives == life:  # nothing was killed
                raise
            return None
        self.answers[life] += 1
        return answer


@contextmanager
def chatting(platform: Embedded, expected: list[set[str]]) -> Iterator[Chats]:
    """Chat meanwhile, and until the platform's last life has answered; fails where a client does."""
    chats = Chats(platform, expected)
    chats.start()
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(chats.chat) for _ in range(CLIENTS)]
        for client in clients:
            client.add_done_callback(lambda _: chats.failed.set())
        try:
            chats.wait_for_answer()
            yield chats
            chats.wait_for_answer()
        finally:
            chats.serving.set()
            chats.stopped.set()
        for client in clients:
            client.result()


def runs_of(platform: Embedded, suite: dict[str, Any]) -> list[str]:
    """The states of the runs of a suite's eval."""
    return [run["status"] for run in platform.get(f"/v1/evals/{suite['eval_id']}/runs")["data"]]


def test_kills_of_the_platform_under_chats(embedded: Embedded, tmp_path: Path) -> None:
    """In the candidate's evaluation, between its outcome and the promotion, and at any moment of a rollback."""
    first, better = (
        embedded.post("/models/base", {"path": str(make_tiny_model(tmp_path / f"tiny-{seed}", seed=seed))})["id"]
        for seed in (3, 4)
    )
    suite = suite_for(embedded, better)
    ideals = [row["item"]["ideal"] for row in suite["data_source"]["source"]["content"]]
    expected = [{ideal, text(ask(embedded, first, number))} for number, ideal in enumerate(ideals)]
    created = embedded.post("/aliases", {"name": "support-bot", "model": first, "suite": suite, "auto_promote": True})

    def moved(*actions: str) -> bool:
        """Whether the alias has these changes, and the model that the last of them says."""
        alias = embedded.get("/aliases/support-bot")
        found = [change["action"] for change in alias["history"]]
        assert alias["model_id"] == alias["history"][-1]["model_id"]
        assert alias["model_id"] == (better if found[-1] == "promoted" else first)
        return found == ["created", *actions]

    with chatting(embedded, expected) as chats:
        submitted = embedded.post("/aliases/support-bot/candidates", {"model": better})
        candidate = f"/aliases/support-bot/candidates/{submitted['id']}"
        while "in_progress" not in runs_of(embedded, suite):
            time.sleep(0.01)
        chats.kill()
        assert moved()
        while embedded.get(candidate)["state"] == "evaluating":
            time.sleep(0.01)
        chats.kill()
        assert moved() or moved("promoted")
        embedded.until(candidate, lambda found: found["state"] == "promoted")
        assert moved("promoted")

        chats.wait_for_answer()

        def roll_back() -> httpx.Response:
            return embedded.http.post("/aliases/support-bot/rollback", headers={"Idempotency-Key": "once"}, json={})

        with ThreadPoolExecutor(1) as pool, suppress(httpx.TransportError):
            rolling = pool.submit(roll_back)
            time.sleep(random.uniform(0, 0.05))
            chats.kill()
            rolling.result()
        assert moved("promoted") or moved("promoted", "rolled_back")
        for _ in range(2):
            assert roll_back().json()["model_id"] == first
        assert moved("promoted", "rolled_back")
    events = [line["action"] for line in embedded.get("/audit", resource=created["id"])["items"]]
    assert [events.count(event.type) for event in MOVES] == [1, 1]
    assert embedded.http.delete("/aliases/support-bot").is_success
    for model in (first, better):
        assert embedded.http.delete(f"/models/base/{model}").is_success
