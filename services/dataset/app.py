"""Builds the dataset room from resources."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter

from services.dataset import api, api_rows, openai_files
from services.dataset.handlers import SUBSCRIPTIONS
from services.dataset.inspection import Inspector
from services.dataset.intake import Intake
from services.dataset.models import DatasetVersion
from services.dataset.service import DatasetService
from services.dataset.store import VersionStore, open_stores
from services.dataset.validation import Validator
from shared.documents.protocol import Index
from shared.runtime.jobs.work import FINAL
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

VALIDATIONS = 2
"""At once in a process, so that a large upload does not hold up a small one."""


async def build(resources: Resources) -> Service:
    """The room, ready to be run."""
    datasets, versions = await open_stores(resources)
    scratch = resources.scratch / "dataset"
    intake = Intake(resources.blobs, resources.settings.upload_limit)
    validator = Validator(datasets, resources.blobs, resources.engines, intake, scratch)
    worker = Worker[DatasetVersion](
        versions,
        validator.run,
        Slots(VALIDATIONS),
        exclusive=resources.embedded,
        kind="dataset",
        metrics=resources.metrics,
    )
    service = DatasetService(datasets, versions, resources.blobs, intake, validator, worker.nudge)
    cache = await resources.documents.collection("dataset.statistics", [Index(("dataset_version",))])
    inspector = Inspector(resources.blobs, resources.engines, cache, scratch)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        if resources.embedded:
            await _sweep(intake, versions, scratch)
        async with background(worker.serve()):
            yield

    router = APIRouter()
    parts = (api.routes(service, inspector), api_rows.routes(service, inspector, resources.blobs))
    for part in (*parts, openai_files.routes(service, inspector)):
        router.include_router(part)
    return Service("dataset", router, SUBSCRIPTIONS, lifespan)


async def _sweep(intake: Intake, versions: VersionStore, scratch: Path) -> None:
    """Remove what a killed platform left: nobody else works on this data directory."""
    await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
    wanted = {version.upload_key for version in await versions.find() if version.state not in FINAL}
    await intake.sweep(wanted)
