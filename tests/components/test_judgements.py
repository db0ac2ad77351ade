"""Judgements over HTTP: real documents, blobs and engine processes; the judge is an endpoint that follows a rule."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from services.evaluation.app import build
from services.evaluation.evals import endpoint
from shared.events.evaluation import EvaluationCompleted
from tests.components.test_evals import IDEAL, create, ended, engine_pid, run, shown
from tests.support.judge_endpoint import JudgeEndpoint, longer, run_judge_endpoint
from tests.support.platform import wait_until
from tests.support.running_service import RunningService, chat_rows, open_service
from tests.support.secret_scan import files_with

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "sk-judge-4f9c2e77"
ROWS = 40
WAIT_S = 180
FINAL = ("succeeded", "failed", "cancelled")


@pytest.fixture(scope="module")
def server() -> Iterator[JudgeEndpoint]:
    with run_judge_endpoint() as running:
        yield running


@pytest.fixture
def judge(server: JudgeEndpoint) -> JudgeEndpoint:
    server.reset()
    return server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    async with open_service(build, tmp_path_factory.mktemp("judgements"), judge_hosts=["127.0.0.1"]) as service:
        await service.publish_models()
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sides(service: RunningService) -> tuple[str, str]:
    """Two eval runs over the same rows: the candidate's answer is longer in 25 rows, shorter in 10, equal in 5."""
    eval_id = await create(service, IDEAL, item_schema={"type": "object"})

    async def side(lengths: list[int]) -> str:
        content = [
            {
                "item": {"question": f"Question {n}?", "ideal": f"ideal {n}", "vote": "A" if n < 20 else "B"},
                "sample": {"output_text": "x" * length},
            }
            for n, length in enumerate(lengths)
        ]
        source = {"type": "jsonl", "source": {"type": "file_content", "content": content}}
        return (await ended(service, await run(service, eval_id, **source)))["id"]

    return await side([10] * ROWS), await side([20] * 25 + [5] * 10 + [10] * 5)


async def ask(service: RunningService, at: JudgeEndpoint, sides: tuple[str, str], **body: Any) -> dict[str, Any]:
    named = {"baseline": sides[0], "candidate": sides[1], "judge": {"model": "rule", "base_url": at.url}, **body}
    answer = await service.http.post("/evaluations/judgements", json=named)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def view(service: RunningService, judgement: dict[str, Any], **query: Any) -> dict[str, Any]:
    return (await service.http.get(f"/evaluations/judgements/{judgement['id']}", params=query)).json()


async def asked_for(judge: JudgeEndpoint) -> None:
    async def is_asked() -> bool:
        return bool(judge.requests)

    await wait_until(is_asked, WAIT_S)


async def done(service: RunningService, judgement: dict[str, Any]) -> dict[str, Any]:
    async def final() -> bool:
        return (await view(service, judgement, result=False))["state"] in FINAL

    await wait_until(final, WAIT_S)
    return await view(service, judgement)


