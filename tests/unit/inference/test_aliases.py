"""Aliases: what decides on a candidate, promotion as one write, rollback, and events that arrive twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.inference.aliases import service as aliases
from services.inference.aliases.models import missed_by
from shared.blobs.aliases import alias_exists
from shared.blobs.uses import users_of
from shared.bus.protocol import Reject
from shared.documents.entities import EntityStore
from shared.events.aliases import AliasCandidateEvaluated, AliasPromoted, GraderOutcome, Outcome
from shared.events.envelope import Envelope
from shared.events.training import ModelDeleted, ModelRenamed, TrainingSucceeded
from shared.runtime.errors import AnnealError
from shared.suites import Suite
from tests.support.alias_world import GOOD, SUITE, World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"pass_share": 0.4}, "the share of passed rows is 0.4, below 0.5"),
        ({"low": -0.11, "difference": -0.05}, "may be lower than the current model's by 0.11"),
        ({"low": -0.1}, None),
        ({"low": 0.0, "paired_rows": 19}, "19 rows can be compared"),
        ({"low": None, "paired_rows": 0}, "0 rows can be compared"),
        ({"errored": 1, "error": "no number"}, "1 of 40 rows could not be graded"),
        ({"errored": 1, "error": "no number"}, "the first: no number"),
        ({"low": None, "paired_rows": 0, "current_errored": 40, "current_error": "broken"}, None),
        ({"low": None, "paired_rows": 0, "current_errored": 40, "pass_share": 0.4}, "passed rows is 0.4"),
        ({"low": None, "paired_rows": 0, "current_errored": 19, "rows": 19}, "19 of its 19 rows could not be graded"),
    ],
)
def test_what_decides(changes: dict[str, Any], reason: str | None) -> None:
    missed = missed_by(SUITE, Outcome(graders=[GraderOutcome.model_validate({**GOOD, **changes})]))
    assert [reason in each for each in missed] == [True] if reason else missed == []  # type: ignore[operator]


@pytest.mark.parametrize("change", [{"thresholds": {"same": {"min_mean": -4}}}, {"thresholds": {}}])
def test_what_could_not_be_graded_reaches_no_threshold(change: dict[str, Any]) -> None:
    """The score 0 of such a row is a good one on a scale of negative numbers."""
    suite = SUITE.model_copy(update={"thresholds": Suite.model_validate({**SUITE.model_dump(), **change}).thresholds})
    found = GraderOutcome.model_validate({**GOOD, "mean": 0, "errored": 40, "error": "KeyError: 'x'", "low": 0})
    (reason,) = missed_by(suite, Outcome(graders=[found]))
    assert "40 of 40 rows could not be graded" in reason


async def test_a_broken_current_model_is_replaced_by_what_reaches_the_thresholds(world: World) -> None:
    await world.create(auto_promote=True)
    broken = {"low": None, "paired_rows": 0, "current_errored": 40, "current_error": "no number"}
    candidate = await world.evaluated(await world.submit(), **broken)
    assert (candidate.state, await world.answers()) == ("promoted", "model_2")
    assert "40 of 40 rows could not be graded for the current model (the first: no number)" in candidate.reasons[1]


async def test_a_person_promotes_and_goes_back(world: World) -> None:
    await world.create()
    candidate = await world.submit()
    assert (candidate.state, candidate.current_model_id) == ("evaluating", "model_1")
    with pytest.raises(AnnealError, match="evaluating"):
        await world.aliases.promote("default", "support-bot", candidate.id, "bob", None)
    assert (await world.evaluated(candidate, times=2)).state == "passed"
    assert await world.answers() == "model_1", "until a person promotes it"
    for _ in range(2):
        promoted = await world.aliases.promote("default", "support-bot", candidate.id, "bob", "better")
        assert promoted.state == "promoted"
    assert await world.answers() == "model_2"
    assert "model_2" in world.engine.loaded, "before requests reach it"
    assert await world.deployed() == {"model_1", "model_2"}
    for model in ("model_1", "model_2"):
        assert await users_of(world.resources.blobs, "default", model), "neither can be deleted"

    for _ in range(2):
        back = await world.aliases.roll_back("default", "support-bot", "carol", "complaints", "once")
    assert (back.model_id, back.previous, await world.answers()) == ("model_1", [], "model_1")
    assert [(each.action, each.actor, each.reason, each.previous_model_id, each.model_id) for each in back.history] == [
        ("created", "alice", None, None, "model_1"),
        ("promoted", "bob", "better", "model_1", "model_2"),
        ("rolled_back", "carol", "complaints", "model_2", "model_1"),
    ]
    assert back.history[1].candidate_id == candidate.id
    assert await world.deployed() == {"model_1"}
    assert not await users_of(world.resources.blobs, "default", "model_2")
    with pytest.raises(AnnealError, match="no model before"):
        await world.aliases.roll_back("default", "support-bot", "carol", None, None)


async def test_results_that_arrive_twice_promote_once(world: World) -> None:
    await world.create(auto_promote=True)
    candidate = await world.evaluated(await world.submit(), times=3)
    alias = await world.aliases.get("default", "support-bot")
    assert (candidate.state, alias.model_id) == ("promoted", "model_2")
    assert [change.action for change in alias.history] == ["created", "promoted"]
    assert alias.history[1].actor == "anneal/inference"
    await world.aliases.roll_back("default", "support-bot", "carol", None, None)
    await world.evaluated(candidate)
    assert await world.answers() == "model_1", "results that arrive late undo no rollback"


async def test_a_worse_candidate_is_refused(world: World) -> None:
    alias = await world.create(auto_promote=True)
    candidate = await world.evaluated(await world.submit(), low=-0.4, high=-0.2, difference=-0.3)
    assert candidate.state == "refused"
    assert "difference -0.3" in candidate.reasons[0]
    with pytest.raises(AnnealError, match="refused"):
        await world.aliases.promote("default", alias.id, candidate.id, "bob", None)
    assert await world.answers() == "model_1"


@pytest.mark.parametrize("finisher", ["event", "start", "results", "person"])
async def test_a_promotion_that_is_killed_after_its_write_is_finished(
    world: World, monkeypatch: pytest.MonkeyPatch, finisher: str
) -> None:
    """By its event, at the next start, by the results that arrive again, or by the person who repeats it."""
    alias = await world.create()
    candidate = await world.evaluated(await world.submit())
    change, written = EntityStore.change, 0

    async def killed(store: Any, id: str, mutate: Any, **options: Any) -> Any:
        nonlocal written
        if written:
            raise asyncio.CancelledError
        written += id == alias.id
        return await change(store, id, mutate, **options)

    monkeypatch.setattr(EntityStore, "change", killed)
    with pytest.raises(asyncio.CancelledError):
        await world.aliases.promote("default", alias.id, candidate.id, "bob", None)
    monkeypatch.undo()
    assert (await world.stores.candidates.get(candidate.id)).state == "passed"
    assert await world.answers() == "model_2"
    for _ in range(2):
        if finisher == "event":
            await world.deliver(await world.stored_event(alias.id, AliasPromoted))
        elif finisher == "start":
            await world.aliases.resume()
        elif finisher == "results":
            await world.evaluated(candidate)
        else:
            await world.aliases.promote("default", alias.id, candidate.id, "bob", None)
    assert (await world.stores.candidates.get(candidate.id)).state == "promoted"
    changed = await world.aliases.get("default", alias.id)
    assert [each.action for each in changed.history] == ["created", "promoted"]
    assert await world.deployed() == {"model_1", "model_2"}


async def test_a_model_that_does_not_load_is_not_promoted(world: World) -> None:
    alias = await world.create(auto_promote=True)
    world.engine.refused.add("model_2")
    candidate = await world.evaluated(await world.submit())
    assert (candidate.state, await world.answers()) == ("passed", "model_1")
    assert "It does not load." in candidate.reasons[-1]
    assert await world.deployed() == {"model_1"}
    world.engine.refused.clear()
    await world.aliases.promote("default", alias.id, candidate.id, "bob", None)
    assert await world.answers() == "model_2"


async def test_a_candidate_is_compared_with_the_model_that_it_would_replace(world: World) -> None:
    await world.create(auto_promote=True)
    first, second = await world.submit("model_2"), await world.submit("model_3")
    await world.evaluated(first)
    again = await world.evaluated(second)
    assert (again.state, again.round, again.current_model_id) == ("evaluating", 2, "model_2")
    late = AliasCandidateEvaluated(candidate_id=second.id, round=1, state="succeeded")
    await world.deliver(late)
    assert (await world.evaluated(again)).state == "promoted"
    alias = await world.aliases.get("default", "support-bot")
    assert (alias.model_id, alias.previous) == ("model_3", ["model_1", "model_2"])
    assert await world.deployed() == {"model_3", "model_2"}


async def test_a_person_cannot_promote_what_was_compared_with_another_model(world: World) -> None:
    await world.create()
    first, second = await world.submit("model_2"), await world.submit("model_3")
    for candidate in (first, second):
        await world.evaluated(candidate)
    await world.aliases.promote("default", "support-bot", first.id, "bob", None)
    with pytest.raises(AnnealError) as raised:
        await world.aliases.promote("default", "support-bot", second.id, "bob", None)
    assert (raised.value.code, await world.answers()) == ("candidate_outdated", "model_2")


async def test_a_model_that_the_alias_has_is_not_promoted_again(world: World) -> None:
    """It would become what a rollback goes back to."""
    await world.create(auto_promote=True, suite=SUITE.model_copy(update={"max_regression": None}))
    first, second = await world.submit("model_2"), await world.submit("model_2")
    await world.evaluated(first)
    assert (await world.evaluated(second)).state == "passed"
    with pytest.raises(AnnealError, match="already"):
        await world.aliases.promote("default", "support-bot", second.id, "bob", None)
    assert (await world.aliases.get("default", "support-bot")).previous == ["model_1"]


async def test_a_promotion_that_was_rolled_back_is_not_claimed(world: World) -> None:
    await world.create()
    candidate = await world.evaluated(await world.submit())
    await world.aliases.promote("default", "support-bot", candidate.id, "bob", None)
    await world.aliases.roll_back("default", "support-bot", "carol", None, None)
    with pytest.raises(AnnealError, match="now has model_1"):
        await world.aliases.promote("default", "support-bot", candidate.id, "bob", None)


async def test_results_without_a_comparison_replace_no_later_promotion_by_themselves(world: World) -> None:
    await world.create(auto_promote=True, suite=SUITE.model_copy(update={"max_regression": None}))
    first, second = await world.submit("model_2"), await world.submit("model_3")
    await world.evaluated(second)
    waiting = await world.evaluated(first)
    assert (waiting.state, await world.answers()) == ("passed", "model_3")
    assert "has changed since it was submitted" in waiting.reasons[-1]


async def test_rollbacks_skip_models_that_are_gone(world: World) -> None:
    await world.create()
    for model in ("model_2", "model_3"):
        candidate = await world.evaluated(await world.submit(model))
        await world.aliases.promote("default", "support-bot", candidate.id, "bob", None)
    await world.resources.blobs.delete("default/models/custom/model_2/manifest.json")
    await world.deliver(ModelDeleted(model_id="model_2"))
    assert (await world.aliases.roll_back("default", "support-bot", "carol", None, None)).model_id == "model_1"


async def test_a_rollback_never_goes_to_the_model_that_it_leaves(world: World) -> None:
    await world.create()
    for model in ("model_2", "model_1", "model_3"):
        candidate = await world.evaluated(await world.submit(model))
        await world.aliases.promote("default", "support-bot", candidate.id, "bob", None)
    await world.resources.blobs.delete("default/models/custom/model_2/manifest.json")
    await world.deliver(ModelDeleted(model_id="model_2"))
    back = await world.aliases.roll_back("default", "support-bot", "carol", None, None)
    assert (back.model_id, back.previous) == ("model_1", [])
    with pytest.raises(AnnealError) as raised:
        await world.aliases.roll_back("default", "support-bot", "carol", None, None)
    assert raised.value.code == "nothing_to_roll_back_to"


async def test_an_alias_that_is_deleted_during_a_promotion_keeps_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.create()
    candidate = await world.evaluated(await world.submit("model_2"))
    add_use = aliases.add_use

    async def delete_before(*use: Any) -> None:
        monkeypatch.undo()
        await world.aliases.delete("default", "support-bot")
        await add_use(*use)

    monkeypatch.setattr(aliases, "add_use", delete_before)
    with pytest.raises(AnnealError):
        await world.aliases.promote("default", "support-bot", candidate.id, "bob", None)
    assert await world.deployed() == set()
    for model in ("model_1", "model_2"):
        assert not await users_of(world.resources.blobs, "default", model)


async def test_a_start_strips_no_alias_that_is_created_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.create()
    settle = world.aliases.settle

    async def settle_late(id: str) -> None:
        monkeypatch.undo()
        await world.aliases.create("default", "other", "model_2", "alice", suite=None)
        await settle(id)

    monkeypatch.setattr(world.aliases, "settle", settle_late)
    await world.aliases.resume()
    assert await world.deployed() == {"model_1", "model_2"}
    assert await alias_exists(world.resources.blobs, "default", "other")


async def test_names_that_mean_something_else_are_refused(world: World) -> None:
    await world.create()
    await world.deliver(ModelRenamed(model_id="model_2", name="taken"))
    for name in ("support-bot", "model_1", "taken"):
        with pytest.raises(AnnealError) as raised:
            await world.aliases.create("default", name, "model_1", "alice", suite=None)
        assert (raised.value.code, raised.value.field) == ("name_taken", "name")
    for name in ("a/b", "<b>", ".."):
        with pytest.raises(AnnealError, match="cannot be an alias"):
            await world.aliases.create("default", name, "model_1", "alice", suite=None)
    with pytest.raises(AnnealError, match="needs a suite"):
        await world.aliases.create("default", "free", "model_1", "alice", suite=None, auto_promote=True)
    await world.deliver(ModelRenamed(model_id="model_2", name="support-bot"), sequence=1)
    assert await world.answers() == "model_1", "a model that got the name later does not take the alias's requests"
    listed = {each.id: (each.name, each.owner) for each in await world.catalog.list_models("default")}
    assert listed["support-bot"] == ("support-bot", "alias")
    assert listed["model_2"] == ("model_2", "custom")
    made = await asyncio.gather(
        *(world.aliases.create("default", "once", "model_1", "alice", suite=None) for _ in range(5)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in made) == ["Alias"] + 4 * ["NameTaken"]


async def test_deleting_an_alias_frees_its_models_and_cancels_candidates(world: World) -> None:
    await world.create()
    candidate = await world.submit()
    await world.aliases.delete("default", "support-bot")
    assert (await world.stores.candidates.get(candidate.id)).state == "cancelled"
    with pytest.raises(AnnealError):
        await world.answers()
    assert await world.deployed() == set()
    assert not await users_of(world.resources.blobs, "default", "model_1")
    assert not await alias_exists(world.resources.blobs, "default", "support-bot")
    assert (await world.evaluated(candidate)).state == "cancelled"
    assert (await world.create()).model_id == "model_1", "the name is free again"


async def test_what_a_request_has_deployed_stays(world: World) -> None:
    alias = await world.create()
    await world.deployments.deploy("default", "model_1", None)
    await world.aliases.delete("default", alias.id)
    assert await world.deployed() == {"model_1"}


async def test_a_model_that_is_undeployed_while_it_is_deployed_again_is_deployed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start releases what no alias keeps yet, beside the promotion that needs it."""
    await world.deployments.deploy("default", "model_1", None)
    change = EntityStore.change

    async def change_too_late(store: Any, id: str, mutate: Any, **options: Any) -> Any:
        monkeypatch.undo()
        await world.deployments.undeploy("default", id)
        return await change(store, id, mutate, **options)

    monkeypatch.setattr(EntityStore, "change", change_too_late)
    await world.deployments.deploy("default", "model_1", None)
    assert await world.deployed() == {"model_1"}


