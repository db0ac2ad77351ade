"""Builds the export service from resources."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.export.api import routes
from services.export.handlers import subscriptions
from services.export.models import Export
from services.export.runner import FOLDER, Runner, find_llama_quantize
from services.export.service import ExportService
from services.export.store import open_exports, open_model_names, open_uses
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

MAX_CONCURRENT_EXPORTS = 1
"""Per process: each holds a model in memory."""


async def build(resources: Resources) -> Service:
    """Build the service; it runs once its lifespan is entered."""
    store = await open_exports(resources)
    uses = open_uses(resources.blobs, store)
    worker: Worker[Export] = Worker(
        store,
        Runner(resources, uses).run,
        Slots(MAX_CONCURRENT_EXPORTS),
        exclusive=resources.embedded,
        kind="export",
        metrics=resources.metrics,
        on_release=uses.remove_if_final,
    )
    can_quantize = bool(find_llama_quantize(resources.settings.llama_quantize))
    service = ExportService(store, await open_model_names(resources), resources.blobs, worker, uses, can_quantize)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        if resources.embedded:  # no other process uses this directory: its files are left from a killed one
            shutil.rmtree(resources.scratch / FOLDER, ignore_errors=True)
        async with background(worker.serve()), background(uses.clean()):
            yield

    return Service("export", routes(service), subscriptions(service), lifespan)
