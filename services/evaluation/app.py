"""Builds the evaluation service from resources."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.evaluation.api import routes
from services.evaluation.handlers import subscriptions
from services.evaluation.models import Evaluation
from services.evaluation.runner import FOLDER, Runner
from services.evaluation.service import EvaluationService
from services.evaluation.store import open_evaluations, open_uses
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

MAX_CONCURRENT_EVALUATIONS = 1
"""Per process: each uses all cores, or the GPU."""


async def build(resources: Resources) -> Service:
    """Build the service; it runs once its lifespan is entered."""
    store = await open_evaluations(resources)
    uses = open_uses(resources.blobs, store)
    worker: Worker[Evaluation] = Worker(
        store,
        Runner(resources, uses).run,
        Slots(MAX_CONCURRENT_EVALUATIONS),
        exclusive=resources.embedded,
        kind="evaluation",
        metrics=resources.metrics,
        on_release=uses.remove_if_final,
    )
    service = EvaluationService(store, resources.blobs, worker, uses)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        if resources.embedded:  # no other process uses this directory: its files are left from a killed one
            shutil.rmtree(resources.scratch / FOLDER, ignore_errors=True)
        async with background(worker.serve()), background(uses.clean()):
            yield

    return Service("evaluation", routes(service), subscriptions(service), lifespan)
