"""Answers of eval runs that come from inference: the service itself, and one whose answers a test decides."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi import APIRouter

import services.inference.app
from services.evaluation.app import build
from services.evaluation.graders.grades import MAX_OPEN_REQUESTS
from services.inference.errors import EngineBusy, ModelNotFound
from shared.runtime.http.principal import Caller
from shared.runtime.processes.children import Engines
from shared.runtime.service import Service, running, web_app
from tests.components.test_evals import IDEAL, asked, create, ended, engine_pid, items, items_of, post, run
from tests.support.platform import wait_until
from tests.support.running_service import RunningService, open_service

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCORE = {
    "type": "score_model",
    "name": "score",
    "model": "tiny",
    "input": [{"role": "user", "content": "Rate {{ sample.output_text }}."}],
    "sampling_params": {"max_completions_tokens": 8},
}


class ScriptedInference:
    """Answers chat completions as a test wants it, behind the authorization of a real service."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = self.most_open = self.cancelled = 0
        self.release = asyncio.Event()
        self.fail: Callable[[str], None] = lambda _: None
        self.projects: set[tuple[str, str]] = set()

    def routes(self) -> APIRouter:
        router = APIRouter()

        @router.post("/v1/chat/completions")
        async def complete(body: dict[str, Any], caller: Caller) -> dict[str, Any]:
            question = body["messages"][0]["content"]
            self.asked.append(question)
            self.projects.add((caller.subject, caller.project))
            self.open, self.most_open = self.open + 1, max(self.most_open, self.open + 1)
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            finally:
                self.open -= 1
            self.fail(question)
            usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
            choice = {"message": {"content": f" to {question} "}, "finish_reason": "stop"}
            return {"choices": [choice], "usage": usage, "system_fingerprint": self.fingerprint}

        return router

    fingerprint = ""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> AsyncIterator[RunningService]:
    async with open_service(build, tmp_path_factory.mktemp("served"), engines) as service:
        await service.publish_models()
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def scripted(service: RunningService) -> AsyncIterator[ScriptedInference]:
    """Inference whose answers the test decides; the client of one before is closed."""
    from tests.support.tiny_model import template_hash

    inference = ScriptedInference()
    inference.fingerprint = f"fp_{template_hash(service.folder / 'base')[:12]}"
    app = web_app(Service("inference", inference.routes()), service.resources)
    current["app"] = app
    service.resources.local_apps["inference"] = forward
    yield inference
    del service.resources.local_apps["inference"]


current: dict[str, Any] = {}


async def forward(scope: Any, receive: Any, send: Any) -> None:
    await current["app"](scope, receive, send)


