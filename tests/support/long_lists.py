"""Fills a data directory with ended jobs and ready datasets, for lists that are longer than a page.

    python -m tests.support.long_lists HOME JOBS DATASETS

No platform may run on the directory. The entries have no files: their pages open, their models do not exist.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from services.dataset.models import Dataset, DatasetVersion, Options, Report
from services.dataset.store import open_stores
from services.training.models import Allocation, Job
from services.training.store import Stores
from shared.documents.entities import now
from shared.runtime.resources import open_resources
from shared.runtime.settings import load_settings

STATES = ("succeeded", "failed", "cancelled")
METHODS = ("lora", "qlora", "full")


def job(index: int) -> Job:
    """The job of this number: one a minute, the last one now."""
    created = now() - timedelta(minutes=index)
    return Job(
        id=f"job_long{index:05}",
        project="default",
        name=f"run {index}",
        state=STATES[index % 7 % 3],
        created_at=created,
        started_at=created,
        finished_at=created + timedelta(seconds=30 + index % 90),
        base="seedling",
        base_name="seedling",
        base_uri="blob://default/models/seedling",
        method=METHODS[index % 3],
        dataset_id=f"ds_long{index % 40:05}",
        dataset_version="0" * 16,
        dataset_name=f"data {index % 40}",
        hyperparameters={"learning_rate": 1e-4 * (1 + index % 9), "batch_size": 8, "epochs": 3, "lora": {"rank": 16}},
        resources=Allocation(cpu=1),
        total_steps=100,
    )


def dataset(index: int) -> tuple[Dataset, DatasetVersion]:
    """The dataset of this number, and its only version."""
    id, version, created = f"ds_long{index:05}", f"{index:016x}", now() - timedelta(minutes=index)
    report = Report(
        rows=100 + index,
        rejected=0,
        duplicates=0,
        form="messages",
        layout="messages",
        splits={"train": 100 + index},
        characters=1000,
    )
    stored = DatasetVersion(
        id=f"dsv_long{index:05}",
        project="default",
        state="succeeded",
        created_at=created,
        finished_at=created,
        dataset_id=id,
        name=f"data {index}",
        fingerprint=version,
        file_name="data.jsonl",
        size=1000,
        sha256="0" * 64,
        options=Options(),
        upload_key=f"default/uploads/{id}",
        report=report,
    )
    name = f"data {index}"
    entries = {version: stored.id}
    owner = Dataset(
        id=id, project="default", created_at=created, name=name, slot=name, entries=entries, current=version
    )
    return owner, stored


async def fill(home: Path, jobs: int, datasets: int) -> None:
    """Write the entries."""
    async with open_resources(load_settings(home=home)) as resources:
        training = await Stores.open(resources)
        dataset_store, version_store = await open_stores(resources)
        for index in range(jobs):
            await training.jobs.create(job(index))
        for index in range(datasets):
            owner, stored = dataset(index)
            await version_store.create(stored)
            await dataset_store.create(owner)


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
