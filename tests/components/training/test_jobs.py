"""The training service on its embedded adapters, with a scripted engine that speaks the whole protocol."""

import asyncio
import errno
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.training.jobs import attempt
from services.training.jobs.checkpoints import store_checkpoint
from services.training.jobs.cleanup import Cleanup
from services.training.jobs.log_writer import LogWriter
from services.training.jobs.publishing import finish, stage
from services.training.models import Job
from services.training.store import Stores
from shared.blobs.artifacts import publish, read_manifest
from shared.blobs.uses import add_use, users_of
from shared.events.envelope import Event
from shared.events.training import ModelRenamed
from shared.runtime.errors import Unavailable
from shared.runtime.http.principal import Principal
from shared.runtime.jobs import leases
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.processes import watchdog
from shared.runtime.processes.children import Engines
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings
from tests.support.damage import flip_bit
from tests.support.data_cases import data_case
from tests.support.platform import wait_until
from tests.support.scripted_trainer import expected_losses
from tests.support.signing import SignedAs
from tests.support.training_service import (
    FINAL,
    TrainingHarness,
    losses,
    open_training,
    problem,
    put_dataset,
)


async def test_a_hanging_engine_ends_with_its_time_budget(
    service: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "FINAL_GRACE_S", 3.0)
    service.control(hold_at=2, deaf=True)
    job = await service.submit(max_minutes=0.001)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["cause"]) == ("failed", "max_minutes_exceeded")
    assert "Set max_minutes higher" in done["detail"]


async def test_job_publishes_a_model_and_an_event(service: TrainingHarness) -> None:
    job = await service.submit(name="first", after=["evaluate"])
    done = await service.wait_for_state(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    event = await service.wait_for_event("training.succeeded.v1", model_id=done["model_id"])
    assert event.correlationid == job["id"]
    assert event.data["after"] == ["evaluate"]

    manifest = await read_manifest(service.resources.blobs, f"default/models/custom/{done['model_id']}")
    assert manifest["base_uri"] == "anneal://_shared/models/base/seedling"
    assert {entry["name"] for entry in manifest["files"]} == {"adapter_config.json", "adapter_model.safetensors"}
    assert done["progress"] == {"step": 20, "total": 20, "percent": 100}
    assert [e["step"] for e in done["evaluations"]] == [5, 10, 15, 20]

    page = (await service.http.get("/training/jobs")).json()["items"]
    listed = next(each for each in page if each["id"] == job["id"])
    step_losses = expected_losses(20, job["hyperparameters"]["seed"])
    assert (listed["loss"], listed["progress"]) == (step_losses[20], done["progress"])
    assert listed["best_validation_loss"] == min(step_losses[step] for step in (5, 10, 15, 20))
    assert (job["loss"], job["best_validation_loss"]) == (None, None)

    models = (await service.http.get("/models/custom")).json()["items"]
    assert done["model_id"] in [model["id"] for model in models]


async def test_usage_counts_queued_jobs_and_the_hours_of_the_month(service: TrainingHarness) -> None:
    done = await service.wait_for_state((await service.submit())["id"], *FINAL)
    jobs = await service.resources.documents.collection("training.jobs")

    async def cleaned() -> bool:
        return not (await jobs.get(done["id"]) or {})["has_files"]

    await wait_until(cleaned)  # the cleanup's write would replace the heartbeats below
    usage = []
    for beats in (0, 1440):  # one every five seconds: two hours
        await jobs.patch(done["id"], {}, set={"beat": beats})
        usage.append((await service.http.get("/training/jobs/usage")).json())
    assert [(found["queued_jobs"], found["gpu_hours"]) for found in usage] == [(0, 0), (0, 0)]
    hours = usage[1]["cpu_hours"] - usage[0]["cpu_hours"]
    assert hours == pytest.approx(2 * done["resources"]["cpu"]), "beside the hours of this service's other jobs"


@data_case("Splits", "rows of a test split", "no part of training, nor of the validation during it", "")
async def test_test_rows_are_not_trained(service: TrainingHarness) -> None:
    shards = {split: ["train-00000.parquet"] for split in ("train", "validation", "test")}
    await put_dataset(service.resources, "ds_3", rows={"train": 8, "validation": 2, "test": 5}, shards=shards)
    await put_dataset(service.resources, "ds_test", rows={"train": 0, "validation": 0, "test": 5}, shards=shards)
    for validation, trained in ((None, 1), ("ds_1", 2)):
        job = await service.submit(dataset="ds_3", validation=validation)
        await service.wait_for_state(job["id"], *FINAL)
        started = next(r for r in await service.records(job["id"]) if r.get("message", "").startswith("pid"))
        assert started["rows"] == trained, "shards of the train split, and of validation where another set validates"
    for field in ("dataset", "validation"):
        body = {"base": "seedling", "dataset": "ds_3", field: "ds_test"}
        answer = await service.http.post("/training/jobs", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("settings", [{}, {"method": "full"}, {"method": "qlora", "lora": {"rslora": True}}])
async def test_manifest_has_the_request_that_repeats_the_job(
    service: TrainingHarness, settings: dict[str, Any]
) -> None:
    done = await service.wait_for_state((await service.submit(**settings))["id"], *FINAL)
    manifest = await read_manifest(service.resources.blobs, f"default/models/custom/{done['model_id']}")
    answer = await service.http.post("/training/jobs", json=manifest["provenance"]["request"])
    assert answer.status_code == 201, answer.text
    repeated = answer.json()
    for member in ("base", "method", "dataset_id", "dataset_version", "hyperparameters"):
        assert repeated[member] == done[member]


async def test_cleanup_deletes_the_files_of_ended_jobs(service: TrainingHarness) -> None:
    job = await service.submit()
    await service.wait_for_state(job["id"], "succeeded")
    assert await service.resources.blobs.list(f"default/models/custom/{(await service.job(job['id']))['model_id']}")
    await Cleanup(service.resources.blobs, await Stores.open(service.resources), 1).sweep()
    left = await service.resources.blobs.list(f"default/jobs/{job['id']}")
    assert {Path(blob.key).parent.name for blob in left} == {"checkpoint-15", "checkpoint-20"}
    assert not list((service.resources.scratch / "training").glob(f"{job['id']}*"))


async def test_response_shows_every_setting_and_which_are_defaults(service: TrainingHarness) -> None:
    job = await service.submit(method="full", learning_rate=0.01)
    assert job["hyperparameters"]["learning_rate"] == 0.01
    assert job["hyperparameters"]["weight_decay"] == 0.01
    assert "weight_decay" in job["defaulted"]
    assert "learning_rate" not in job["defaulted"]
    await service.wait_for_state(job["id"], *FINAL)


async def test_response_shows_how_vllm_will_serve_the_model(service: TrainingHarness) -> None:
    plain, wide = await service.submit(max_steps=1), await service.submit(max_steps=1, lora={"rank": 128})
    assert plain["serving"]["form"] == "adapter"
    assert (wide["serving"]["form"], wide["serving"]["reason"]) == ("merged", "rank 128 is above 64")
    assert wide["serving"]["remedy"]
    for job in (plain, wide):
        await service.wait_for_state(job["id"], *FINAL)


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"learning_rate": -0.1}, 422, "invalid_input", "learning_rate"),
        ({"base": "nobody/nothing"}, 404, "unknown_base", "base"),
        ({"base": "../../etc"}, 404, "unknown_base", "base"),
        ({"dataset": "ds_none"}, 404, "unknown_dataset", "dataset"),
        ({"dataset": "ds_1@v9"}, 404, "unknown_dataset", "dataset"),
        ({"dataset": "../x"}, 404, "unknown_dataset", "dataset"),
        ({"dataset": "ds_empty"}, 422, "unsuitable_dataset", "dataset"),
        ({"learning_rat": 0.1}, 422, "invalid_input", "learning_rat"),
        ({"method": "magic"}, 422, "invalid_input", "method"),
        ({"epochs": 1, "max_steps": 5}, 422, "invalid_input", "epochs"),
        ({"resources": {"cpu": 10_000}}, 422, "exceeds_machine", "resources.cpu"),
        ({"preset": "nope"}, 404, "not_found", "preset"),
    ],
)
async def test_invalid_request_names_field_limit_and_remedy(
    service: TrainingHarness, fields: dict[str, Any], status: int, code: str, field: str
) -> None:
    await put_dataset(service.resources, "ds_empty", rows={"train": 0})
    before = (await service.http.get("/training/jobs")).json()["items"]
    answer = await service.http.post("/training/jobs", json={"dataset": "ds_1", **fields})
    assert (problem(answer, status, code))["field"] == field
    assert (await service.http.get("/training/jobs")).json()["items"] == before