async def test_a_deployment_that_another_alias_needs_stays(world: World) -> None:
    await world.create()
    other = await world.aliases.create("default", "other", "model_1", "alice", suite=None)
    await world.aliases.delete("default", "support-bot")
    (kept,) = (await world.deployments.page("default", 50, None)).items
    assert (kept.model_id, kept.alias_id) == ("model_1", other.id)


async def test_a_trained_model_becomes_a_candidate_once(world: World) -> None:
    await world.create()
    event = TrainingSucceeded(
        job_id="job_1", model_id="model_3", model_uri="u", name="new", base="b", method="lora", dataset_id="d",
        dataset_version="1", after=["alias:support-bot"],
    )  # fmt: skip
    envelope = Envelope.of(event, service="training", subject="job_1", project="default")
    for _ in range(2):
        await world.handlers[TrainingSucceeded](event, envelope)
    (candidate,) = await world.stores.candidates.find()
    assert (candidate.model_id, candidate.submitted_by) == ("model_3", "anneal/training")
    await world.aliases.delete("default", "support-bot")
    with pytest.raises(Reject, match="support-bot"):
        await world.deliver(event)


async def test_a_start_removes_what_a_killed_deletion_left(world: World) -> None:
    alias = await world.create()
    await world.stores.aliases.delete(alias.id)  # killed here
    await world.aliases.resume()
    assert await world.deployed() == set()
    assert not await alias_exists(world.resources.blobs, "default", "support-bot")
    assert not await users_of(world.resources.blobs, "default", "model_1")