async def test_both_orders_are_asked_for_and_the_key_is_gone_at_the_end(
    service: RunningService, judge: JudgeEndpoint, sides: tuple[str, str]
) -> None:
    judge.gate.clear()
    named = {
        "model": "rule",
        "base_url": f"{judge.url}/",
        "api_key": KEY,
        "parameters": {"max_tokens": None, "top_k": 1},
    }
    started = await ask(
        service, judge, sides, judge=named, votes={"column": "vote", "candidate": ["a"], "baseline": ["b"]}
    )
    await asked_for(judge)
    assert files_with(KEY, service.folder) == []
    judge.gate.set()
    found = await done(service, started)
    assert (found["state"], found["rows"], found["done"], found["skipped"]) == ("succeeded", ROWS, ROWS, 0)
    result = found["result"]
    assert (result["judged"], result["wins"], result["losses"], result["ties"]) == (ROWS, 25, 10, 5)
    assert (result["inconsistent"], result["identical"], result["errors"]) == (0, 5, {})
    assert result["win_rate"] == pytest.approx(27.5 / ROWS)
    assert (result["position"]["first"], result["position"]["second"]) == (35, 35)
    assert result["votes"]["table"]["candidate"] == {"candidate": 20, "tie": 0, "baseline": 0}
    assert result["votes"]["table"]["baseline"] == {"candidate": 5, "tie": 5, "baseline": 10}
    assert len(judge.requests) == 2 * 35
    sent = judge.requests[0]
    assert {key: sent[key] for key in sent if key != "messages"} == {
        "path": "/v1/chat/completions",
        "model": "rule",
        "temperature": 0,
        "top_k": 1,
    }
    assert judge.keys == {f"Bearer {KEY}"}
    rows = (await service.http.get(f"{found['items']}?limit=100")).json()["data"]
    assert {row["status"] for row in rows} == {"pass", "fail"}
    parts = rows[3]["results"][0]["sample"]["parts"]
    assert [part["order"] for part in parts] == ["baseline_first", "candidate_first"]
    assert {part["input"][0]["content"] for part in parts} <= {r["messages"][0]["content"] for r in judge.requests}
    assert "ideal 3" in parts[0]["input"][0]["content"], "every row has a reference: the prompt shows it"
    assert found["usage"][0] == {
        **found["usage"][0],
        "model_name": "rule",
        "invocation_count": 70,
        "total_tokens": 700,
        "answered_by": {"endpoint": 70},
    }
    document = await (await service.resources.documents.collection("evaluation.eval_runs")).get(started["id"])
    assert document
    assert document["endpoint"]["secret"] is None
    assert files_with(KEY, service.folder) == []
    listed = (await service.http.get("/evaluations/judgements?limit=1")).json()["items"]
    assert [(each["id"], each["result"]) for each in listed] == [(started["id"], None)]
    runs = (await service.http.get(f"/v1/evals/{found['eval_id']}/runs")).json()["data"]
    assert runs[0]["result_counts"] == {"total": ROWS, "passed": 25, "failed": 15, "errored": 0}


async def test_a_biased_judge_and_one_without_verdicts_are_named(
    service: RunningService, judge: JudgeEndpoint, sides: tuple[str, str]
) -> None:
    judge.rule = lambda first, second: "VERDICT: 1" if len(first) >= 10 <= len(second) else "The first one."
    result = (await done(service, await ask(service, judge, sides)))["result"]
    assert (result["judged"], result["wins"], result["losses"]) == (30, 0, 0)
    assert (result["inconsistent"], result["identical"], result["errors"]) == (25, 5, {"unparsable_verdict": 10})
    assert (result["position"]["always_first"], result["position"]["always_second"]) == (25, 0)
    assert result["position"]["p_value"] < 1e-6
    assert result["test"]["verdict"] == "no_difference"


async def test_a_killed_engine_continues_with_the_rows_that_are_left(
    service: RunningService, judge: JudgeEndpoint, sides: tuple[str, str]
) -> None:
    def after_the_first_block(first: str, second: str) -> str:
        if len({request["messages"][0]["content"] for request in judge.requests}) > 32:
            judge.gate.clear()
        return longer(first, second)

    judge.rule = after_the_first_block
    started = await ask(service, judge, sides)

    async def judged() -> bool:
        found = (await view(service, started))["result"] or {"judged": 0}
        return found["judged"] >= 16 and not judge.gate.is_set()

    await wait_until(judged, WAIT_S)
    partial = await view(service, started)
    assert (partial["state"], partial["result"]["wins"]) == ("running", partial["result"]["judged"])
    asked = [request["messages"][0]["content"] for request in judge.requests]
    await asyncio.to_thread(os.kill, await engine_pid(service, "services.evaluation.engine.grade"), signal.SIGKILL)
    judge.rule = longer
    judge.gate.set()
    found = await done(service, started)
    assert (found["state"], found["result"]["wins"], found["result"]["losses"]) == ("succeeded", 25, 10)
    again = [request["messages"][0]["content"] for request in judge.requests[len(asked) :]]
    assert set(list(dict.fromkeys(asked))[:32]).isdisjoint(again), "rows that are judged are not asked about again"


