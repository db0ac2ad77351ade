"""POST /training/estimate, and the same check at submit, on a tiny model and rows that are really tokenized."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.blobs.artifacts import publish, read_manifest
from shared.runtime.processes.children import Engines
from tests.components.training.test_engine import put_real_dataset
from tests.support.training_service import TrainingHarness, open_training, problem

HUGE: dict[str, Any] = {
    "dataset": "ds_hello",
    "batch_size": 65_536,
    "micro_batch_tokens": 4_194_304,
    "lora": {"rank": 1024},
    "max_steps": 1,
}
"""Half a terabyte of activations, even with a tiny model."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny_model: Path
) -> AsyncIterator[TrainingHarness]:
    async with open_training(tmp_path_factory.mktemp("home"), engines, tiny_model) as opened:
        await put_real_dataset(opened.resources)
        yield opened


async def estimate(service: TrainingHarness, **body: Any) -> dict[str, Any]:
    answer = await service.http.post("/training/estimate", json={"dataset": "ds_hello", **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_estimate_has_memory_parts_tokens_and_time(service: TrainingHarness) -> None:
    found = await estimate(service, method="full", max_steps=20, batch_size=4, dtype="fp32")
    assert found["verdict"] == "fits"
    assert found["total"] == sum(found["memory"].values()) < found["limit"]
    assert found["trainable_parameters"] == found["parameters"] == 94528
    assert found["memory"]["optimizer"] == 8 * 94528
    assert found["lengths"]["counted"] == 40
    assert found["tokens"] == round(20 * 4 * found["lengths"]["mean"])
    assert (found["pace"], found["seconds"] > 0) == ("formula", True)
    assert (found["fitting"], found["warnings"]) == ([], [])


async def test_supervised_training_on_pairs_counts_the_chosen_answer_alone(service: TrainingHarness) -> None:
    await put_real_dataset(service.resources, form="preference")
    settings = {"method": "lora", "max_steps": 20, "batch_size": 4}
    answers = await estimate(service, **settings)
    chosen = await estimate(service, dataset="ds_preference", objective="sft", **settings)
    assert (chosen["lengths"], chosen["tokens"]) == (answers["lengths"], answers["tokens"])
    pairs = await estimate(service, dataset="ds_preference", objective="dpo", **settings)
    assert pairs["lengths"]["mean"] < chosen["lengths"]["mean"]


async def test_matmul_throughput_is_measured_once(service: TrainingHarness) -> None:
    first, second = [await estimate(service, method="full", max_steps=20, dtype="fp32") for _ in range(2)]
    assert first["tokens_per_second"] == second["tokens_per_second"] > 0


async def test_throughput_is_that_of_similar_jobs(service: TrainingHarness) -> None:
    before = await estimate(service, method="lora", max_steps=20, batch_size=4)
    assert before["pace"] == "formula"
    job = await service.submit(method="lora", max_steps=2)
    await service.wait_for_state(job["id"], "succeeded")
    speed = {"metric": {"tokens_per_second": 80.0}}  # the scripted engine reports no throughput
    snapshots = await service.resources.documents.collection("training.snapshots")
    await snapshots.patch(job["id"], {}, set={"values": speed})
    found = await estimate(service, method="lora", max_steps=20, batch_size=4)
    assert (found["pace"], found["tokens_per_second"]) == ("jobs", 80.0)
    assert found["times"]["training"] == pytest.approx(found["tokens"] / 80, abs=0.1)
    assert found["times"]["evaluations"] > 0
    assert found["seconds"] == pytest.approx(sum(found["times"].values()), abs=0.2)
    full = await estimate(service, method="full", max_steps=20, batch_size=4)
    assert full["pace"] == "formula", "a job with another method says nothing"


async def test_dry_run_measures_two_real_steps(service: TrainingHarness) -> None:
    found = await estimate(service, method="full", max_steps=20, batch_size=4, dtype="fp32", dry_run=True)
    assert found["measured"]["peak"] > 16 * 94528
    assert found["measured"]["step_tokens"] == pytest.approx(4 * found["lengths"]["longest"], abs=8)
    assert found["measured"]["step_seconds"] > 0


async def test_dry_run_of_a_job_that_cannot_fit_is_refused(service: TrainingHarness) -> None:
    body = {**HUGE, "dry_run": True}
    problem(await service.http.post("/training/estimate", json=body), 422, "does_not_fit")


async def test_failed_dry_run_says_why(service: TrainingHarness) -> None:
    body = {"dataset": "ds_hello", "lora": {"targets": ["nowhere"]}, "dry_run": True}
    failure = problem(await service.http.post("/training/estimate", json=body), 422, "dry_run_failed")
    assert "nowhere" in failure["detail"]


async def test_job_that_does_not_fit_gets_alternatives(service: TrainingHarness) -> None:
    found = await estimate(service, **HUGE)
    assert found["verdict"] == "does_not_fit"
    assert found["fitting"]
    changed = await estimate(service, **{**HUGE, **found["fitting"][0]["changes"]})
    assert changed["verdict"] == "fits"


async def test_submit_of_a_job_that_does_not_fit_is_refused(service: TrainingHarness) -> None:
    before = (await service.http.get("/training/jobs")).json()["items"]
    await estimate(service, **HUGE)
    refused = problem(await service.http.post("/training/jobs", json=HUGE), 422, "does_not_fit")
    assert refused["limit"] < refused["needed"]
    assert refused["field"] == "micro_batch_tokens"
    assert refused["fitting"][0]["micro_batch_tokens"] < HUGE["micro_batch_tokens"]
    assert (await service.http.get("/training/jobs")).json()["items"] == before


async def test_warnings_name_merged_adapters_targets_and_truncated_rows(service: TrainingHarness) -> None:
    found = await estimate(service, lora={"rank": 128, "targets": ["q_proj"]}, max_length=40)
    warnings = {warning["code"]: warning for warning in found["warnings"]}
    assert warnings.keys() == {"adapter_merged", "targets_not_estimated", "rows_truncated"}
    assert "rank 128" in warnings["adapter_merged"]["detail"]


async def test_rows_without_a_token_to_learn_are_refused_once_counted(service: TrainingHarness) -> None:
    body = {"dataset": "ds_hello", "max_length": 8}
    assert (await estimate(service, **body))["lengths"]["untrained_share"] == 1
    problem(await service.http.post("/training/jobs", json=body), 422, "unsuitable_dataset")


async def test_base_model_without_a_shape_is_not_refused(service: TrainingHarness) -> None:
    seedling = await read_manifest(service.resources.blobs, "_shared/models/base/seedling")
    folder = await service.resources.blobs.local_folder("_shared/models/base/seedling")
    older = {name: value for name, value in seedling.items() if name not in ("shape", "ends", "has_template", "files")}
    files = {entry["name"]: folder / entry["name"] for entry in seedling["files"]}
    await publish(service.resources.blobs, "_shared/models/base/seedling", None, older, files=files)
    try:
        found = await estimate(service)
        assert (found["verdict"], found["memory"]) == ("unknown", None)
        assert [warning["code"] for warning in found["warnings"]] == ["shape_unknown"]
        job = await service.submit(dataset="ds_hello", max_steps=2)
        await service.wait_for_state(job["id"], "succeeded")
    finally:
        now = {name: value for name, value in seedling.items() if name != "files"}
        await publish(service.resources.blobs, "_shared/models/base/seedling", None, now, files=files)
