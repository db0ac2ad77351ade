"""Checkpoints of jobs in every state, published as custom models by the real engine."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.training.jobs.cleanup import Cleanup
from services.training.models import Job
from services.training.store import Stores
from services.training.workers.launchers import ENGINE
from shared.blobs.artifacts import read_manifest
from shared.documents.entities import now
from shared.runtime.http.principal import Principal
from shared.runtime.processes.children import Engines
from tests.support.damage import flip_bit
from tests.support.signing import SignedAs
from tests.support.training_service import (
    FINAL,
    TIMEOUT_S,
    TrainingHarness,
    open_training,
    problem,
    put_real_dataset,
)

SETTINGS: dict[str, Any] = {
    "dataset": "ds_hello",
    "dtype": "fp32",
    "threads": 1,
    "batch_size": 4,
    "seed": 3,
    "eval_every": 10,
    "checkpoint_every": 10,
    "scheduler": "constant",
    "warmup_steps": 0,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny_model: Path
) -> AsyncIterator[TrainingHarness]:
    async with open_training(tmp_path_factory.mktemp("home"), engines, tiny_model, engine=ENGINE) as opened:
        await put_real_dataset(opened.resources)
        async with asyncio.timeout(TIMEOUT_S):
            while await is_checking_the_bundled_model(opened):
                await asyncio.sleep(0.1)
        yield opened


async def is_checking_the_bundled_model(service: TrainingHarness) -> bool:
    available = (await service.http.get("/models/available")).json()["items"]
    return "preparing" in [model["availability"] for model in available if model["reference"] == "seedling"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ended(service: TrainingHarness) -> dict[str, Any]:
    """A job that has succeeded, with checkpoints at 10 and 20 of 25 steps; cleanup has deleted its files."""
    job = await trained(service, max_steps=25)
    await clean(service, 7)
    return job


async def trained(service: TrainingHarness, **settings: Any) -> dict[str, Any]:
    done = await service.wait_for_state((await service.submit(**{**SETTINGS, **settings}))["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    return done


async def clean(service: TrainingHarness, days: float) -> None:
    await Cleanup(service.resources.blobs, await Stores.open(service.resources), days).sweep()


async def published(service: TrainingHarness, job_id: str, step: int) -> dict[str, Any]:
    """Request the publication, and wait until it has ended."""
    path = f"/training/jobs/{job_id}/checkpoints/{step}/model"
    answer = await service.http.post(path)
    assert answer.status_code == 202, answer.text
    async with asyncio.timeout(TIMEOUT_S):
        while (shown := (await service.http.get(path)).json())["state"] not in FINAL:
            await asyncio.sleep(0.05)
    return dict(shown)


async def files_of(service: TrainingHarness, model_id: str) -> dict[str, str]:
    manifest = await read_manifest(service.resources.blobs, f"default/models/custom/{model_id}")
    return {entry["name"]: entry["sha256"] for entry in manifest["files"]}


async def listed(service: TrainingHarness) -> list[str]:
    """The ids of the custom models."""
    return [model["id"] for model in (await service.http.get("/models/custom")).json()["items"]]


async def kept_steps(service: TrainingHarness, job_id: str) -> set[int]:
    return {each["step"] for each in (await service.job(job_id))["checkpoints"]}


async def stored_steps(service: TrainingHarness, job_id: str) -> set[int]:
    stores = await Stores.open(service.resources)
    records = await stores.streams.read(job_id, after=0, limit=10_000, kinds=["checkpoint"])
    return {record["step"] for record in records}


async def test_a_checkpoint_is_the_model_of_a_job_to_its_step(service: TrainingHarness, ended: dict[str, Any]) -> None:
    step = ended["checkpoints"][0]["step"]
    publication = await published(service, ended["id"], step)
    assert publication["state"] == "succeeded", publication["detail"]
    id = f"{ended['model_id']}-ckpt-step-{step}"
    shorter = await trained(service, max_steps=step)
    assert await files_of(service, id) == await files_of(service, shorter["model_id"])

    model = (await service.http.get(f"/models/custom/{id}")).json()
    final = (await service.http.get(f"/models/custom/{ended['model_id']}")).json()
    assert (model["job_id"], model["step"], final["step"]) == (ended["id"], step, None)
    assert (model["name"], model["kind"]) == (f"{ended['name']}:ckpt-step-{step}", "adapter")
    measured = {each["step"]: each["loss"] for each in ended["evaluations"]}
    assert model["metrics"]["validation_loss_last"] == measured[step] != final["metrics"]["validation_loss_last"]
    manifest = await read_manifest(service.resources.blobs, f"default/models/custom/{id}")
    assert (manifest["job_id"], manifest["step"]) == (ended["id"], step)
    assert manifest["provenance"]["training"]["provenance"]["settings"]["dtype"] == "fp32"
    event = await service.wait_for_event("training.checkpoint_published.v1", model_id=id)
    assert (event.data["job_id"], event.data["step"], event.correlationid) == (ended["id"], step, ended["id"])

    assert await published(service, ended["id"], step) == publication, "repeatable"
    shown = {each["step"]: each for each in (await service.job(ended["id"]))["checkpoints"]}
    assert (shown[step]["model_id"], shown[step]["model_state"]) == (id, "succeeded")
    assert {each["model_state"] for each in shown.values()} == {"succeeded", None}

    problem(await service.http.post(f"/models/custom/{id}/reproduce"), 409, "not_reproducible")
    assert (await service.http.delete(f"/models/custom/{id}")).status_code == 204
    assert not await service.resources.blobs.list(f"default/models/custom/{id}")
    assert "1 day" in problem(await service.http.post(_path(ended, step)), 409, "conflict")["limit"]
    job = await (await Stores.open(service.resources)).jobs.get(ended["id"])
    assert not any(checkpoint.pinned for checkpoint in job.checkpoints), "a refused publication keeps none"


async def test_the_end_of_a_job_leaves_the_weights_of_its_checkpoints(
    service: TrainingHarness, ended: dict[str, Any]
) -> None:
    kept = {blob.key.rpartition("/")[2] for blob in await service.resources.blobs.list(f"default/jobs/{ended['id']}")}
    assert kept == {"checkpoint.json", "manifest.json", "weights.safetensors"}
    assert (await service.job(ended["id"]))["checkpoints_until"]


async def test_a_checkpoint_outlives_its_turn_while_it_is_published(service: TrainingHarness) -> None:
    job = await service.submit(**{**SETTINGS, "max_steps": 1_000_000, "checkpoint_every": 50, "eval_every": None})
    await service.wait_for_record_of(job["id"], "checkpoint")
    step = (await service.job(job["id"]))["checkpoints"][-1]["step"]
    publication = await published(service, job["id"], step)
    assert publication["state"] == "succeeded", publication["detail"]
    running = await service.job(job["id"])
    assert running["state"] == "running"

    async with asyncio.timeout(TIMEOUT_S), service.resources.bus.listen(["training.progressed.v1"]) as events:
        while step in (kept := await kept_steps(service, job["id"])) or not (
            lost := await stored_steps(service, job["id"]) - kept - {step}
        ):
            await anext(events)
    gone = problem(await service.http.post(_path(job, 10_000_000)), 404, "unknown_checkpoint")
    assert gone["limit"], "the steps that it has"

    await service.cancel(job["id"])
    await clean(service, 7)
    later = max(await kept_steps(service, job["id"]))
    assert (await published(service, job["id"], later))["state"] == "succeeded"
    dropped = problem(await service.http.post(_path(job, max(lost))), 410, "checkpoint_gone")
    assert later in dropped["limit"]
    assert publication["model_id"] in await listed(service), "it outlives the checkpoint and the job's files"


async def test_a_failed_publication_leaves_nothing_and_can_be_repeated(
    service: TrainingHarness, ended: dict[str, Any]
) -> None:
    step = ended["checkpoints"][-1]["step"]
    stores = await Stores.open(service.resources)
    checkpoint = (await stores.jobs.get(ended["id"])).checkpoint(step)
    assert checkpoint is not None
    weights = await service.resources.blobs.local_folder(checkpoint.key) / "weights.safetensors"
    flip_bit(weights)
    failed = await published(service, ended["id"], step)
    assert (failed["state"], failed["cause"]) == ("failed", "checkpoint_damaged")
    assert "weights.safetensors" in failed["detail"]
    assert not await service.resources.blobs.list(f"default/models/custom/{failed['model_id']}")
    flip_bit(weights)
    assert (await published(service, ended["id"], step))["state"] == "succeeded"


async def test_an_interrupted_upload_is_no_model(service: TrainingHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, job = service.resources.blobs, await trained(service, method="full", max_steps=12)
    put = blobs.put

    async def interrupted(key: str, data: Any) -> Any:
        if "-ckpt-step-" in key and key.endswith("manifest.json"):
            raise RuntimeError("killed")
        return await put(key, data)

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "put", interrupted)
        failed = await published(service, job["id"], 10)
    assert failed["state"] == "failed"
    assert failed["model_id"] not in await listed(service)
    assert (await service.http.get(f"/models/custom/{failed['model_id']}")).status_code == 404
    assert (await published(service, job["id"], 10))["state"] == "succeeded"
    assert "model.safetensors" in await files_of(service, failed["model_id"])

    await clean(service, 7)
    await service.http.delete(f"/models/custom/{failed['model_id']}")
    stores = await Stores.open(service.resources)

    def expire(current: Job) -> None:
        current.checkpoints_until = now() - timedelta(seconds=1)

    await stores.jobs.change(job["id"], expire)
    await clean(service, 7)
    assert not await blobs.list(f"default/jobs/{job['id']}")
    gone = problem(await service.http.post(_path(job, 10)), 410, "checkpoint_gone")
    assert (gone["field"], gone["limit"]) == ("step", [])
    assert "7 days" in gone["detail"]


async def test_other_projects_and_steps_are_refused(service: TrainingHarness, ended: dict[str, Any]) -> None:
    step = ended["checkpoints"][0]["step"]
    stranger = SignedAs(service.resources, Principal("eve", "other", ("write",)))
    assert (await service.http.post(_path(ended, step), auth=stranger)).status_code == 404
    assert (await service.http.get(_path(ended, step), auth=stranger)).status_code == 404
    unknown = problem(await service.http.post(_path(ended, 7)), 404, "unknown_checkpoint")
    assert unknown["limit"] == [each["step"] for each in ended["checkpoints"]]
    problem(await service.http.get(_path(ended, 7)), 404, "not_found")
    assert (await service.http.post(_path(ended, 0))).status_code == 422


def _path(job: dict[str, Any], step: int) -> str:
    return f"/training/jobs/{job['id']}/checkpoints/{step}/model"