async def test_unknown_base_model_lists_available_ones(service: TrainingHarness) -> None:
    answer = await service.http.post("/training/jobs", json={"dataset": "ds_1", "base": "gpt-9"})
    assert "seedling" in answer.json()["limit"]


async def test_repeated_request_creates_one_job(service: TrainingHarness) -> None:
    key, body = {"Idempotency-Key": "once"}, {"dataset": "ds_1", "max_steps": 2}
    first, second = [await service.http.post("/training/jobs", json=body, headers=key) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    other = await service.http.post("/training/jobs", json={**body, "max_steps": 3}, headers=key)
    assert (problem(other, 409, "conflict"))["field"] == "Idempotency-Key"


async def test_repeated_request_returns_its_job_after_the_dataset_is_deleted(service: TrainingHarness) -> None:
    key, body = {"Idempotency-Key": "outlives"}, {"dataset": "ds_short", "max_steps": 1}
    await put_dataset(service.resources, "ds_short")
    first = await service.http.post("/training/jobs", json=body, headers=key)
    await service.wait_for_state(first.json()["id"], *FINAL)
    await service.resources.blobs.delete("default/datasets/ds_short")
    again = await service.http.post("/training/jobs", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


async def test_killed_engine_resumes_from_its_checkpoint(service: TrainingHarness) -> None:
    undisturbed = await service.submit(seed=7)
    await service.wait_for_state(undisturbed["id"], "succeeded")
    service.control(hold_at=12)
    job = await service.submit(seed=7)
    held = await service.wait_for_log(job["id"], "holding")
    os.kill(int(held["logs"][0]["message"].removeprefix("pid ")), signal.SIGKILL)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]

    records = await service.records(job["id"])
    assert [r["step"] for r in records if r["kind"] == "rewind"] == [10]
    assert losses(records) == losses(await service.records(undisturbed["id"]))
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
    metrics = (await service.http.get(f"/training/jobs/{job['id']}/metrics", params={"after": 3, "limit": 4})).json()
    assert len(metrics["records"]) == 4
    assert metrics["records"][0]["seq"] > 3


async def test_engine_that_always_dies_fails_the_job(service: TrainingHarness) -> None:
    service.control(fail={"code": "engine_crashed", "detail": "boom"})
    job = await service.submit()
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["cause"], done["attempts"]) == ("failed", "engine_crashed", 3)


async def test_out_of_memory_resumes_with_smaller_micro_batches(service: TrainingHarness) -> None:
    undisturbed = await service.submit(seed=7, batch_size=8)
    await service.wait_for_state(undisturbed["id"], "succeeded")
    service.control(memory=300)
    job = await service.submit(seed=7, batch_size=8)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["attempts"]) == ("succeeded", 1), done["logs"]
    assert done["micro_batch_tokens"] == 200  # of 8 rows of at most 100 tokens: 400, then 200
    assert done["hyperparameters"] == undisturbed["hyperparameters"]

    warnings = [line["message"] for line in done["logs"] if line["level"] == "warning"]
    assert ["at most 400 tokens" in warnings[0], "at most 200 tokens" in warnings[1]] == [True, True]
    records = await service.records(job["id"])
    assert [r["step"] for r in records if r["kind"] == "rewind"] == [5, 5]
    assert losses(records) == losses(await service.records(undisturbed["id"]))


