"""A dataset is tokenized once: the second job uses the cache, which is deleted with the dataset."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.training.jobs.token_caches import TokenCaches, key_of
from services.training.models import Job, TokenCache
from services.training.store import Stores
from services.training.workers.launchers import ENGINE
from shared.blobs.artifacts import publish
from shared.blobs.errors import BlobNotFound
from shared.events.dataset import DatasetDeleted
from shared.events.envelope import Envelope
from shared.runtime.processes.children import Engines
from tests.support.training_service import TIMEOUT_S, TrainingHarness, open_training
from tests.unit.training.engine.engine_run import chat_rows, write_shard

SEEDLING = Path(__file__).parents[3] / "services/training/seedling"
QUICK = {"base": "seedling", "method": "lora", "max_steps": 1, "batch_size": 2, "eval_every": 1, "checkpoint_every": 1}


async def put_rows(service: TrainingHarness, folder: Path) -> None:
    shards = {split: [f"{split}-00000.parquet"] for split in ("train", "validation")}
    for split in shards:
        write_shard(folder / shards[split][0], chat_rows(12))
    manifest = {"dataset_id": "ds_1", "version": "v1", "name": "Support", "form": "messages", "layout": "messages"}
    await publish(
        service.resources.blobs,
        "default/datasets/ds_1/v1",
        folder,
        {**manifest, "rows": {"train": 12, "validation": 12}, "shards": shards},
    )


async def log_of(service: TrainingHarness) -> str:
    job = await service.submit(**QUICK)
    done = await service.wait_for_state(job["id"], "succeeded", "failed")
    assert done["state"] == "succeeded", done
    return " ".join(record["message"] for record in await service.records(job["id"]) if record["kind"] == "log")


async def test_second_job_does_not_tokenize(tmp_path: Path, engines: Engines) -> None:
    async with open_training(tmp_path / "home", engines, SEEDLING, engine=ENGINE) as service:
        await put_rows(service, tmp_path / "rows")
        assert "Tokenized the dataset in" in await log_of(service)
        second = await log_of(service)
        assert "Using cached tokens of this dataset" in second
        assert "Tokenized the dataset in" not in second

        deleted = Envelope.of(DatasetDeleted(dataset_id="ds_1"), service="dataset", subject="ds_1", project="default")
        await service.resources.bus.publish(deleted)
        async with asyncio.timeout(TIMEOUT_S):
            while await service.resources.blobs.list("default/tokens"):
                await asyncio.sleep(0.02)


@pytest.fixture
def job() -> Job:
    fields: dict[str, Any] = {"name": "n", "base": "b", "base_uri": "anneal://p/models/base/b", "method": "lora"}
    return Job(
        id="job_1",
        project="default",
        **fields,
        dataset_id="ds_1",
        dataset_version="v1",
        dataset_name="d",
        hyperparameters={},
        resources={"cpu": 1},
    )


async def test_least_recently_used_cache_is_deleted_first(tmp_path: Path, engines: Engines, job: Job) -> None:
    async with open_training(tmp_path / "home", engines, tmp_path) as service:
        stores, blobs = await Stores.open(service.resources), service.resources.blobs
        folder = tmp_path / "tokens"
        folder.mkdir()
        (folder / "train.tokens").write_bytes(bytes(100))
        caches = TokenCaches(blobs, stores.token_caches, limit=250)
        for template in ("a", "b"):
            await caches.store(job, {"path": str(folder), "template_hash": template, "window": 0})
        assert await caches.local_folder(job, 0, "a")
        await caches.store(job, {"path": str(folder), "template_hash": "c", "window": 0})
        cached = [template for template in "abc" if await caches.local_folder(job, 0, template)]
        assert cached == ["a", "c"]
        assert await caches.local_folder(job, 64, "a") is None


async def test_tokens_of_a_deleted_dataset_are_not_cached(tmp_path: Path, engines: Engines, job: Job) -> None:
    async with open_training(tmp_path / "home", engines, tmp_path) as service:
        stores, blobs = await Stores.open(service.resources), service.resources.blobs
        folder = tmp_path / "tokens"
        folder.mkdir()
        (folder / "train.tokens").write_bytes(bytes(100))
        await blobs.delete("default/datasets/ds_1/v1")
        caches = TokenCaches(blobs, stores.token_caches, limit=250)
        await caches.store(job, {"path": str(folder), "template_hash": "a", "window": 0})
        assert await stores.token_caches.find() == []
        with pytest.raises(BlobNotFound):
            await blobs.local_folder("default/tokens/ds_1")


async def test_cache_without_its_files_is_not_used(tmp_path: Path, engines: Engines, job: Job) -> None:
    async with open_training(tmp_path / "home", engines, tmp_path) as service:
        stores = await Stores.open(service.resources)
        caches = TokenCaches(service.resources.blobs, stores.token_caches, limit=250)
        cache = TokenCache(id="t", project="default", key=key_of(job, 0, "a"), dataset_id="ds_1", size=1)
        await stores.token_caches.create(cache)
        assert await caches.local_folder(job, 0, "a") is None
