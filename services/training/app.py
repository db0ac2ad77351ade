"""Wires the training room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.training import api
from services.training.base_models import bundled
from services.training.base_models.bundled import Bundled
from services.training.base_models.catalog import Catalog
from services.training.base_models.fetching import Fetcher
from services.training.base_models.hub import Hub
from services.training.base_models.service import Bases
from services.training.custom_models.service import CustomModels
from services.training.estimates.dry_runs import DryRuns
from services.training.estimates.lengths import LengthCounts
from services.training.estimates.rates import Rates
from services.training.estimates.service import Estimator
from services.training.handlers import subscriptions
from services.training.jobs.cleanup import Cleanup, clear_scratch
from services.training.jobs.log_writer import Recorder
from services.training.jobs.preparation import JobPreparation
from services.training.jobs.runner import Runner
from services.training.jobs.service import TrainingJobs
from services.training.jobs.token_caches import TokenCaches
from services.training.models import Base, Job
from services.training.presets.service import Presets
from services.training.references import References
from services.training.store import Stores
from services.training.workers.capacity import Devices, MachineCapacity, gpus
from services.training.workers.launchers import Launcher
from services.training.workers.machine_usage import MachineUse
from services.training.workers.registry import Site, Workers
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

DOWNLOADS = 2
"""At once: more would only share the line."""


async def build(resources: Resources, *, engine: str | None = None, bundle: Path = bundled.FOLDER) -> Service:
    """The training room; `engine` instead of the usual one trains, `bundle` is the folder of the bundled base model."""
    stores = await Stores.open(resources)
    launcher = Launcher(engine) if engine else Launcher.of(resources.settings)
    resources.engines.preload(launcher.target)
    capacity = MachineCapacity(launcher.machine(), resources.settings.job_slots)
    cleanup = Cleanup(resources.blobs, stores)
    tokens = TokenCaches(resources.blobs, stores.tokens, resources.settings.token_cache_limit)
    runner = Runner(resources, stores, Devices(gpus()), tokens, launcher, cleanup.wake)
    worker: Worker[Job] = Worker(
        stores.jobs,
        runner.run,
        capacity,
        exclusive=resources.embedded,
        kind="training",
        metrics=resources.metrics,
        on_takeover=lambda job: Recorder.take_over(resources.bus, stores, job),
    )
    fetcher: Worker[Base] = Worker(
        stores.bases,
        Fetcher(resources, stores).run,
        Slots(DOWNLOADS),
        exclusive=resources.embedded,
        kind="base_model",
        metrics=resources.metrics,
    )
    seedling = Bundled(resources, bundle)
    presets = Presets(stores)
    workers = Workers(stores.workers, Site(worker.name, capacity.machine, capacity.slots))
    references = References(resources.blobs, stores, seedling)
    preparation = JobPreparation(references, workers, presets, remote_engines=launcher.elsewhere)
    estimator = Estimator(
        stores,
        preparation,
        references,
        workers,
        LengthCounts(resources),
        DryRuns(resources),
        Rates(resources),
        remote_engines=launcher.elsewhere,
    )
    jobs = TrainingJobs(stores, preparation, None if launcher.elsewhere else estimator, workers, worker)
    catalog = Catalog(stores, seedling, Hub(resources.settings.hub_endpoint))
    bases, models = Bases(resources, stores, fetcher), CustomModels(resources.blobs, stores)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await asyncio.to_thread(clear_scratch, resources.scratch / "training")
        async with (
            background(seedling.run()),
            background(cleanup.run()),
            background(fetcher.serve()),
            background(workers.announce()),
            background(worker.serve()),
        ):
            yield

    router = api.routes(jobs, estimator, presets, MachineUse(stores, capacity), catalog, bases, models)
    return Service("training", router, subscriptions(worker, tokens), lifespan)
