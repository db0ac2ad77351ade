"""The evaluation service over HTTP, with real documents, bus, blobs and engine processes, and a tiny model."""

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.evaluation.app import build
from services.evaluation.handlers import subscriptions
from services.evaluation.service import EvaluationService
from services.evaluation.store import open_evaluations, open_uses
from shared.blobs.artifacts import delete_artifact
from shared.blobs.uses import users_of
from shared.events.envelope import Envelope
from shared.events.evaluation import EvaluationCompleted, EvaluationDeleted, EvaluationFailed
from shared.events.registry import CONSUMERS
from shared.events.training import TrainingSucceeded
from shared.runtime.processes.children import Engines
from tests.support.damage import flip_bit
from tests.support.data_cases import data_case
from tests.support.platform import wait_until
from tests.support.running_service import RunningService, chat_rows, open_service

ROWS = 6


pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> AsyncIterator[RunningService]:
    """One running service for all tests: its forkserver takes longer to start than any test."""
    async with open_service(build, tmp_path_factory.mktemp("evaluation"), engines) as service:
        await service.publish_models()
        await service.publish_full_model()
        await service.publish_dataset("dataset_chat", chat_rows(ROWS))
        await service.publish_dataset("dataset_text", [{"text": "The train leaves at nine."}], form="text")
        yield service


def trained(model_id: str) -> TrainingSucceeded:
    return TrainingSucceeded(
        job_id="job_1",
        model_id=model_id,
        model_uri=f"anneal://default/models/custom/{model_id}",
        name="tiny tuned",
        base="tiny",
        method="lora",
        dataset_id="dataset_chat",
        dataset_version="v1",
        after=["evaluate"],
    )


async def evaluate(service: RunningService, model: str = "model_tuned", **body: Any) -> dict[str, Any]:
    """Request an evaluation with short answers."""
    response = await service.http.post(f"/models/custom/{model}/evaluate", json={"max_new_tokens": 12, **body})
    assert response.status_code == 202, response.text
    return response.json()


async def finished(service: RunningService, evaluation: dict[str, Any]) -> dict[str, Any]:
    """Wait until the evaluation has succeeded and return it."""
    await service.next_event(EvaluationCompleted)
    response = await service.http.get(f"/evaluations/{evaluation['id']}")
    assert response.json()["state"] == "succeeded", response.text
    return response.json()


async def test_tuned_model_and_base_model_are_scored_by_row(service: RunningService) -> None:
    first = await finished(service, await evaluate(service, max_new_tokens=10))
    names = {"bleu", "rouge1", "rouge2", "rougeL", "chrf", "token_f1", "perplexity", "exact_match"}
    assert set(first["scores"]) == set(first["base_scores"]) == set(first["difference"]) == names
    assert set(first["intervals"]) == set(first["base_intervals"]) == set(first["comparison"]) == names
    assert first["headline"].startswith(f"On {ROWS} rows, ")
    test = first["comparison"]["perplexity"]
    assert test["difference"] == pytest.approx(first["difference"]["perplexity"])
    assert test["interval"][0] <= test["difference"] <= test["interval"][1]
    assert first["comparison"]["exact_match"]["test"] == "mcnemar"
    assert first["answers"]["finish_reasons"].keys() <= {"stop", "length"}
    assert sum(first["answers"]["finish_reasons"].values()) == ROWS
    assert 0 < first["answers"]["tokens_p50"] <= first["answers"]["tokens_p95"] <= 10
    assert first["answers"]["tokens_per_second"] > 0
    low, high = first["intervals"]["token_f1"]
    assert low <= first["scores"]["token_f1"] <= high
    assert first["scores"]["perplexity"] != first["base_scores"]["perplexity"]
    assert first["evaluated"] == ROWS
    assert not first["base_cached"]
    page = (await service.http.get(f"/evaluations/{first['id']}/predictions?sort=-rougeL&limit=4")).json()
    assert page["total"] == ROWS
    rouge = [row["scores"]["rougeL"] for row in page["items"]]
    assert rouge == sorted(rouge, reverse=True)
    assert len(rouge) == 4
    row = page["items"][0]
    assert row["reference"] == f"Order {row['row']} left today."
    assert row["tuned"] != row["base"]

    again = await finished(service, await evaluate(service, max_new_tokens=10))
    assert again["base_cached"]
    assert (again["scores"], again["base_scores"]) == (first["scores"], first["base_scores"])
    assert (again["comparison"], again["intervals"]) == (first["comparison"], first["intervals"])
    assert again["base_answers"] == {**first["base_answers"], "seconds": None, "tokens_per_second": None}
    listed = (await service.http.get("/evaluations?model_id=model_tuned")).json()["items"]
    assert [item["id"] for item in listed] == [again["id"], first["id"]]