def used(done: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {usage["model_name"]: usage["answered_by"] for usage in done["per_model_usage"]}


async def test_inference_gives_the_answers_of_the_own_engine(service: RunningService) -> None:
    eval_id, rows = await create(service, IDEAL, SCORE), 8
    source = asked(rows, max_completion_tokens=16)
    own = await ended(service, await run(service, eval_id, **source))
    assert used(own) == {"model_tuned": {"evaluation": rows}}
    inference = await services.inference.app.build(service.resources)
    current["app"] = web_app(inference, service.resources)
    service.resources.local_apps["inference"] = forward
    async with running([inference], service.resources):
        served = await ended(service, await run(service, eval_id, **source))
        too_long = asked(1)
        too_long["source"]["content"][0]["item"]["question"] = "long " * 600
        failed = await ended(service, await run(service, eval_id, **too_long))
    del service.resources.local_apps["inference"]
    assert used(served) == {"model_tuned": {"inference": rows}}

    def answers(found: list[dict[str, Any]]) -> list[Any]:
        results = [[(each["name"], each.get("error")) for each in item["results"]] for item in found]
        return [(item["sample"]["output"], item["sample"]["usage"], r) for item, r in zip(found, results, strict=True)]

    own_answers = answers(await items(service, own))
    assert answers(await items(service, served)) == own_answers
    assert all("tiny answered" in results[1][1]["message"] for _, _, results in own_answers), "the base, word for word"
    assert (await items(service, failed))[0]["sample"]["error"]["code"] == "context_length_exceeded"


async def test_requests_are_bounded_and_a_full_queue_is_waited_for(
    service: RunningService, scripted: ScriptedInference
) -> None:
    rows, busy = 2 * MAX_OPEN_REQUESTS, {"Where is order 3?", "Where is order 40?"}

    def refuse_once(question: str) -> None:
        if question in busy:
            busy.discard(question)
            raise EngineBusy("Too many requests are queued.", limit=1)

    scripted.fail = refuse_once
    scripted.release.set()
    done = await ended(service, await run(service, await create(service, IDEAL), **asked(rows)))
    assert (done["status"], used(done)) == ("completed", {"model_tuned": {"inference": rows}})
    assert (len(scripted.asked), scripted.projects) == (rows + 2, {("anneal/evaluation", "default")})
    assert scripted.most_open <= MAX_OPEN_REQUESTS
    assert (await items(service, done))[0]["sample"]["output"][0]["content"] == "to Where is order 0?"


async def test_what_inference_does_not_serve_is_answered_here_and_nothing_is_asked_twice(
    service: RunningService, scripted: ScriptedInference
) -> None:
    def refuse_later(question: str) -> None:
        if int(question.removeprefix("Where is order ").removesuffix("?")) >= 5:
            raise ModelNotFound("There is no such model.")

    scripted.fail = refuse_later
    scripted.release.set()
    done = await ended(service, await run(service, await create(service, IDEAL), **asked(8, max_completion_tokens=4)))
    assert (done["status"], used(done)) == ("completed", {"model_tuned": {"inference": 5, "evaluation": 3}})
    assert len(scripted.asked) == len(set(scripted.asked)) >= 6  # the first refusal ends the asking
    assert [item["sample"]["answered_by"] for item in await items(service, done)] == ["inference"] * 5 + [
        "evaluation"
    ] * 3


async def test_a_killed_run_asks_only_for_what_it_lacks_and_a_cancelled_one_ends_its_requests(
    service: RunningService, scripted: ScriptedInference
) -> None:
    scripted.release.set()
    held = asyncio.Event()

    def hold(question: str) -> None:
        if question == "Where is order 9?":
            scripted.release.clear()
            held.set()

    scripted.fail = hold
    started = await run(service, await create(service, IDEAL), **asked(60))
    await held.wait()

    async def waits() -> bool:
        """Whether what was answered is stored, and the rest is waited for."""
        stored = [item for item in await items_of(service, started) if item["sample"]]
        return len(stored) + scripted.open == len(scripted.asked) and bool(scripted.open)

    await wait_until(waits)
    stored = {item["number"] for item in await items_of(service, started) if item["sample"]}
    before = len(scripted.asked)
    assert stored
    os.kill(await bare_engine_pid(service), signal.SIGKILL)
    await wait_until(lambda: asked_again(scripted, before))
    assert scripted.cancelled == before - len(stored)
    await post(service, f"/v1/evals/{started['eval_id']}/runs/{started['id']}/cancel", {})
    done = await ended(service, started)
    assert done["status"] == "canceled"
    assert (scripted.open, {item["number"] for item in await items_of(service, started) if item["sample"]}) == (
        0,
        stored,
    )
    assert {f"Where is order {number}?" for number in stored}.isdisjoint(scripted.asked[before:])


async def asked_again(scripted: ScriptedInference, before: int) -> bool:
    return len(scripted.asked) > before and scripted.open > 0


async def bare_engine_pid(service: RunningService) -> int:
    """The engine of a run without a model of its own, a child of any forkserver."""
    for imports in ("torch", "services.evaluation.engine.grade"):
        if pid := service.resources.engines.forkserver_pid(imports):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if children:
                return int(children[0])
    return await engine_pid(service)
