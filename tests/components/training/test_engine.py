"""The training service with its real engine on a tiny model; the other tests use a scripted engine."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.training.workers.launchers import ENGINE
from shared.blobs.artifacts import read_manifest
from shared.runtime.processes.children import Engines
from shared.runtime.processes.limits import DefaultLimits
from tests.support.training_service import (
    FINAL,
    TIMEOUT_S,
    TrainingHarness,
    losses,
    open_training,
    put_real_dataset,
)

SETTINGS: dict[str, Any] = {"dtype": "fp32", "threads": 1, "batch_size": 4, "eval_every": 10, "checkpoint_every": 10}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny_model: Path
) -> AsyncIterator[TrainingHarness]:
    async with open_training(tmp_path_factory.mktemp("home"), engines, tiny_model, engine=ENGINE) as opened:
        await put_real_dataset(opened.resources)
        await put_real_dataset(opened.resources, form="preference")
        yield opened


def engine_pid(engines: Engines) -> int:
    """The one engine that runs now."""
    (pid,) = Path(f"/proc/{engines.forkserver_pid()}/task/{engines.forkserver_pid()}/children").read_text().split()
    return int(pid)


@pytest.mark.parametrize("method", ["full", "lora"])
async def test_training_lowers_the_validation_loss(service: TrainingHarness, method: str) -> None:
    job = await service.submit(dataset="ds_hello", method=method, max_steps=20, **SETTINGS)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    assert done["evaluations"][-1]["loss"] < done["evaluations"][0]["loss"]
    assert {"loss", "learning_rate", "grad_norm", "tokens_per_second", "memory_mb"} <= done["metrics"].keys()
    manifest = await read_manifest(service.resources.blobs, f"default/models/custom/{done['model_id']}")
    assert manifest["kind"] == ("full" if method == "full" else "adapter")
    assert len(manifest["template_hash"]) == 64
    assert manifest["metrics"]["validation_loss_best"] == min(e["loss"] for e in done["evaluations"])


async def test_dpo_learns_which_answer_is_better_and_resumes_after_a_kill(
    service: TrainingHarness, engines: Engines
) -> None:
    settings = {**SETTINGS, "learning_rate": 1e-3, "beta": 0.2}
    job = await service.submit(
        dataset="ds_preference", max_steps=60, **settings
    )  # long enough that it does not end before it is killed
    assert (job["hyperparameters"]["objective"], "objective" in job["defaulted"]) == ("dpo", True)
    async with asyncio.timeout(TIMEOUT_S), service.resources.bus.listen(["training.progressed.v1"]) as events:
        while not (await service.job(job["id"]))["checkpoints"]:
            await anext(events)
    os.kill(engine_pid(engines), signal.SIGKILL)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["ended"]) == ("succeeded", "all_steps"), done["logs"]
    assert set(losses(await service.records(job["id"]))) == set(range(1, 61))
    first, last = done["evaluations"][0], done["evaluations"][-1]
    assert last["loss"] < first["loss"]
    assert last["rewards/margins"] > 0
    assert last["rewards/accuracies"] == 1.0
    assert {"rewards/accuracies", "rewards/margins"} <= done["metrics"].keys()

    learned = await service.submit(dataset="ds_preference", objective="sft", max_steps=1, **SETTINGS)
    done = await service.wait_for_state(learned["id"], *FINAL)
    assert done["state"] == "succeeded"
    assert any("rejected ones are not used" in line["message"] for line in done["logs"])


async def test_job_ends_at_max_minutes_and_delivers_its_model(service: TrainingHarness) -> None:
    job = await service.submit(dataset="ds_hello", **{**SETTINGS, "max_steps": 1_000_000, "max_minutes": 0.01})
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["ended"], done["progress"]["percent"]) == ("succeeded", "max_minutes", 100)
    assert done["evaluations"][-1]["step"] == done["metrics"]["step"] < 1_000_000


async def test_killed_engine_ends_with_the_losses_of_an_undisturbed_run(
    service: TrainingHarness, engines: Engines
) -> None:
    body = {
        "dataset": "ds_hello",
        "max_steps": 60,
        "seed": 3,
        **SETTINGS,
    }  # long enough that it does not end before it is killed
    undisturbed = await service.submit(**body)
    assert (await service.wait_for_state(undisturbed["id"], *FINAL))["state"] == "succeeded"

    disturbed = await service.submit(**body)
    async with asyncio.timeout(TIMEOUT_S), service.resources.bus.listen(["training.progressed.v1"]) as events:
        while not (saved := (await service.job(disturbed["id"]))["checkpoints"]):
            await anext(events)
    assert set(range(1, saved[0]["step"] + 1)) <= losses(await service.records(disturbed["id"])).keys()
    os.kill(engine_pid(engines), signal.SIGKILL)
    done = await service.wait_for_state(disturbed["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    records = await service.records(disturbed["id"])
    assert any(record["kind"] == "rewind" for record in records)
    assert losses(records) == losses(await service.records(undisturbed["id"]))
    models = [
        await read_manifest(service.resources.blobs, f"default/models/custom/{job['model_id']}")
        for job in (done, await service.job(undisturbed["id"]))
    ]
    sums = [{entry["name"]: entry["sha256"] for entry in manifest["files"]} for manifest in models]
    assert sums[0]["adapter_model.safetensors"] == sums[1]["adapter_model.safetensors"]


async def test_engine_out_of_memory_continues_with_smaller_micro_batches(
    tmp_path: Path, engines: Engines, tiny_model: Path
) -> None:
    async with open_training(tmp_path, engines, tiny_model, engine="tests.support.low_memory_trainer:main") as starved:
        await put_real_dataset(starved.resources, words=" please reply with a short answer" * 14)
        settings = {**SETTINGS, "batch_size": 64, "micro_batch_tokens": 32768, "eval_every": 2}
        job = await starved.submit(dataset="ds_hello", method="full", max_steps=2, **settings)
        done = await starved.wait_for_state(job["id"], *FINAL)
        assert (done["state"], done["attempts"]) == ("succeeded", 1), done["logs"]
        assert 512 <= done["micro_batch_tokens"] < 20_000
        states = [r for r in await starved.records(job["id"]) if r["kind"] == "state"]
        assert ("queued", "out_of_memory") in [(r["state"], r.get("cause")) for r in states]


async def test_a_file_larger_than_an_engine_may_write_is_a_named_failure(
    service: TrainingHarness, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_limits", DefaultLimits(file_bytes=1 << 12))
    job = await service.submit(dataset="ds_hello", max_steps=2, **SETTINGS)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["cause"], done["attempts"]) == ("failed", "file_too_large", 1), done["logs"]
    assert "ANNEAL_ENGINE_FILE_LIMIT" in done["detail"]


async def test_memory_beyond_the_limit_is_a_named_failure(
    service: TrainingHarness, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_limits", DefaultLimits(memory=data_bytes(engines.forkserver_pid()) + (24 << 20)))
    job = await service.submit(dataset="ds_hello", max_steps=2, **SETTINGS)
    done = await service.wait_for_state(job["id"], *FINAL)
    assert (done["state"], done["cause"]) == ("failed", "out_of_memory"), done["logs"]
    assert "the engine's limit is" in done["detail"]


def data_bytes(pid: int | None) -> int:
    """Private writable memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:"))


async def test_full_disk_costs_checkpoints_but_not_the_job(tmp_path: Path, engines: Engines, tiny_model: Path) -> None:
    async with open_training(tmp_path, engines, tiny_model, engine="tests.support.disk_full_trainer:main") as filled:
        await put_real_dataset(filled.resources)
        settings = {**SETTINGS, "eval_every": 3, "checkpoint_every": 2, "learning_rate": 3e-3}
        job = await filled.submit(dataset="ds_hello", max_steps=10, **settings)
        done = await filled.wait_for_state(job["id"], *FINAL)
        assert (done["state"], done["attempts"]) == ("succeeded", 1), done["logs"]
        records = await filled.records(job["id"])
        assert [r["step"] for r in records if r["kind"] == "checkpoint"] == [2, 8]
        warned = [line["message"] for line in done["logs"] if "disk is full" in line["message"]]
        assert [message.split(" was not")[0] for message in warned] == [
            "The disk is full: the best model so far, of step 3,",
            "The disk is full: the checkpoint of step 4",
            "The disk is full: the best model so far, of step 6,",
            "The disk is full: the checkpoint of step 6",
        ]
        assert [e["step"] for e in done["evaluations"]] == [0, 3, 6, 9, 10]