async def test_full_model_is_compared_with_its_base_model(service: RunningService) -> None:
    done = await finished(service, await evaluate(service, "model_full", metrics=["perplexity"], rows=3))
    assert set(done["scores"]) == set(done["base_scores"]) == {"perplexity"}
    assert done["scores"] != done["base_scores"]
    assert done["samples"][0]["tuned"] is None
    assert len(done["samples"]) == done["evaluated"] == 3
    plain = await finished(service, await evaluate(service, dataset="dataset_text", compare_base=False))
    assert plain["metrics"] == ["perplexity"]
    assert plain["base_scores"] == {}


@data_case("Scores", "An evaluation without held-out rows", "scored on the training rows, with a warning that says so")
async def test_scores_on_training_rows_are_named(service: RunningService) -> None:
    unanswered = {"messages": [{"role": "user", "content": "Where is my parcel?"}]}
    await service.publish_dataset("dataset_seen", [*chat_rows(3), unanswered], split="train")
    await service.publish_models("model_seen", dataset_id="dataset_seen")
    started = await evaluate(service, "model_seen", max_new_tokens=1)
    announced = await service.next_event(EvaluationCompleted)
    done = await shown(service, started)
    assert (done["split"], done["evaluated"]) == ("train", 3)
    counts = {warning["code"]: warning["count"] for warning in done["warnings"]}
    assert {"rows_without_answer": 1, "scored_on_training_rows": 3, "few_rows": 3}.items() <= counts.items()
    assert announced["warnings"] == done["warnings"]
    assert "tok:13a" in done["signatures"]["bleu"]
    other = await finished(service, await evaluate(service, dataset="dataset_seen", metrics=["exact_match"]))
    assert "scored_on_training_rows" not in {warning["code"] for warning in other["warnings"]}


@data_case("Scores", "A column such as `category` beside the messages", "`slice_by` scores each of its values", "")
async def test_results_are_divided_by_a_column(service: RunningService) -> None:
    kept = [{"category": "late" if row < 4 else "lost", "order": row} for row in range(60)]
    await service.publish_dataset("dataset_kept", chat_rows(60), kept=kept)
    asked = {"dataset": "dataset_kept", "metrics": ["exact_match", "perplexity"], "max_new_tokens": 1}
    done = await finished(service, await evaluate(service, slice_by="category", rows="all", **asked))
    assert [(part["value"], part["rows"]) for part in done["slices"]] == [("lost", 56), ("late", 4)]
    nats = [(part["rows"], part["scores"]["perplexity"]) for part in done["slices"]]
    assert min(score for _, score in nats) < done["scores"]["perplexity"] < max(score for _, score in nats)
    assert all(part["comparison"].keys() == {"exact_match", "perplexity"} for part in done["slices"])
    await evaluate(service, slice_by="order", rows="all", **asked)
    failed = await service.next_event(EvaluationFailed)
    assert (failed["cause"], "60 different values" in failed["detail"]) == ("too_many_slices", True)