async def test_a_cancelled_judgement_keeps_its_rows(
    service: RunningService, judge: JudgeEndpoint, sides: tuple[str, str]
) -> None:
    judge.gate.clear()
    started = await ask(service, judge, sides, judge={"model": "rule", "base_url": judge.url, "api_key": KEY})
    await asked_for(judge)
    answer = await service.http.post(f"/evaluations/judgements/{started['id']}/cancel")
    assert answer.status_code == 200
    found = await done(service, started)
    assert found["state"] == "cancelled"
    assert found["result"] is None or found["result"]["identical"] == found["result"]["judged"]
    assert files_with(KEY, service.folder) == []


async def test_an_endpoint_is_waited_for_and_its_refusals_are_named(
    service: RunningService, judge: JudgeEndpoint, sides: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "RETRY_DELAY_S", 0.001)
    judge.statuses = [503, 429, 400]
    found = await done(service, await ask(service, judge, sides, rows=30))
    assert (found["state"], found["rows"]) == ("succeeded", 30)
    assert found["result"]["errors"] == {"judge_refused_prompt": 1}

    judge.statuses = [401] * 200
    found = await done(service, await ask(service, judge, sides))
    assert (found["state"], found["cause"]) == ("failed", "judge_refused")
    assert "401: as the test wants it" in found["detail"]
    assert (found["result"] or {"judged": 5})["judged"] <= 5

    judge.statuses = [500] * 2000
    found = await done(service, await ask(service, judge, sides, rows=2))
    assert (found["state"], found["cause"]) == ("failed", "judge_unavailable")
    judge.statuses = []


async def test_private_addresses_are_refused_unless_the_operator_allows_them(
    service: RunningService, judge: JudgeEndpoint, sides: tuple[str, str]
) -> None:
    named = {"model": "rule", "base_url": judge.url.replace("127.0.0.1", "localhost"), "api_key": KEY}
    found = await done(service, await ask(service, judge, sides, judge=named))
    assert (found["state"], found["cause"]) == ("failed", "address_refused")
    assert "ANNEAL_JUDGE_HOSTS" in found["detail"]
    assert judge.requests == []


async def test_evaluations_are_judged_against_the_base_model_by_a_model_of_the_platform(
    service: RunningService, judge: JudgeEndpoint
) -> None:
    kept = [{"preferred": "tuned" if n % 2 else "?"} for n in range(6)]
    await service.publish_dataset("dataset_votes", chat_rows(6), kept=kept)
    answer = await service.http.post(
        "/models/custom/model_tuned/evaluate",
        json={"dataset": "dataset_votes", "metrics": ["exact_match"], "max_new_tokens": 6},
    )
    evaluation = answer.json()["id"]
    await service.next_event(EvaluationCompleted)
    page = (await service.http.get(f"/evaluations/{evaluation}/predictions")).json()["items"]
    assert page[1]["columns"] == {"preferred": "tuned"}

    votes = {"column": "preferred", "candidate": ["tuned"]}
    body = {"candidate": evaluation, "judge": {"model": "rule", "base_url": judge.url}, "votes": votes}
    started = (await service.http.post("/evaluations/judgements", json=body)).json()
    found = await done(service, started)
    longer_ones = sum(len(row["tuned"]) > len(row["base"]) for row in page)
    assert (found["baseline_model"], found["candidate_model"]) == ("tiny", "model_tuned")
    assert found["result"]["wins"] == longer_ones
    assert (found["result"]["votes"]["rows"], found["result"]["votes"]["unknown_values"]) == (3, {"?": 3})

    body = {"candidate": evaluation, "judge": {"model": "tiny", "max_tokens": 4}, "rows": 3, "reference": False}
    own = await done(service, (await service.http.post("/evaluations/judgements", json=body)).json())
    assert (own["state"], sum(own["result"]["errors"].values())) == ("succeeded", 3)
    assert own["result"]["errors"].keys() <= {"unparsable_verdict", "truncated_verdict"}
    assert "[Reference" not in own["judge"]["prompt"]


