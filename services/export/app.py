"""Builds the export service from resources."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.export.api import routes
from services.export.handlers import subscriptions
from services.export.models import Export
from services.export.push_record import Push
from services.export.pushes.api import routes as push_routes
from services.export.pushes.runner import FOLDER as PUSH_FOLDER
from services.export.pushes.runner import PushRunner
from services.export.pushes.service import Pushes
from services.export.runner import FOLDER, Runner
from services.export.service import ExportService
from services.export.store import open_exports, open_model_names, open_pushes, open_uses
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

MAX_CONCURRENT_EXPORTS = 1
"""Per process: each holds a model in memory."""
MAX_CONCURRENT_PUSHES = 3
"""Per process: more would only share the same bandwidth."""


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
    can_quantize = bool(resources.settings.llama_cpp_python)
    pushes: Worker[Push] = Worker(
        push_store := await open_pushes(resources),
        PushRunner(resources).run,
        Slots(MAX_CONCURRENT_PUSHES),
        exclusive=resources.embedded,
        kind="push",
        metrics=resources.metrics,
    )
    service = ExportService(store, await open_model_names(resources), resources.blobs, worker, uses, can_quantize)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        if resources.embedded:  # no other process uses this directory: its files are left from a killed one
            for folder in (FOLDER, PUSH_FOLDER):
                shutil.rmtree(resources.scratch / folder, ignore_errors=True)
        async with background(worker.serve()), background(pushes.serve()), background(uses.clean()):
            yield

    router = APIRouter()
    router.include_router(push_routes(service, Pushes(push_store, resources.keyring, pushes)))
    router.include_router(routes(service))
    return Service("export", router, subscriptions(service), lifespan)
