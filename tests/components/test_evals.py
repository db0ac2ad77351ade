"""Evals over HTTP, with real documents, blobs and engine processes, and a tiny model."""

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.evaluation.app import build
from shared.blobs.uses import users_of
from shared.events.aliases import AliasCandidateDecided, AliasCandidateSubmitted
from shared.events.envelope import Envelope, Event
from shared.events.evaluation import EvalRunCanceled, EvalRunFailed, EvalRunSucceeded
from shared.runtime.processes.children import Engines
from tests.support.platform import wait_until
from tests.support.running_service import RunningService, chat_rows, open_service

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAIT_S = 180
"""The forkserver of a busy machine takes its time."""

CHECK = {"type": "string_check", "name": "same", "operation": "eq"}
IDEAL = {**CHECK, "input": "{{ sample.output_text }}", "reference": "{{ item.ideal }}"}
LABEL = {
    "type": "label_model",
    "name": "label",
    "model": "tiny",
    "input": [{"role": "user", "content": "Is {{ sample.output_text }} right?"}],
    "labels": ["yes", "no"],
    "passing_labels": ["yes", "no"],
}
SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "ideal": {"type": "string"}},
    "required": ["ideal"],
}
CONFIG = {"type": "custom", "item_schema": SCHEMA, "include_sample_schema": True}
QUESTION = {"type": "template", "template": [{"role": "user", "content": "{{ item.question }}"}]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> AsyncIterator[RunningService]:
    async with open_service(build, tmp_path_factory.mktemp("evals"), engines) as service:
        await service.publish_models()
        await service.publish_dataset("dataset_chat", chat_rows(4))
        yield service


async def post(service: RunningService, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = await service.http.post(path, json=body)
    assert response.status_code in (200, 201), response.text
    return response.json()


async def create(service: RunningService, *criteria: dict[str, Any], **config: Any) -> str:
    body = {"data_source_config": {**CONFIG, **config}, "testing_criteria": criteria}
    return (await post(service, "/v1/evals", body))["id"]


async def run(service: RunningService, eval_id: str, **source: Any) -> dict[str, Any]:
    return await post(service, f"/v1/evals/{eval_id}/runs", {"data_source": source})


async def shown(service: RunningService, run: dict[str, Any]) -> dict[str, Any]:
    return (await service.http.get(f"/v1/evals/{run['eval_id']}/runs/{run['id']}")).json()


async def ended(service: RunningService, run: dict[str, Any]) -> dict[str, Any]:
    async def final() -> bool:
        return (await shown(service, run))["status"] in ("completed", "failed", "canceled")

    await wait_until(final, WAIT_S)
    return await shown(service, run)


async def event_of(service: RunningService, kind: type[Event], run: dict[str, Any]) -> dict[str, Any]:
    """The data of the run's event of this type."""
    while (data := await service.next_event(kind))["run_id"] != run["id"]:
        pass
    return data


async def items(service: RunningService, run: dict[str, Any]) -> list[dict[str, Any]]:
    return (await service.http.get(f"{run['report_url']}?limit=100")).json()["data"]


def asked(count: int, **parameters: Any) -> dict[str, Any]:
    rows = [{"item": {"question": f"Where is order {n}?", "ideal": "?"}} for n in range(count)]
    return {
        "type": "completions",
        "source": {"type": "file_content", "content": rows},
        "model": "model_tuned",
        "input_messages": QUESTION,
        "sampling_params": {"temperature": 0, **parameters},
    }


async def test_a_killed_run_continues_and_grades_nothing_twice(service: RunningService) -> None:
    rows, eval_id = 24, await create(service, IDEAL, LABEL)
    started = await run(service, eval_id, **asked(rows, max_completion_tokens=60))

    async def sampled() -> bool:
        return any(item["sample"] for item in await items_of(service, started))

    await wait_until(sampled, WAIT_S)
    os.kill(await engine_pid(service), signal.SIGKILL)
    assert (await users_of(service.resources.blobs, "default", "model_tuned")) == [started["id"]]
    done = await ended(service, started)
    assert done["status"] == "completed"
    assert done["result_counts"] == {"total": rows, "passed": 0, "failed": rows, "errored": 0}
    assert [usage["invocation_count"] for usage in done["per_model_usage"]] == [rows, rows]
    runs = await service.resources.documents.collection("evaluation.eval_runs")
    assert (await runs.get(started["id"]) or {})["attempts"] == 2
    after = await items_of(service, started)
    assert all(sorted(result["name"] for result in item["results"]) == ["label", "same"] for item in after)
    assert {item["version"] for item in after} == {4}, "stored, answered, checked, labelled: each once"


async def test_rows_of_a_file_have_their_question_and_their_answer(service: RunningService) -> None:
    schema = {"type": "object", "required": ["ideal", "input"]}
    eval_id = await create(service, {**IDEAL, "operation": "ne"}, item_schema=schema)
    reference = {"type": "item_reference", "item_reference": "item.input"}
    source = {"type": "file_id", "id": "dataset_chat"}
    started = await run(
        service, eval_id, **{**asked(1, max_completion_tokens=4), "source": source, "input_messages": reference}
    )
    done = await ended(service, started)
    assert (done["status"], done["result_counts"]["passed"]) == ("completed", 4)
    assert (await event_of(service, EvalRunSucceeded, done))["eval_id"] == eval_id
    rows = await items(service, started)
    assert [row["sample"]["input"] for row in rows] == [
        [{"role": "user", "content": f"Where is order {n}?"}] for n in range(4)
    ]
    assert rows[2]["datasource_item"]["ideal"] == "Order 2 left today."
    sample = rows[0]["sample"]
    assert (sample["seed"], sample["temperature"], sample["max_completion_tokens"]) == (42, 0, 4)
    used = [row["sample"]["usage"] for row in rows]
    (usage,) = done["per_model_usage"]
    assert (usage["model_name"], usage["invocation_count"]) == ("model_tuned", 4)
    assert usage["total_tokens"] == sum(each["prompt_tokens"] + each["completion_tokens"] for each in used)
    assert all(0 < each["completion_tokens"] <= 4 for each in used)


async def test_rows_that_cannot_be_answered_or_graded_are_errors_of_their_own(service: RunningService) -> None:
    score = {"type": "score_model", "name": "score", "model": "tiny", "input": LABEL["input"]}
    eval_id = await create(service, {**IDEAL, "operation": "ne"}, score)
    source = asked(3, max_completion_tokens=3)
    source["source"]["content"][0]["item"] = {"ideal": "a question is missing"}
    source["source"]["content"][1]["item"]["question"] = "long " * 600
    done = await ended(service, await run(service, eval_id, **source))
    assert done["status"] == "completed"
    assert done["result_counts"] == {"total": 3, "passed": 0, "failed": 0, "errored": 3}
    assert done["per_testing_criteria_results"] == [
        {"testing_criteria": "same", "passed": 1, "failed": 0, "errored": 2},
        {"testing_criteria": "score", "passed": 0, "failed": 0, "errored": 3},
    ]
    rows = await items(service, done)
    assert [(row["sample"]["error"] or {}).get("code") for row in rows] == [
        "invalid_input_messages",
        "context_length_exceeded",
        None,
    ]
    assert rows[2]["results"][1]["error"]["code"] == "model_grader_parse_error"


async def test_a_cancelled_run_keeps_what_is_graded_and_frees_its_models(service: RunningService) -> None:
    eval_id = await create(service, LABEL)
    started = await run(service, eval_id, **asked(30, max_completion_tokens=200))
    await engine_pid(service)
    refused = await service.http.delete(f"/v1/evals/{eval_id}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "run_not_finished")
    await post(service, f"/v1/evals/{eval_id}/runs/{started['id']}/cancel", {})
    assert (await ended(service, started))["status"] == "canceled"
    await event_of(service, EvalRunCanceled, started)

    async def free() -> bool:
        """Whether its model is free and its folder deleted, which happens a moment later."""
        left = [*(service.resources.scratch / "evals").iterdir()]
        return not left and not await users_of(service.resources.blobs, "default", "model_tuned")

    await wait_until(free)
    assert (await service.http.delete(f"/v1/evals/{eval_id}")).json()["deleted"]
    assert await items_of(service, started) == []


async def test_a_row_of_a_file_that_does_not_match_the_schema_fails_the_run(service: RunningService) -> None:
    check = {**CHECK, "input": "{{ item.ideal }}", "reference": "x"}
    schema = {"type": "object", "properties": {"ideal": {"enum": ["x"]}}}
    eval_id = await create(service, check, item_schema=schema, include_sample_schema=False)
    source = {"type": "jsonl", "source": {"type": "file_id", "id": "dataset_chat"}}
    done = await ended(service, await run(service, eval_id, **source))
    assert (done["status"], done["error"]["code"]) == ("failed", "item_schema_mismatch")
    assert "rows.jsonl:1.ideal" in done["error"]["message"]
    assert (await event_of(service, EvalRunFailed, done))["cause"] == "item_schema_mismatch"


async def test_rows_of_a_file_have_its_other_columns(service: RunningService) -> None:
    rows, kept = chat_rows(2), [{"topic": "refund", "ideal": "Order 0 left today."}, {"topic": "order"}]
    await service.publish_dataset("dataset_topics", rows, kept=kept)
    await service.publish_dataset("dataset_clash", rows, kept=[{"ideal": "another"}, {}])
    check = {**CHECK, "input": "{{ item.topic }} {{ item.ideal }}", "reference": "refund Order 0 left today."}
    schema = {"type": "object", "properties": {"topic": {"type": "string"}, "ideal": {}}}
    eval_id = await create(service, check, item_schema=schema, include_sample_schema=False)

    async def graded(dataset_id: str) -> dict[str, Any]:
        source = {"type": "file_id", "id": dataset_id}
        return await ended(service, await run(service, eval_id, type="jsonl", source=source))

    done = await graded("dataset_topics")
    assert done["result_counts"] == {"total": 2, "passed": 1, "failed": 1, "errored": 0}
    assert [row["datasource_item"]["topic"] for row in await items(service, done)] == ["refund", "order"]
    clash = (await graded("dataset_clash"))["error"]["message"]
    assert "rows.jsonl:1 has a column 'ideal', and its row has another" in clash


async def test_rows_may_hold_whatever_json_can_write(service: RunningService) -> None:
    item = {"ideal": "x", "$n": 10**30, "a.b": {"": [None, True, 1e308]}, "text": "\u0000\U0001f682"}
    check = {**CHECK, "input": "{{ item.$n }}", "reference": "x"}
    response = await service.http.post(
        "/v1/evals", json={"data_source_config": CONFIG, "testing_criteria": [check], "name": "n"}
    )
    assert response.json()["error"]["code"] == "invalid_template"
    eval_id = await create(service, {**IDEAL, "input": "{{ item.ideal }}"}, include_sample_schema=False)
    content = {"type": "file_content", "content": [{"item": item}]}
    started = await run(service, eval_id, type="jsonl", source=content)
    assert started["data_source"]["source"]["content"][0]["item"] == item
    assert started["result_counts"]["total"] == 1
    assert (await ended(service, started))["result_counts"]["passed"] == 1
    (row,) = await items(service, started)
    assert row["datasource_item"] == item
    body = json.dumps({"data_source": {"type": "jsonl", "source": {**content, "content": [{"item": {"ideal": 0}}]}}})
    for value in ("NaN", "-Infinity", '"\\ud83d"'):
        refused = await service.http.post(
            f"/v1/evals/{eval_id}/runs", content=body.replace("0", value), headers={"Content-Type": "application/json"}
        )
        assert refused.status_code == 400, refused.text
        assert refused.json()["error"]["param"] == "data_source.source.content.0.item"


async def test_requests_whose_numbers_or_rows_cannot_be_used_are_refused_by_name(service: RunningService) -> None:
    near = {"type": "text_similarity", "name": "near", "input": "", "reference": "", "evaluation_metric": "bleu"}
    eval_id = await create(service, {**IDEAL, "input": ""}, include_sample_schema=False)
    row = {"data_source": {"type": "jsonl", "source": {"type": "file_content", "content": [{"item": {"ideal": 0}}]}}}
    criteria = {"data_source_config": CONFIG, "testing_criteria": [{**near, "pass_threshold": 0}]}
    for path, sent, wrong, param in (
        ("/v1/evals", criteria, "NaN", "testing_criteria.0.pass_threshold"),
        ("/v1/evals", criteria, "80", "testing_criteria.0.pass_threshold"),
        (f"/v1/evals/{eval_id}/runs", row, "[" * 900 + "]" * 900, "data_source.source.content.0.item"),
    ):
        content = json.dumps(sent).replace(": 0}", f": {wrong}}}")
        refused = await service.http.post(path, content=content, headers={"Content-Type": "application/json"})
        error = refused.json()["error"]
        assert (refused.status_code, error["param"], bool(error["remedy"])) == (400, param, True)


async def test_label_model_chooses_the_likeliest_label(service: RunningService) -> None:
    path, body = "/v1/fine_tuning/alpha/graders/run", {"model_sample": "a lot", "item": {}}
    rewards = []
    for labels, passing in ((["yes", "no"], "yes"), (["no", "yes"], "no")):
        grader = {**LABEL, "labels": labels, "passing_labels": [passing]}
        found = await post(service, path, {**body, "grader": grader})
        rewards.append(found["reward"])
    assert sorted(rewards) == [0.0, 1.0], "one of them is chosen, whatever their order"
    assert found["metadata"]["sampled_model_name"] == "tiny"
    assert found["model_grader_token_usage_per_model"]["tiny"] > 0


async def items_of(service: RunningService, run: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents of a run's rows, also those that are not graded yet."""
    collection = await service.resources.documents.collection("evaluation.output_items")
    return await collection.find({"run_id": run["id"]})


async def engine_pid(service: RunningService, imports: str = "torch") -> int:
    """Wait for the engine process, a child of the forkserver that has these imports, and return its id."""

    async def children() -> list[str]:
        forkserver = service.resources.engines.forkserver_pid(imports)
        return Path(f"/proc/{forkserver}/task/{forkserver}/children").read_text().split() if forkserver else []

    return int((await wait_until(children, WAIT_S))[0])


async def test_a_cancelled_candidate_cancels_its_runs(service: RunningService) -> None:
    eval_id = await create(service, IDEAL)
    rows = [{"item": {"question": f"What is {number}?", "ideal": "x"}} for number in range(400)]
    source = {"type": "completions", "source": {"type": "file_content", "content": rows}, "input_messages": QUESTION}
    named = {"candidate_id": "candidate_1", "alias": "bot", "model_id": "model_tuned"}
    suite = {"eval_id": eval_id, "data_source": source, "thresholds": {"same": {"min_pass_share": 0.5}}}
    submitted = AliasCandidateSubmitted.model_validate({**named, "round": 1, "current_model_id": None, "suite": suite})
    decided = AliasCandidateDecided(
        candidate_id="candidate_1",
        alias_id="alias_1",
        alias="bot",
        model_id="model_tuned",
        state="cancelled",
        reason="",
    )
    await publish(service, submitted)

    async def runs() -> list[str]:
        return [run["status"] for run in (await service.http.get(f"/v1/evals/{eval_id}/runs")).json()["data"]]

    await wait_until(runs, WAIT_S)
    await publish(service, decided)

    async def cancelled() -> bool:
        return await runs() == ["canceled"]

    await wait_until(cancelled, WAIT_S)


async def publish(service: RunningService, event: Event) -> None:
    envelope = Envelope.of(event, service="inference", subject="x", project="default", sequence=1)
    await service.resources.bus.publish(envelope)