async def test_what_cannot_be_judged_is_refused_with_its_field(
    service: RunningService, judge: JudgeEndpoint, sides: tuple[str, str]
) -> None:
    elsewhere = {"model": "rule", "base_url": judge.url}
    fine = {"baseline": sides[0], "candidate": sides[1], "judge": elsewhere}
    eval_id = await create(service, IDEAL, item_schema={"type": "object"})
    content = [{"item": {"ideal": "?"}, "sample": {"output_text": "?"}}]
    source = {"type": "jsonl", "source": {"type": "file_content", "content": content}}
    other = await ended(service, await run(service, eval_id, **source))
    for changes, status, code, field in (
        ({"candidate": "model_tuned"}, 422, "invalid_input", "candidate"),
        ({"baseline": None}, 422, "invalid_input", "baseline"),
        ({"baseline": "evaluation_1"}, 409, "evaluations_not_comparable", "baseline"),
        ({"baseline": other["id"]}, 409, "evaluations_not_comparable", "baseline"),
        ({"baseline": "evalrun_none"}, 404, "not_found", "baseline"),
        ({"judge": {"model": "nobody"}}, 404, "model_not_found", "judge.model"),
        ({"judge": {"model": "tiny", "api_key": KEY}}, 422, "invalid_input", "judge"),
        ({"judge": {**elsewhere, "parameters": {"stream": True}}}, 422, "invalid_input", "judge"),
        ({"judge": {"model": "rule", "base_url": "https://key@host/v1"}}, 422, "invalid_input", "judge.base_url"),
        ({"prompt": "{{ item.answer_1 }}"}, 422, "missing_answers", "prompt"),
        ({"prompt": "{{ item.answer_1 }}{{ item.answer_2 }}{{ item.vote }}"}, 422, "invalid_template", "prompt"),
        ({"votes": {"column": "nothing"}}, 422, "unknown_column", "votes.column"),
        ({"votes": {"column": "vote", "baseline": ["x"], "candidate": ["X"]}}, 422, "invalid_input", "votes"),
    ):
        answer = await service.http.post("/evaluations/judgements", json={**fine, **changes})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.json().get("field") == field, answer.text
    first = await service.http.get(f"/evaluations/judgements/{sides[0]}")
    assert (first.status_code, first.json()["code"]) == (404, "not_found")
    assert (await shown(service, other))["status"] == "completed"
    assert judge.requests == []


async def test_a_repeated_key_asks_once_and_a_deleted_run_leaves_nothing(
    service: RunningService, judge: JudgeEndpoint, sides: tuple[str, str]
) -> None:
    body = {"baseline": sides[0], "candidate": sides[1], "judge": {"model": "rule", "base_url": judge.url}, "rows": 1}
    answers = [
        await service.http.post("/evaluations/judgements", json=body, headers={"Idempotency-Key": "once"})
        for _ in range(2)
    ]
    one, again = (answer.json() for answer in answers)
    assert one["id"] == again["id"]
    found = await done(service, one)
    path = f"/v1/evals/{found['eval_id']}/runs/{found['id']}"
    assert (await service.http.delete(path)).status_code == 200
    assert await service.resources.blobs.list("default/evaluations/judgements/" + found["id"]) == []
    assert await service.resources.blobs.stat(f"default/evaluations/judgements/{found['id']}.jsonl") is None