async def test_single_row_out_of_memory_recomputes_activations(
    service: TrainingHarness,
) -> None:
    service.control(memory=60)
    done = await service.wait_for_state((await service.submit(batch_size=2))["id"], *FINAL)
    assert (done["state"], done["micro_batch_tokens"], done["recomputes"]) == ("succeeded", 100, True)
    assert "recomputes activations" in [line["message"] for line in done["logs"] if line["level"] == "warning"][-1]


async def test_single_row_out_of_memory_while_recomputing_fails_with_a_remedy(service: TrainingHarness) -> None:
    service.control(memory=40)
    job = await service.submit(batch_size=2)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["cause"], done["micro_batch_tokens"]) == ("failed", "out_of_memory", 100)
    assert "max_length" in done["detail"]


async def test_training_continues_while_a_checkpoint_is_stored(
    service: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, held = service.resources.blobs, asyncio.Event()
    put = blobs.put

    async def slow(key: str, data: Any) -> Any:
        if "/checkpoint-5/" in key:
            await held.wait()
        return await put(key, data)

    monkeypatch.setattr(blobs, "put", slow)
    service.control(hold_at=8)
    job = await service.submit()
    holding = await service.wait_for_log(job["id"], "holding")
    assert holding["checkpoints"] == []

    os.kill(int(holding["logs"][0]["message"].removeprefix("pid ")), signal.SIGKILL)
    held.set()
    done = await service.wait_for_state(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    records = await service.records(job["id"])
    assert [r["step"] for r in records if r["kind"] == "rewind"] == [5]  # it was stored before the next attempt
    assert [r["step"] for r in records if r["kind"] == "checkpoint"] == [5, 10, 15, 20]


async def test_checkpoint_that_cannot_be_stored_fails_the_attempt(
    service: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, times = service.resources.blobs, [0]
    put = blobs.put

    async def broken_once(key: str, data: Any) -> Any:
        if "/checkpoint-10/" in key and not times[0]:
            times[0] += 1
            raise ConnectionError("the store is unreachable")
        return await put(key, data)

    monkeypatch.setattr(blobs, "put", broken_once)
    done = await service.wait_for_state((await service.submit())["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    assert [r["step"] for r in await service.records(done["id"]) if r["kind"] == "rewind"] == [5]


async def test_training_outlasts_an_outage_of_the_blob_store(
    service: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, is_away = service.resources.blobs, True
    put = blobs.put

    async def away(key: str, data: Any) -> Any:
        if is_away and "/jobs/" in key:
            raise Unavailable("The object store does not answer: ReadTimeoutError.")
        return await put(key, data)

    monkeypatch.setattr(leases, "OUTAGE_RETRY_S", 0.05)
    monkeypatch.setattr(blobs, "put", away)
    job = await service.submit()
    await service.wait_for_log(
        job["id"], "The checkpoint of step 15 could not be stored before the next one, and is dropped."
    )
    is_away = False
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["attempts"]) == ("succeeded", 1), done["logs"]
    records = await service.records(job["id"])
    assert [r["kind"] for r in records if r["kind"] in ("rewind", "checkpoint")] == ["checkpoint"]
    assert losses(records) == expected_losses(20, job["hyperparameters"]["seed"])
    assert any("does not answer" in line["message"] for line in done["logs"])


async def test_full_disk_pauses_at_the_last_checkpoint(
    service: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, full = service.resources.blobs, ["/checkpoint-10/", "/model/"]
    put = blobs.put

    async def put_on_full_disk(key: str, data: Any) -> Any:
        if any(part in key for part in full):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return await put(key, data)

    monkeypatch.setattr(blobs, "put", put_on_full_disk)
    job = await service.submit(max_steps=12)
    paused = await service.wait_for_state(job["id"], "paused", *FINAL)
    assert (paused["state"], paused["cause"]) == ("paused", "disk_full")
    assert "resume" in paused["detail"]
    assert [c["step"] for c in paused["checkpoints"]] == [5]
    assert any("checkpoint of step 10 is not stored" in line["message"] for line in paused["logs"])

    full.clear()
    assert (await service.http.post(f"/training/jobs/{job['id']}/resume")).status_code == 202
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["cause"]) == ("succeeded", None)
    assert [r["step"] for r in await service.records(job["id"]) if r["kind"] == "rewind"] == [5]


async def test_permanent_failure_is_not_retried(service: TrainingHarness) -> None:
    service.control(fail={"code": "diverged", "detail": "The loss is not a number."})
    job = await service.submit()
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["cause"], done["attempts"]) == ("failed", "diverged", 1)
    assert "learning_rate" in done["detail"]


@data_case(
    "API", "A job of which half of the rows were skipped", "`warnings` of the job, its model and its event, once each"
)
async def test_warnings_stay_with_the_job_and_its_model(service: TrainingHarness) -> None:
    warning = {"code": "rows_skipped", "detail": "Half of the rows.", "count": 5, "example": "a.jsonl:2"}
    service.control(warnings=[warning], hold_at=12, hold_tokens=[1])
    id = (await service.submit())["id"]
    await service.wait_for_record_of(id, "checkpoint")
    (shown,) = (await service.job(id))["warnings"]
    assert shown == {**warning, "remedy": None}, "while it runs"
    await service.http.post(f"/training/jobs/{id}/pause")
    await service.wait_for_state(id, "paused")
    await service.http.post(f"/training/jobs/{id}/resume")
    done = await service.wait_for_state(id, *FINAL)
    assert (done["state"], done["warnings"]) == ("succeeded", [shown]), "the second attempt repeats it"
    service.control()
    manifest = await read_manifest(service.resources.blobs, f"default/models/custom/{done['model_id']}")
    assert [found["code"] for found in manifest["provenance"]["training"]["warnings"]] == ["rows_skipped"]


@data_case(
    "API", "OpenAI's job list with `metadata[key]=value`", "only the jobs with this metadata", "OpenAI jobs list"
)
async def test_jobs_are_listed_by_metadata(service: TrainingHarness) -> None:
    for team in ("blue", "red", "blue"):
        body = {"model": "seedling", "training_file": "ds_1", "metadata": {"team": team}}
        assert (await service.http.post("/v1/fine_tuning/jobs", json=body)).status_code < 300
    query = {"metadata[team]": "blue", "limit": 1}
    first = (await service.http.get("/v1/fine_tuning/jobs", params=query)).json()
    rest = (await service.http.get("/v1/fine_tuning/jobs", params={**query, "after": first["data"][0]["id"]})).json()
    found = [*first["data"], *rest["data"]]
    assert [job["metadata"] for job in found] == [{"team": "blue"}] * 2
    assert (first["has_more"], rest["has_more"]) == (True, False)
    for job in (await service.http.get("/v1/fine_tuning/jobs")).json()["data"][:3]:
        await service.cancel(job["id"])


@data_case("API", "early stopping without validation rows", "it has no effect, with a warning")
async def test_early_stopping_without_validation_is_a_warning(service: TrainingHarness) -> None:
    await put_dataset(service.resources, "ds_all", rows={"train": 8, "validation": 0})
    job = await service.submit(dataset="ds_all", early_stopping_patience=1)
    assert [warning["code"] for warning in job["warnings"]] == ["early_stopping_without_validation"]
    await service.cancel(job["id"])


@data_case("API", "`max_length` above the model's context", "used up to the context, with a warning")
async def test_length_beyond_the_context_is_a_warning(service: TrainingHarness) -> None:
    job = await service.submit(max_length=100_000)
    (warning,) = job["warnings"]
    assert (warning["code"], job["hyperparameters"]["max_length"]) == ("max_length_reduced", 512)
    await service.cancel(job["id"])


async def test_requested_evaluations_that_take_a_large_share_are_a_warning(service: TrainingHarness) -> None:
    job = await service.submit(eval_every=1, eval_rows=20)
    (warning,) = job["warnings"]
    assert (warning["code"], job["hyperparameters"]["eval_every"]) == ("evaluation_share", 1)
    assert "20 rows every 1 steps" in warning["detail"]
    await service.cancel(job["id"])


@data_case("API", "A warm-up longer than the job", "a warning at submit, and beside the result", "HF forums")
async def test_warmup_that_never_ends_is_a_warning(service: TrainingHarness) -> None:
    job = await service.submit(warmup_steps=100)
    assert [warning["code"] for warning in job["warnings"]] == ["warmup_not_finished"]
    await service.cancel(job["id"])


@data_case("API", "`dtype: fp16` on a machine without a GPU", "422 with the allowed values")
async def test_fp16_without_a_gpu_is_refused(service: TrainingHarness) -> None:
    body = {"dataset": "ds_1", "dtype": "fp16"}
    for path in ("/training/jobs", "/training/estimate"):
        answer = await service.http.post(path, json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "dtype"), path


async def test_dtype_is_resolved_at_submit_as_the_estimate_shows(service: TrainingHarness) -> None:
    estimate = (await service.http.post("/training/estimate", json={"dataset": "ds_1"})).json()
    for settings in ({}, {"dtype": "auto"}):
        job = await service.submit(**settings)
        assert job["hyperparameters"]["dtype"] == estimate["dtype"] == estimate["hyperparameters"]["dtype"] == "fp32"
        await service.cancel(job["id"])


@data_case("API", "`lora.targets` as names with commas", "read as a list", "LLaMA-Factory lora_target")
async def test_targets_may_be_one_text(service: TrainingHarness) -> None:
    job = await service.submit(lora={"targets": "q_proj, v_proj"})
    assert job["hyperparameters"]["lora"]["targets"] == ["q_proj", "v_proj"]
    await service.cancel(job["id"])


@data_case(
    "Templates",
    "Rows that the base's chat template cannot show",
    "422 before the job is queued, with count, example and remedy; skipped where the request says so",
)
async def test_rows_that_the_template_cannot_show_are_refused_or_skipped(service: TrainingHarness) -> None:
    features = {"system": {"rows": 1, "example": "a.jsonl:9"}, "tool_calls": {"rows": 2, "example": "a.jsonl:4"}}
    await put_dataset(service.resources, "ds_tools", features=features)
    answer = await service.http.post("/training/jobs", json={"dataset": "ds_tools"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, "unsupported_rows", "unsupported_rows")
    assert (problem["count"], problem["example"], problem["features"]) == (2, "a.jsonl:4", {"tool_calls": 2})
    job = await service.submit(dataset="ds_tools", unsupported_rows="skip")
    (warning,) = job["warnings"]
    assert (warning["code"], warning["count"], warning["example"]) == ("unsupported_rows", 2, "a.jsonl:4")
    await service.cancel(job["id"])


@data_case(
    "Templates",
    "A separate validation dataset with rows that the base's chat template cannot show",
    "422 before the job is queued, as for the training rows; the example names the dataset",
)
async def test_rows_of_the_validation_dataset_are_checked_too(service: TrainingHarness) -> None:
    calls = {"tool_calls": {"rows": 2, "example": "v.jsonl:4"}}
    await put_dataset(service.resources, "ds_checks", name="Checks", features=calls)
    answer = await service.http.post("/training/jobs", json={"dataset": "ds_1", "validation": "ds_checks"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["count"]) == (422, "unsupported_rows", 2)
    assert problem["example"] == "v.jsonl:4 of Checks"
    await put_dataset(service.resources, "ds_both", features={"tool_calls": {"rows": 3, "example": "a.jsonl:1"}})
    job = await service.submit(dataset="ds_both", validation="ds_checks", unsupported_rows="skip")
    (warning,) = job["warnings"]
    assert (warning["count"], warning["example"]) == (5, "a.jsonl:1")
    await service.cancel(job["id"])


@data_case(
    "Templates",
    "Rows with tools, and a base model that an earlier version added without looking at its chat template",
    "a warning before the job is queued says what is not known; rows that the template cannot show are skipped",
)
async def test_base_model_that_was_not_probed_is_a_warning(service: TrainingHarness) -> None:
    key = "_shared/models/base/seedling"
    seedling, folder = (
        await read_manifest(service.resources.blobs, key),
        await service.resources.blobs.local_folder(key),
    )
    files = {entry["name"]: folder / entry["name"] for entry in seedling["files"]}
    now = {name: value for name, value in seedling.items() if name != "files"}
    features = {"system": {"rows": 1, "example": "a.jsonl:9"}, "tools": {"rows": 2, "example": "a.jsonl:4"}}
    await put_dataset(service.resources, "ds_unknown", features=features)
    await publish(service.resources.blobs, key, None, {**now, "template_features": None}, files=files)
    try:
        job = await service.submit(dataset="ds_unknown")
        (warning,) = job["warnings"]
        assert (warning["code"], warning["count"], warning["example"]) == ("template_not_probed", 2, "a.jsonl:4")
        other = await service.submit(dataset="ds_1")
        assert other["warnings"] == [], "these rows need nothing of a template"
        for submitted in (job, other):
            await service.cancel(submitted["id"])
    finally:
        await publish(service.resources.blobs, key, None, now, files=files)


async def test_stalled_engine_is_killed_and_the_job_resumes(
    service: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "MIN_LIMIT_S", 5.0)
    service.control(hold_at=8, deaf=True)
    job = await service.submit(checkpoint_every=4)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["detail"]
    records = await service.records(job["id"])
    assert any("made no progress" in record.get("message", "") for record in records)
    assert losses(records) == expected_losses(20, job["hyperparameters"]["seed"])


async def test_changed_dataset_file_is_not_trained(service: TrainingHarness) -> None:
    await put_dataset(service.resources, "ds_changed")
    flip_bit(await service.resources.blobs.local_folder("default/datasets/ds_changed/v1") / "train-00000.parquet")
    failed = await service.wait_for_state((await service.submit(dataset="ds_changed"))["id"], *FINAL)
    assert (failed["state"], failed["cause"]) == ("failed", "corrupt_artifact")
    assert "train-00000.parquet" in failed["detail"]


async def test_dataset_is_in_use_until_its_job_ends(service: TrainingHarness) -> None:
    service.control(hold_at=3)
    blobs = service.resources.blobs
    await put_dataset(service.resources, "ds_used")
    job = await service.submit(dataset="ds_used")
    assert await users_of(blobs, "default", "ds_used") == [job["id"]]
    await service.http.post(f"/training/jobs/{job['id']}/cancel")
    await service.wait_for_state(job["id"], "cancelled")
    await Cleanup(blobs, await Stores.open(service.resources), 0).sweep()
    assert await users_of(blobs, "default", "ds_used") == []


@data_case("API", "A use of a dataset whose job was never created", "it is dropped, and the dataset can be deleted")
async def test_use_without_a_job_is_dropped(service: TrainingHarness) -> None:
    """The process died between the two writes of a submit."""
    blobs = service.resources.blobs
    service.control(hold_at=3)
    job = await service.submit()
    await add_use(blobs, "default", "ds_1", "job_never_created")
    uses = Cleanup(blobs, await Stores.open(service.resources), 0).uses
    await uses.drop_unowned()
    assert len(await users_of(blobs, "default", "ds_1")) == 2, "the submit may still create its job"
    await uses.drop_unowned(older_than_s=0)
    assert await users_of(blobs, "default", "ds_1") == [job["id"]]
    await service.cancel(job["id"])


async def test_paused_job_resumes_from_its_checkpoint(service: TrainingHarness) -> None:
    service.control(hold_at=12)
    job = await service.submit()
    await service.wait_for_log(job["id"], "holding")
    assert (await service.http.post(f"/training/jobs/{job['id']}/pause")).status_code == 202
    paused = await service.wait_for_state(job["id"], "paused")
    assert [c["step"] for c in paused["checkpoints"]] == [10, 12]
    await service.http.post(f"/training/jobs/{job['id']}/resume")
    done = await service.wait_for_state(job["id"], *FINAL)
    assert done["state"] == "succeeded"
    assert [r["step"] for r in await service.records(job["id"]) if r["kind"] == "rewind"] == [12]
    problem(await service.http.post(f"/training/jobs/{job['id']}/resume"), 409, "conflict")


async def test_running_and_queued_jobs_are_cancelled(service: TrainingHarness) -> None:
    service.control(hold_at=2)
    running = await service.submit()
    await service.wait_for_log(running["id"], "holding")
    waiting, last = await service.submit(), await service.submit(priority=-5)
    shown = await service.job(last["id"])
    assert (shown["state"], shown["queue_position"]) == ("queued", 2)
    assert "slot" in shown["waits_for"]
    for job in (waiting, last):
        assert (await service.http.post(f"/training/jobs/{job['id']}/cancel")).json()["state"] == "cancelled"
    await service.http.post(f"/training/jobs/{running['id']}/cancel")
    assert (await service.wait_for_state(running["id"], *FINAL))["state"] == "cancelled"


async def test_jobs_are_tagged_while_they_run_and_archived_once_they_have_ended(service: TrainingHarness) -> None:
    service.control(hold_at=2)
    url = f"/training/jobs/{(job := await service.submit())['id']}"
    await service.wait_for_log(job["id"], "holding")
    tagged = (await service.http.patch(url, json={"add_tags": ["sweep", " baseline ", "sweep"]})).json()
    assert (tagged["tags"], tagged["archived"]) == (["baseline", "sweep"], False)
    for refused in (
        {"add_tags": ["a,b"]},
        {"add_tags": [""]},
        {"add_tags": [f"t{n}" for n in range(19)]},
        {"tags": []},
    ):
        assert (await service.http.patch(url, json=refused)).status_code == 422
    changes = ({"add_tags": [f"t{n}"]} for n in range(10))  # at once: none is lost
    await asyncio.gather(*(service.http.patch(url, json=change) for change in changes))
    changed = (await service.http.patch(url, json={"remove_tags": [f"t{n}" for n in range(10)]})).json()
    assert changed["tags"] == ["baseline", "sweep"]
    problem(await service.http.patch(url, json={"archived": True}), 409, "conflict")
    await service.http.post(f"{url}/cancel")
    await service.wait_for_state(job["id"], *FINAL)
    archived = (await service.http.patch(url, json={"archived": True})).json()
    assert (archived["tags"], archived["archived"], archived["state"]) == (["baseline", "sweep"], True, "cancelled")

    async def listed(**query: bool) -> bool:
        page = (await service.http.get("/training/jobs", params={"limit": 200, **query})).json()
        return job["id"] in [item["id"] for item in page["items"]]

    assert (await listed(), await listed(archived=True), await listed(archived=False)) == (True, True, False)
    await service.http.patch(url, json={"archived": False, "remove_tags": ["sweep"]})
    assert (await listed(archived=True), await listed(archived=False)) == (False, True)


async def test_unresponsive_engine_is_killed(service: TrainingHarness) -> None:
    service.control(hold_at=2, deaf=True)
    job = await service.submit()
    await service.wait_for_log(job["id"], "holding")
    await service.http.post(f"/training/jobs/{job['id']}/cancel")
    assert (await service.wait_for_state(job["id"], *FINAL))["state"] == "cancelled"


async def test_shutdown_writes_a_checkpoint_and_the_next_start_resumes(
    tmp_path: Path, engines: Engines, tiny_model: Path
) -> None:
    async with open_training(tmp_path, engines, tiny_model) as first:
        first.control(hold_at=7)
        job = await first.submit()
        await first.wait_for_log(job["id"], "holding")
    async with open_training(tmp_path, engines, tiny_model) as second:
        done = await second.wait_for_state(job["id"], *FINAL)
        assert (done["state"], done["attempts"]) == ("succeeded", 1)
        assert [r["step"] for r in await second.records(job["id"]) if r["kind"] == "rewind"] == [7]


async def test_interrupted_publication_is_finished_by_the_next_claim(
    tmp_path: Path, engines: Engines, tiny_model: Path
) -> None:
    async with open_resources(Settings(home=tmp_path)) as resources:
        stores = await Stores.open(resources)
        job = await stores.jobs.create(a_job("job_half"))
        job = await stores.jobs.change(job.id, lambda j: j.claim("a worker that died"))
        model = tmp_path / "model"
        model.mkdir()
        (model / "adapter_config.json").write_text("{}")
        await stage(resources.blobs, job, Lease(stores.jobs, job), {"path": str(model), "metrics": {}})
    async with open_training(tmp_path, engines, tiny_model) as service:
        done = await service.wait_for_state("job_half", *FINAL)
        assert done["state"] == "succeeded"
        assert (await read_manifest(service.resources.blobs, f"default/models/custom/{done['model_id']}"))["files"]
        assert [r["state"] for r in await service.wait_for_record("job_half", "succeeded")] == [
            "publishing",
            "succeeded",
        ]


async def test_model_published_too_late_is_deleted(tmp_path: Path) -> None:
    async with open_resources(Settings(home=tmp_path)) as resources:
        stores, blobs = await Stores.open(resources), resources.blobs
        job = await stores.jobs.create(a_job("job_late", state="running", token=1))
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "adapter_config.json").write_text("{}")
        stale, result = Lease(stores.jobs, job), {"path": str(tmp_path / "model"), "metrics": {}}
        staged = await stage(blobs, job, stale, result)
        cleanup = Cleanup(blobs, stores, 0)
        await stores.jobs.change(job.id, lambda j: j.mark_cancelled())
        assert await cleanup.sweep() == 1
        await publish(
            blobs, str(staged.staged), tmp_path / "model", {}
        )  # the worker was reading it while the cleanup deleted it

        with pytest.raises(LeaseLost):
            await finish(blobs, stores, staged, stale)
        assert await blobs.list(f"default/models/custom/{job.model_id}")
        assert await cleanup.sweep() == 1
        assert await blobs.list("default/models/custom") == []
        assert await stores.custom_models.find() == []


async def test_stale_token_writes_nothing(service: TrainingHarness, tmp_path: Path) -> None:
    stores = await Stores.open(service.resources)
    job = a_job("job_stolen", state="running", token=1)
    await stores.jobs.create(job)
    stale = Lease(stores.jobs, job)
    old = await LogWriter.open(service.resources.bus, stores, job)
    taken = await stores.jobs.change(job.id, take_over)
    await LogWriter.open(service.resources.bus, stores, taken)

    old.log("info", "too late")
    with pytest.raises(LeaseLost):
        await old.flush()
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "state.json").write_text("{}")
    with pytest.raises(LeaseLost):
        await store_checkpoint(service.resources.blobs, job, stale, {"path": str(folder), "step": 5})
    with pytest.raises(LeaseLost):
        await stage(service.resources.blobs, job, stale, {"path": str(tmp_path), "metrics": {}})
    now = await stores.jobs.get(job.id)
    assert (now.checkpoints, now.manifest, await stores.streams.read(job.id)) == ([], None, [])
    await stores.jobs.change(job.id, lambda j: j.mark_cancelled())


async def test_holder_that_lost_an_ended_job_is_fenced_off(service: TrainingHarness) -> None:
    stores = await Stores.open(service.resources)
    job = a_job("job_ended", state="running", token=1)
    await stores.jobs.create(job)
    old = await LogWriter.open(service.resources.bus, stores, job)

    def cancelled(job: Job) -> Sequence[Event]:
        job.token += 1
        return job.mark_cancelled()

    ended = await stores.jobs.change(job.id, cancelled)
    await LogWriter.take_over(service.resources.bus, stores, ended)

    old.log("info", "too late")
    with pytest.raises(LeaseLost):
        await old.flush()
    assert [(r["kind"], r["state"]) for r in await stores.streams.read(job.id)] == [("state", "cancelled")]


def take_over(job: Job) -> None:
    job.token += 1


def a_job(id: str, **changes: Any) -> Job:
    fields = {
        "id": id,
        "project": "default",
        "name": "half",
        "base": "seedling",
        "base_uri": "anneal://_shared/models/base/seedling",
        "method": "lora",
        "dataset_id": "ds_1",
        "dataset_version": "v1",
        "hyperparameters": {"max_length": None},
        "resources": {"cpu": 1},
    }
    return Job.model_validate({**fields, **changes})


async def test_preset_fills_settings_that_a_request_leaves_out(service: TrainingHarness) -> None:
    settings = {"max_steps": 4, "learning_rate": 0.5, "lora": {"rank": 4}, "priority": 3}
    saved = await service.http.post("/training/presets", json={"name": "quick", "settings": settings})
    assert saved.status_code == 201
    taken = await service.http.post("/training/presets", json={"name": "quick", "settings": {}})
    problem(taken, 409, "in_use")
    body = {"dataset": "ds_1", "preset": "quick", "epochs": 1, "lora": {"alpha": 9}}
    job = (await service.http.post("/training/jobs", json=body)).json()
    values = job["hyperparameters"]
    assert (values["learning_rate"], values["epochs"], values["max_steps"], job["priority"]) == (0.5, 1, None, 3)
    assert (values["lora"]["rank"], values["lora"]["alpha"]) == (4, 9)
    await service.http.post(f"/training/jobs/{job['id']}/cancel")
    assert (await service.http.delete(f"/training/presets/{saved.json()['id']}")).status_code == 204
    assert (await service.http.get("/training/presets")).json()["items"] == []


async def test_private_preset_is_listed_for_its_owner_only(service: TrainingHarness) -> None:
    mine = {"name": "mine", "settings": {"max_steps": 4}, "shared": False}
    assert (await service.http.post("/training/presets", json=mine)).json()["shared"] is False
    await service.http.post("/training/presets", json={"name": "ours", "settings": {"max_steps": 4}})
    me, colleague = SignedAs(service.resources), SignedAs(service.resources, Principal("colleague", scopes=("*",)))

    async def names(auth: SignedAs) -> list[str]:
        presets = (await service.http.get("/training/presets", auth=auth)).json()["items"]
        return [preset["name"] for preset in presets]

    assert await names(me) == ["ours", "mine"]
    assert await names(colleague) == ["ours"]


async def test_machine_shows_what_jobs_hold(service: TrainingHarness) -> None:
    idle = (await service.http.get("/training/machine")).json()
    assert (idle["running"], idle["cpu_held"]) == (0, 0)
    assert idle["memory_used_gb"] > 0
    service.control(hold_at=1)
    job = await service.submit()
    await service.wait_for_state(job["id"], "running")
    busy = (await service.http.get("/training/machine")).json()
    assert (busy["running"], busy["cpu_held"]) == (1, job["resources"]["cpu"])
    assert 0 <= busy["cpu_percent"] <= 100
    await service.http.post(f"/training/jobs/{job['id']}/cancel")


async def test_running_job_shows_its_engines_usage(service: TrainingHarness) -> None:
    service.control(hold_at=0)
    job = await service.submit()
    held = await service.wait_for_log(job["id"], "holding")
    assert held["usage"] == {"cpu_percent": 99.0, "memory_mb": 7.0}
    await service.http.post(f"/training/jobs/{job['id']}/cancel")
    assert (await service.wait_for_state(job["id"], "cancelled"))["usage"] == {}


async def test_custom_model_is_renamed_trained_from_and_deleted(service: TrainingHarness) -> None:
    first = await service.wait_for_state((await service.submit())["id"], "succeeded")
    model = f"/models/custom/{first['model_id']}"
    renamed = await service.http.patch(model, json={"name": "Answers", "notes": "good"})
    assert (renamed.json()["name"], renamed.json()["notes"]) == ("Answers", "good")
    event = await service.wait_for_event(ModelRenamed.type, model_id=first["model_id"])
    assert event.data == {"model_id": first["model_id"], "name": "Answers"}
    assert event.sequence == 2

    second = await service.wait_for_state((await service.submit(base=first["model_id"]))["id"], *FINAL)
    assert second["name"] == "Support on Answers"
    assert second["state"] == "succeeded", second["logs"]
    assert second["base_uri"].endswith(first["model_id"])
    problem(await service.http.delete(model), 409, "in_use")
    assert (await service.http.delete(f"/models/custom/{second['model_id']}")).status_code == 204
    assert (await service.http.delete(model)).status_code == 204
    assert (await service.http.get(model)).status_code == 404
    assert await service.resources.blobs.list(f"default/models/custom/{first['model_id']}") == []


@data_case(
    "API", "`client.models.delete(id)`", "the custom model is deleted unless it is in use (409); a base model is not"
)
async def test_deletion_by_openais_api_has_the_same_rules(service: TrainingHarness) -> None:
    first = await service.wait_for_state((await service.submit())["id"], "succeeded")
    service.control(hold_at=1)
    job = await service.submit(base=first["model_id"])
    used = await service.http.delete(f"/v1/models/{first['model_id']}")
    assert (used.status_code, used.json()["error"]["param"], job["id"] in used.text) == (409, "model", True)
    await service.cancel(job["id"])
    deleted = await service.http.delete(f"/v1/models/{first['model_id']}")
    assert deleted.json() == {"id": first["model_id"], "object": "model", "deleted": True}
    for base, status in (("seedling", 400), (first["model_id"], 404), ("owner/name", 404)):
        refused = await service.http.delete(f"/v1/models/{base}")
        assert (refused.status_code, refused.json()["error"]["param"]) == (status, "model"), base


@data_case("API", "`client.models.delete(name)`", "the model with this name, if only one has it; else 404 with the ids")
async def test_model_is_deleted_by_its_unique_name(service: TrainingHarness) -> None:
    jobs = [await service.wait_for_state((await service.submit(name="beta"))["id"], "succeeded") for _ in range(2)]
    ids = {job["model_id"] for job in jobs}
    refused = await service.http.delete("/v1/models/beta")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (404, "ambiguous_model", "model")
    assert set(error["limit"]) == ids
    await service.http.delete(f"/v1/models/{jobs[0]['model_id']}")
    deleted = await service.http.delete("/v1/models/beta")
    assert deleted.json()["id"] == jobs[1]["model_id"]
    assert (await service.http.delete("/v1/models/beta")).status_code == 404


@data_case("API", "A model's name with other characters, or that is another model's id", "422 with what is allowed")
async def test_name_that_requests_cannot_use_is_refused(service: TrainingHarness) -> None:
    done = await service.wait_for_state((await service.submit(name="first"))["id"], "succeeded")
    other = await service.wait_for_state((await service.submit(name="  second "))["id"], "succeeded")
    assert other["name"] == "second"
    path = f"/models/custom/{done['model_id']}"
    for name in ("seedling", other["model_id"], "a/b\n<script>", "a\x00b", "   ", "a\u202eb"):
        refused = problem(await service.http.patch(path, json={"name": name}), 422, "invalid_input")
        assert refused["field"] == "name", name
        assert {"limit", "remedy"} <= refused.keys(), name
        body = {"dataset": "ds_1", "name": name}
        assert problem(await service.http.post("/training/jobs", json=body), 422, "invalid_input")["field"] == "name"
        fine_tuning = {"model": "seedling", "training_file": "ds_1", "suffix": name}
        answer = await service.http.post("/v1/fine_tuning/jobs", json=fine_tuning)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "suffix"), name
    for name in (" Café नमस्ते v1.2_b-3 (new) ", done["model_id"]):
        renamed = await service.http.patch(path, json={"name": name})
        assert renamed.json()["name"] == name.strip()


@data_case("Splits", "The training dataset as the validation dataset", "a warning of the job and the estimate")
async def test_validation_on_the_training_dataset_is_a_warning(service: TrainingHarness) -> None:
    body = {"dataset": "ds_1", "validation": "ds_1"}
    estimate = (await service.http.post("/training/estimate", json=body)).json()
    job = await service.submit(**body)
    fine_tuning = {"model": "seedling", "training_file": "ds_1", "validation_file": "ds_1"}
    openai_job = (await service.http.post("/v1/fine_tuning/jobs", json=fine_tuning)).json()
    for found in (estimate, job, openai_job):
        (warning,) = [each for each in found["warnings"] if each["code"] == "validation_is_training_data"]
        assert "Leave validation out" in warning["remedy"]
    for id in (job["id"], openai_job["id"]):
        await service.cancel(id)


@data_case(
    "API", "OpenAI's fine-tuning request with `unsupported_rows`", "as in our own API: skip trains on the others"
)
async def test_openai_request_may_skip_unsupported_rows(service: TrainingHarness) -> None:
    await put_dataset(service.resources, "ds_tools", features={"tool_calls": {"rows": 2, "example": "a.jsonl:4"}})
    body = {"model": "seedling", "training_file": "ds_tools"}
    refused = await service.http.post("/v1/fine_tuning/jobs", json=body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "unsupported_rows")
    job = (await service.http.post("/v1/fine_tuning/jobs", json={**body, "unsupported_rows": "skip"})).json()
    assert [warning["code"] for warning in job["warnings"]] == ["unsupported_rows"]
    await service.cancel(job["id"])


@pytest.mark.parametrize("path", ["events", "checkpoints", ""])
@data_case("API", "An unknown `after` of OpenAI's lists", "400 that names the field")
async def test_unknown_after_is_refused(service: TrainingHarness, path: str) -> None:
    job = await service.wait_for_state((await service.submit())["id"], "succeeded")
    list_path = f"/v1/fine_tuning/jobs/{job['id']}/{path}" if path else "/v1/fine_tuning/jobs"
    for unknown in (f"ftevent-{job['id']}-99999", f"ftckpt-{job['id']}-3", "nonsense"):
        refused = await service.http.get(list_path, params={"after": unknown})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "after")
    first = (await service.http.get(list_path, params={"limit": 1})).json()["data"][0]["id"]
    rest = (await service.http.get(list_path, params={"after": first})).json()["data"]
    assert first not in [one["id"] for one in rest]


async def test_model_needed_by_a_job_is_not_deleted(service: TrainingHarness) -> None:
    first = await service.wait_for_state((await service.submit())["id"], "succeeded")
    service.control(hold_at=1)
    job = await service.submit(base=first["model_id"])
    answer = problem(await service.http.delete(f"/models/custom/{first['model_id']}"), 409, "in_use")
    assert answer["job_id"] == job["id"]
    await service.cancel(job["id"])
    await add_use(service.resources.blobs, "default", first["model_id"], "evaluation_1")
    answer = problem(await service.http.delete(f"/models/custom/{first['model_id']}"), 409, "in_use")
    assert answer["needed_by"] == ["evaluation_1"]


async def test_logs_are_filtered_by_level(service: TrainingHarness) -> None:
    service.control(fail={"code": "bad_data", "detail": "row 3"})
    job = await service.submit()
    await service.wait_for_record(job["id"], "failed")
    logs = (await service.http.get(f"/training/jobs/{job['id']}/logs", params={"level": "error"})).json()
    assert [line["level"] for line in logs["records"]] == ["error"]
    after = {"after": logs["next_after"]}
    assert (await service.http.get(f"/training/jobs/{job['id']}/logs", params=after)).json()["records"] == []


async def test_other_projects_see_no_jobs(service: TrainingHarness) -> None:
    job = await service.submit(max_steps=1)
    other = SignedAs(service.resources, Principal("stranger", "other", ("*",)))
    for path in (f"/training/jobs/{job['id']}", f"/training/jobs/{job['id']}/records"):
        assert (await service.http.get(path, auth=other)).status_code == 404
    assert (await service.http.get("/training/jobs", auth=other)).json()["items"] == []
    refused = await service.http.post("/training/jobs", json={"dataset": "ds_1"}, auth=other)
    problem(refused, 404, "unknown_dataset")
    await service.wait_for_state(job["id"], *FINAL)
