"""Feedback: which verdicts become rows, what replaces what, and what is kept for how long."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from pydantic import ValidationError

from services.inference.feedback.models import Feedback, FeedbackRequest, StoredResponse
from services.inference.feedback.service import UNRATED, FeedbackService, PromptsDiffer, TooManyRated
from services.inference.feedback.store import FeedbackStores
from shared.documents.entities import now
from shared.runtime.errors import NotFound
from shared.runtime.http.principal import Forbidden, Principal
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings

pytestmark = pytest.mark.asyncio

ANNA, BEN = Principal("user_anna", "lake", ("write",)), Principal("user_ben", "lake", ("read",))
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"$defs": {"a.b": {}}, "type": "object"}}}


class Interrupted(FeedbackStores):
    """Once feedback on an answer was looked for, somebody else is faster."""

    others: ClassVar[list[Callable[[], Awaitable[Any]]]] = []

    async def about(self, response_id: str) -> list[Feedback]:
        found = await super().about(response_id)
        while self.others:
            await self.others.pop()()
        return found


class World:
    """Feedback on stores in a directory."""

    def __init__(self, stores: FeedbackStores) -> None:
        self.stores, self.feedback = stores, FeedbackService(stores, days=30, max_unrated=5)

    async def answer(
        self, id: str, text: str | None, *, prompt: str = "Hi", caller: Principal = ANNA, **more: Any
    ) -> str:
        message = {"role": "assistant", "content": text, "refusal": None, "tool_calls": more.get("calls")}
        choice = {"index": 0, "message": message, "finish_reason": more.get("reason", "stop")}
        asked = {"messages": [{"role": "user", "content": prompt}], "tools": more.get("tools")}
        model = more.get("model", f"model_{id[0]}")
        await self.feedback.keep(ANNA, model, asked, {"id": id, "choices": [choice]})
        return id

    async def rows(self, kind: Any = "preferences", **options: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
        selected, lines = await self.feedback.rows("lake", kind, options.get("models", ()))
        return [json.loads(line) async for line in lines], dict(selected.left_out)

    async def prefer(self, chosen: str, rejected: str, caller: Principal = ANNA) -> str:
        return (await self.feedback.give(caller, FeedbackRequest(chosen=chosen, rejected=rejected))).id

    async def rate(self, id: str, rating: Any, caller: Principal = ANNA) -> None:
        await self.feedback.give(caller, FeedbackRequest(response=id, rating=rating))


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_resources(Settings(home=tmp_path)) as resources:
        yield World(await FeedbackStores.open(resources))


async def test_a_later_vote_replaces_the_one_before(world: World) -> None:
    a, b = await world.answer("a1", "left"), await world.answer("b1", "right")
    first = await world.prefer(a, b)
    assert await world.prefer(b, a) == first
    ((row,), left_out) = await world.rows()
    assert (row["chosen"][0]["content"], row["chosen_model"], row["rejected_model"]) == ("right", "model_b", "model_a")
    assert left_out == {}
    assert (await world.feedback.give(ANNA, FeedbackRequest(tie=[b, a]))).id == first
    assert await world.rows() == ([], {"tie": 1})


async def test_votes_survive_a_restart(tmp_path: Path) -> None:
    async with open_resources(Settings(home=tmp_path)) as resources:
        world = World(await FeedbackStores.open(resources))
        await world.prefer(await world.answer("a1", "left"), await world.answer("b1", "right"))
    async with open_resources(Settings(home=tmp_path)) as resources:
        rows, _ = await World(await FeedbackStores.open(resources)).rows()
    assert [row["chosen_model"] for row in rows] == ["model_a"]


async def test_people_count_by_majority_and_a_draw_is_no_row(world: World) -> None:
    a, b = await world.answer("a1", "left"), await world.answer("b1", "right")
    await world.prefer(a, b)
    await world.prefer(b, a, BEN)
    assert await world.rows() == ([], {"contradicted": 2})
    await world.prefer(a, b, Principal("user_cleo", "lake", ("read",)))
    rows, left_out = await world.rows()
    assert ([row["chosen_model"] for row in rows], left_out) == (["model_a"], {"repeated": 1, "contradicted": 1})


async def test_the_same_question_with_the_same_answers_is_one_row(world: World) -> None:
    ids = [
        await world.answer(id, text) for id, text in (("a1", "left"), ("b1", "right"), ("a2", "left"), ("b2", "right"))
    ]
    await world.prefer(ids[0], ids[1])
    await world.prefer(ids[2], ids[3])
    rows, left_out = await world.rows()
    assert (len(rows), left_out) == (1, {"repeated": 1})


async def test_what_cannot_be_trained_on_is_counted_by_reason(world: World) -> None:
    stores = FeedbackService(world.stores, days=30)
    world.feedback = stores
    same = [await world.answer(id, "equal") for id in ("a1", "b1")]
    empty = [await world.answer("a2", " "), await world.answer("b2", "full")]
    cut = [await world.answer("a3", "much too lo", reason="length"), await world.answer("b3", "short")]
    for chosen, rejected in (same, empty, cut):
        await world.prefer(chosen, rejected)
    assert await world.rows() == ([], {"cut_off": 1, "empty_answer": 1, "same_answer": 1})
    await world.prefer(cut[1], cut[0])
    rows, _ = await world.rows()
    assert [row["chosen"][0]["content"] for row in rows] == ["short"], "a worse answer may be cut off"
    summary = await stores.summary("lake")
    assert (summary.preferences.feedback, summary.preferences.rows) == (3, 1)
    assert {(m.model_id, m.wins, m.losses) for m in summary.models} == {("model_a", 2, 1), ("model_b", 1, 2)}


async def test_equal_calls_of_tools_are_equal_answers(world: World) -> None:
    """Every call has another random id."""
    for id in ("a1", "b1"):
        call = {"id": f"call_{id}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        await world.answer(id, None, calls=[call])
    await world.prefer("a1", "b1")
    assert await world.rows() == ([], {"same_answer": 1})


async def test_an_answer_that_was_rated_since_it_was_found_stays(world: World) -> None:
    responses, id = world.stores.responses, await world.answer("a1", "left")
    (found,) = await responses.find(UNRATED)
    await world.rate(id, "good")
    await responses.remove(found.id, UNRATED)
    assert (await responses.get(id)).rated


async def test_a_vote_during_the_removal_of_another_keeps_its_answer(world: World) -> None:
    await world.rate(await world.answer("a1", "left"), "good")
    (first,) = await world.stores.feedback.find()
    Interrupted.others.append(lambda: world.rate("a1", "bad", BEN))
    slow = FeedbackService(Interrupted(world.stores.responses, world.stores.feedback), days=30)
    await slow.delete(ANNA, first.id)
    assert [each.by for each in await world.stores.feedback.find()] == [BEN.subject]
    assert (await world.stores.responses.get("a1")).rated


async def test_a_vote_during_the_deletion_of_its_answer_goes_too(world: World) -> None:
    await world.answer("a1", "left")
    Interrupted.others.append(lambda: world.rate("a1", "bad", BEN))
    slow = FeedbackService(Interrupted(world.stores.responses, world.stores.feedback), days=30)
    await slow.delete_response(ANNA, "a1")
    assert await world.stores.feedback.find() == []


async def test_votes_and_deletions_at_once_leave_no_vote_without_its_answers(world: World) -> None:
    for n in range(10):
        a, b = await world.answer(f"a{n}", "left"), await world.answer(f"b{n}", "right")
        await asyncio.gather(world.prefer(a, b), world.feedback.delete_response(ANNA, b), return_exceptions=True)
        assert await world.stores.feedback.find() == []
        assert not (await world.stores.responses.get(a)).rated


async def test_ratings_become_labels_with_tools_and_calls(world: World) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    good = await world.answer("a1", None, calls=[call], tools=[TOOL])
    await world.rate(good, "good")
    await world.rate(await world.answer("b1", "no"), "bad")
    rows, _ = await world.rows("ratings")
    assert [row["label"] for row in rows] == [True, False]
    assert rows[0]["messages"][-1] == {"role": "assistant", "tool_calls": [call]}
    assert (rows[0]["tools"], rows[0]["answered_by"]) == ([TOOL], "model_a")
    rows, _ = await world.rows("ratings", models=["model_b"])
    assert [row["answered_by"] for row in rows] == ["model_b"]


async def test_answers_to_different_prompts_are_not_compared(world: World) -> None:
    a, b = await world.answer("a1", "left"), await world.answer("b1", "right", prompt="Bye")
    with pytest.raises(PromptsDiffer) as refused:
        await world.prefer(a, b)
    assert refused.value.field == "rejected"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"response": "a"},
        {"rating": "good"},
        {"chosen": "a"},
        {"chosen": "a", "rejected": "a"},
        {"tie": ["a", "a"]},
        {"tie": ["a"]},
        {"response": "a", "rating": "good", "tie": ["a", "b"]},
    ],
)
async def test_half_a_verdict_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FeedbackRequest(**body)


async def test_answers_without_feedback_leave_and_rated_ones_stay(world: World) -> None:
    ids = [await world.answer(f"a{n}", f"answer {n}") for n in range(5)]
    await world.rate(ids[0], "good")
    for n in range(5, 8):
        await world.answer(f"a{n}", f"answer {n}")
    left = {found.id for found in await world.stores.responses.find()}
    assert left == {"a0", "a3", "a4", "a5", "a6", "a7"}, "the oldest make room, but not the rated one"

    def age(response: StoredResponse) -> None:
        response.created_at = now() - timedelta(days=31)

    for id in ("a0", "a3"):
        await world.stores.responses.change(id, age)
    await world.feedback.sweep()
    assert {found.id for found in await world.stores.responses.find()} == {"a0", "a4", "a5", "a6", "a7"}
    (feedback,) = await world.stores.feedback.find()
    await world.feedback.delete(ANNA, feedback.id)
    await world.feedback.sweep()
    assert "a0" not in {found.id for found in await world.stores.responses.find()}


async def test_answers_are_counted_now_and_then_not_for_each(world: World) -> None:
    world.feedback = FeedbackService(world.stores, days=30, max_unrated=20)
    kept = []
    for n in range(24):
        await world.answer(f"a{n}", "hi")
        kept.append(await world.stores.responses.count())
    assert kept[19:] == [20, 21, 20, 21, 20], "a twentieth more than the limit, then as many as it says"
    elsewhere = FeedbackService(world.stores, days=30, max_unrated=10)
    await elsewhere.keep(ANNA, "model_a", {}, {"id": "a25", "choices": []})
    assert await world.stores.responses.count() == 10, "another process counts at its first answer"


async def test_long_answers_without_feedback_leave_earlier(world: World) -> None:
    world.feedback = FeedbackService(world.stores, days=30, max_unrated_bytes=5000)
    rated = await world.answer("a0", "x" * 1000)
    await world.rate(rated, "good")
    for n in range(1, 8):
        await world.answer(f"a{n}", "x" * 1000)
    left = await world.stores.responses.find(UNRATED)
    assert {found.id for found in left} == {"a4", "a5", "a6", "a7"}
    assert (await world.stores.responses.get(rated)).rated


async def test_answers_with_feedback_have_a_limit_of_bytes(world: World) -> None:
    world.feedback = FeedbackService(world.stores, days=30, max_rated_bytes=2600)
    for id in ("a1", "a2", "a3"):
        await world.answer(id, "x" * 1000)
    for id in ("a1", "a2"):
        await world.rate(id, "good")
    with pytest.raises(TooManyRated) as refused:
        await world.rate("a3", "good")
    assert refused.value.limit == 2600
    assert not (await world.stores.responses.get("a3")).rated
    await world.rate("a2", "bad")  # it is there already
    await world.feedback.delete_response(ANNA, "a1")
    await world.rate("a3", "good")


async def test_answers_and_feedback_belong_to_projects_and_callers(world: World) -> None:
    a = await world.answer("a1", "left")
    await world.rate(a, "good")
    (feedback,) = await world.stores.feedback.find()
    elsewhere = Principal("user_anna", "sea", ("write",))
    with pytest.raises(NotFound):
        await world.feedback.response(elsewhere, a)
    with pytest.raises(NotFound):
        await world.feedback.delete(elsewhere, feedback.id)
    with pytest.raises(NotFound):
        await world.feedback.response(Principal("key_other", "lake", ("infer",)), a)
    for refused in (world.feedback.delete(BEN, feedback.id), world.feedback.delete_response(BEN, a)):
        with pytest.raises(Forbidden):
            await refused
    assert (await world.feedback.response(BEN, a)).id == a
    await world.feedback.delete_response(ANNA, a)
    assert await world.stores.feedback.find() == []
    assert await world.stores.responses.find() == []
