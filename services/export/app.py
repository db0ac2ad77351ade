"""The export room, put together."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.export.api import routes
from services.export.handlers import subscriptions
from services.export.models import Export
from services.export.runner import FOLDER, Runner
from services.export.service import ExportService
from services.export.store import open_exports
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

SLOTS = 1
"""Exports at once: each holds a model in memory."""


async def build(resources: Resources) -> Service:
    """The room over `resources`."""
    store = await open_exports(resources)
    worker: Worker[Export] = Worker(
        store,
        Runner(resources).run,
        Slots(SLOTS),
        exclusive=resources.embedded,
        kind="export",
        metrics=resources.metrics,
    )
    service = ExportService(store, resources.blobs, worker)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        if resources.embedded:  # nobody else works here: what lies there is from a run that died
            shutil.rmtree(resources.scratch / FOLDER, ignore_errors=True)
        async with background(worker.serve()):
            yield

    return Service("export", routes(service), subscriptions(service), lifespan)