async def test_evaluations_of_the_same_rows_are_compared(service: RunningService) -> None:
    asked = {"metrics": ["exact_match", "bleu", "perplexity"], "max_new_tokens": 9, "compare_base": False}
    one, other, short, few = [
        await finished(service, await evaluate(service, model, **{**asked, **changes}))
        for model, changes in (
            ("model_tuned", {}),
            ("model_full", {"batch_tokens": 512}),
            ("model_tuned", {"metrics": ["perplexity"]}),
            ("model_tuned", {"rows": 3}),
        )
    ]
    found = (await service.http.get(f"/evaluations/compare?ids={other['id']},{one['id']},{short['id']}")).json()
    assert (found["rows"], found["correction"], found["baseline"]) == (ROWS, "holm", other["id"])
    (board,) = found["leaderboards"]
    assert board["metric"] == "perplexity"
    scores = {entry["evaluation_id"]: entry["score"] for entry in board["entries"]}
    assert scores == {each["id"]: pytest.approx(each["scores"]["perplexity"]) for each in (one, other, short)}
    assert list(scores.values()) == sorted(scores.values())
    assert {warning["code"] for warning in found["warnings"]} == {"score_missing", "few_rows"}
    tests = [entry["comparison"] for entry in board["entries"] if entry["comparison"]]
    assert [test["p_adjusted"] for test in tests] == [pytest.approx(min(1, 2 * test["p_value"])) for test in tests]

    pair = f"ids={one['id']},{other['id']}"
    found = (await service.http.get(f"/evaluations/compare?{pair}")).json()
    assert {board["metric"] for board in found["leaderboards"]} == {"exact_match", "bleu", "perplexity"}
    assert found["evaluations"][1]["headline"].startswith(f"On {ROWS} rows, ")
    table = await service.http.get(f"/evaluations/compare?{pair}&format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert [len(line.split(",")) for line in table.text.splitlines()] == [13] * 7
    report = (await service.http.get(f"/evaluations/compare?{pair}&format=markdown")).text
    assert f"| `model_full` | `{other['id']}` |" in report

    rows = f"/evaluations/compare/rows?baseline={one['id']}&candidate={other['id']}&metric=perplexity&limit=2"
    pages = {
        change: (await service.http.get(f"{rows}&change={change}")).json() for change in ("better", "worse", "same")
    }
    assert {change: page["total"] for change, page in pages.items()} == pages["worse"]["counts"]
    assert sum(pages["worse"]["counts"].values()) == ROWS
    changed = pages["better"]["items"] + pages["worse"]["items"]
    assert all((row["candidate_score"] < row["baseline_score"]) == (row in pages["better"]["items"]) for row in changed)
    assert changed[0]["reference"] == f"Order {changed[0]['row']} left today."

    for query, status, code in (
        (f"/evaluations/compare?ids={one['id']},{few['id']}", 409, "evaluations_not_comparable"),
        (f"/evaluations/compare?ids={one['id']}", 422, "invalid_input"),
        (f"/evaluations/compare?ids={one['id']},{one['id']}", 422, "invalid_input"),
        (f"/evaluations/compare?ids={one['id']},evaluation_none", 404, "not_found"),
        (rows.replace("perplexity", "rouge1"), 422, "invalid_input"),
    ):
        response = await service.http.get(query)
        assert (response.status_code, response.json()["code"]) == (status, code), response.text
        assert response.json().get("remedy") or status == 404
    problem = (await service.http.get(f"/evaluations/compare?ids={one['id']},{few['id']}")).json()
    assert (problem["field"], "3" in problem["detail"]) == ("rows", True)


async def test_killed_engine_is_retried_and_cancelled_one_is_not(service: RunningService) -> None:
    started = await evaluate(service, rows="all", metrics=["exact_match"], max_new_tokens=200)
    blobs, key = service.resources.blobs, f"default/evaluations/{started['id']}"
    await blobs.put(f"{key}/t1/predictions.jsonl", b"")
    os.kill(await engine_pid(service), signal.SIGKILL)
    needed = ("model_tuned", "dataset_chat")
    assert [await users_of(blobs, "default", id) for id in needed] == [[started["id"]]] * 2
    assert (await finished(service, started))["attempts"] == 2
    files = ("manifest.json", "predictions.jsonl", "statistics.npz")
    assert [blob.key for blob in await blobs.list(key)] == [f"{key}/t2/{name}" for name in files]

    cancelled = await evaluate(service, metrics=["bleu"], max_new_tokens=400)
    await engine_pid(service)
    response = await service.http.post(f"/evaluations/{cancelled['id']}/cancel")
    assert response.json()["wanted"] == "cancel"

    async def gone() -> bool:
        """Whether it is cancelled, its scratch folder deleted and its model free, which happens a moment later."""
        left = [*(service.resources.scratch / "evaluations").iterdir()]
        left += [user for id in needed for user in await users_of(blobs, "default", id)]
        return not left and (await shown(service, cancelled))["state"] == "cancelled"

    await wait_until(gone)
    assert (await service.http.get(f"/evaluations/{cancelled['id']}/predictions")).status_code == 409


async def test_model_with_another_tokenizer_than_in_training_is_refused(service: RunningService) -> None:
    await service.publish_models("model_broken", template_hash="0" * 64)
    started = await evaluate(service, "model_broken")
    failed = await service.next_event(EvaluationFailed)
    assert failed["cause"] == "template_mismatch"
    assert (await shown(service, started))["state"] == "failed"


async def test_changed_weights_are_not_evaluated(service: RunningService) -> None:
    await service.publish_models("model_changed")
    folder = await service.resources.blobs.local_folder("default/models/custom/model_changed")
    flip_bit(folder / "adapter_model.safetensors")
    await evaluate(service, "model_changed")
    assert (await service.next_event(EvaluationFailed))["cause"] == "corrupt_artifact"


async def test_training_job_requests_an_evaluation(service: RunningService) -> None:
    await service.publish_models("model_job")
    event = trained("model_job")
    envelope = Envelope.of(event, service="training", subject="job_1", project="default")
    await service.resources.bus.publish(envelope)
    await service.resources.bus.publish(envelope)
    completed = await service.next_event(EvaluationCompleted)
    assert (await shown(service, {"id": completed["evaluation_id"]}))["job_id"] == "job_1"
    assert len((await service.http.get("/evaluations?model_id=model_job")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "field", "code"),
    [
        ({"dataset": "dataset_none"}, 404, "dataset", "dataset_not_found"),
        ({"dataset": "../secrets"}, 404, "dataset", "dataset_not_found"),
        ({"split": "train"}, 422, "split", "nothing_to_evaluate"),
        ({"rows": -1}, 422, "rows", "invalid_input"),
        ({"rows": "some"}, 422, None, "invalid_input"),
        ({"metrics": ["accuracy"]}, 422, "metrics.0", "invalid_input"),
        ({"dataset": "dataset_text", "metrics": ["bleu"]}, 422, "metrics", "metric_not_offered"),
        ({"temperature": 1}, 422, "temperature", "invalid_input"),
        ({"slice_by": "category"}, 422, "slice_by", "unknown_column"),
    ],
)
async def test_bad_requests_name_field_limit_and_remedy(
    service: RunningService, body: dict[str, Any], status: int, field: str | None, code: str
) -> None:
    before = (await service.http.get("/evaluations?limit=200")).json()["items"]
    response = await service.http.post("/models/custom/model_tuned/evaluate", json=body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert problem["remedy"]
    assert field is None or problem["field"] == field
    assert (await service.http.get("/evaluations?limit=200")).json()["items"] == before


async def test_unknown_model_and_repeated_idempotency_key(service: RunningService) -> None:
    response = await service.http.post("/models/custom/model_none/evaluate", json={})
    assert (response.status_code, response.json()["code"]) == (404, "model_not_found")
    key = {"Idempotency-Key": "mine"}
    url = "/models/custom/model_tuned/evaluate"
    first = await service.http.post(url, json={"rows": 2}, headers=key)
    second = await service.http.post(url, json={"rows": 2}, headers=key)
    assert first.headers["location"] == f"/evaluations/{first.json()['id']}"
    assert first.json()["id"] == second.json()["id"]
    assert (await service.http.post(url, json={"rows": 3}, headers=key)).status_code == 409


async def test_repeated_request_for_a_deleted_model_returns_the_first_evaluation(service: RunningService) -> None:
    await service.publish_models("model_brief")
    url, key = "/models/custom/model_brief/evaluate", {"Idempotency-Key": "brief"}
    requested = await service.http.post(url, json={"rows": 1}, headers=key)
    await service.http.post(f"/evaluations/{requested.json()['id']}/cancel")
    await delete_artifact(service.resources.blobs, "default/models/custom/model_brief")
    again = await service.http.post(url, json={"rows": 1}, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, requested.json()["id"])


async def test_deletion_removes_the_report_and_a_repeated_event_does_not_undo_it(service: RunningService) -> None:
    await service.publish_models("model_scored")
    store, blobs = await open_evaluations(service.resources), service.resources.blobs
    evaluations = EvaluationService(store, blobs, None, open_uses(blobs, store))  # type: ignore[arg-type]
    handler = subscriptions(evaluations, None)[TrainingSucceeded]  # type: ignore[arg-type]
    envelope = Envelope.of(trained("model_scored"), service="training", subject="job_1", project="default")
    await service.resources.bus.publish(envelope)
    while (completed := await service.next_event(EvaluationCompleted))["model_id"] != "model_scored":
        pass  # requested by an earlier test
    url = f"/evaluations/{completed['evaluation_id']}"
    deleted = await service.http.delete(url)
    assert deleted.status_code == 204, deleted.text
    await service.next_event(EvaluationDeleted)
    for gone in (url, f"{url}/predictions"):
        assert (await service.http.get(gone)).status_code == 404
    assert await blobs.list(f"default{url}") == []
    await handler(trained("model_scored"), envelope)  # delivered again; an exception would dead-letter it
    assert (await service.http.get("/evaluations?model_id=model_scored")).json()["items"] == []
    requested = await evaluate(service, "model_scored", rows=1)
    running = await service.http.delete(f"/evaluations/{requested['id']}")
    assert (running.status_code, running.json()["code"]) == (409, "evaluation_running")
    await finished(service, requested)


async def test_event_for_a_deleted_model_or_dataset_is_ignored(service: RunningService) -> None:
    await service.publish_models("model_orphan", dataset_id="dataset_gone")
    store, blobs = await open_evaluations(service.resources), service.resources.blobs
    evaluations = EvaluationService(store, blobs, None, open_uses(blobs, store))  # type: ignore[arg-type]
    for event in (trained("model_gone"), trained("model_orphan")):
        envelope = Envelope.of(event, service="training", subject="job_1", project="default")
        handle = subscriptions(evaluations, None)[TrainingSucceeded]  # type: ignore[arg-type]
        await handle(event, envelope)  # an exception would dead-letter the event
        assert (await service.http.get(f"/evaluations?model_id={event.model_id}")).json()["items"] == []


async def test_subscriptions_match_the_registry() -> None:
    registered = {event for event, services in CONSUMERS.items() if "evaluation" in services}
    assert set(subscriptions(None, None)) == registered  # type: ignore[arg-type]


async def shown(service: RunningService, evaluation: dict[str, Any]) -> dict[str, Any]:
    return json.loads((await service.http.get(f"/evaluations/{evaluation['id']}")).content)


async def engine_pid(service: RunningService) -> int:
    """Wait for the engine process, a child of the forkserver, and return its id."""

    async def children() -> list[str]:
        forkserver = service.resources.engines.forkserver_pid()
        return Path(f"/proc/{forkserver}/task/{forkserver}/children").read_text().split() if forkserver else []

    return int((await wait_until(children))[0])
