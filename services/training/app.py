"""Wires the training service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.training import api
from services.training.base_models import bundled
from services.training.base_models.bundled import BundledModel
from services.training.base_models.catalog import Catalog
from services.training.base_models.fetching import Fetcher
from services.training.base_models.hub import Hub
from services.training.base_models.service import BaseModels
from services.training.checkpoint_models.publisher import CheckpointPublisher
from services.training.checkpoint_models.service import CheckpointModels
from services.training.custom_models.service import CustomModels
from services.training.estimates.dry_runs import DryRuns
from services.training.estimates.lengths import LengthCounter
from services.training.estimates.matmul_throughput import MatmulThroughput
from services.training.estimates.service import Estimator
from services.training.handlers import subscriptions
from services.training.jobs.cleanup import Cleanup, clear_scratch
from services.training.jobs.log_writer import LogWriter
from services.training.jobs.preparation import JobPreparation
from services.training.jobs.runner import Runner
from services.training.jobs.service import TrainingJobs
from services.training.jobs.token_caches import TokenCaches
from services.training.models import Base, Job
from services.training.presets.service import Presets
from services.training.publications import CheckpointModel
from services.training.references import References
from services.training.reproductions.service import Reproductions
from services.training.resolved_settings.service import SettingsResolver
from services.training.store import Stores
from services.training.workers.capacity import GpuPool, MachineCapacity, visible_gpus
from services.training.workers.launchers import Launcher
from services.training.workers.machine_usage import MachineUsage
from services.training.workers.registry import RegisteredWorker, WorkerRegistry
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

CONCURRENT_DOWNLOADS = 3
"""More would only share the same bandwidth."""


async def build(resources: Resources, *, engine: str | None = None, bundle: Path = bundled.FOLDER) -> Service:
    """Build the training service. `engine` replaces the engine that trains; `bundle` is the bundled model's folder."""
    stores = await Stores.open(resources)
    launcher = Launcher(engine) if engine else Launcher.of(resources.settings)
    resources.engines.preload(launcher.target)
    capacity = MachineCapacity(launcher.machine(), resources.settings.job_slots)
    cleanup = Cleanup(resources.blobs, stores, resources.settings.checkpoint_days)
    tokens = TokenCaches(resources.blobs, stores.token_caches, resources.settings.token_cache_limit)
    publisher = CheckpointPublisher(resources, stores)
    publications: Worker[CheckpointModel] = Worker(
        stores.checkpoint_models,
        publisher.run,
        Slots(1),
        exclusive=resources.embedded,
        kind="checkpoint_model",
        metrics=resources.metrics,
        on_release=publisher.unpin_if_final,
    )
    checkpoint_models = CheckpointModels(resources.blobs, stores, publications, resources.settings.checkpoint_days)
    runner = Runner(
        resources, stores, GpuPool(visible_gpus()), tokens, launcher, checkpoint_models.publish_all, cleanup.wake
    )
    worker: Worker[Job] = Worker(
        stores.jobs,
        runner.run,
        capacity,
        exclusive=resources.embedded,
        kind="training",
        metrics=resources.metrics,
        on_takeover=lambda job: LogWriter.take_over(resources.bus, stores, job),
        in_turn=False,
    )
    fetcher: Worker[Base] = Worker(
        stores.base_models,
        Fetcher(resources, stores).run,
        Slots(CONCURRENT_DOWNLOADS),
        exclusive=resources.embedded,
        kind="base_model",
        metrics=resources.metrics,
    )
    seedling = BundledModel(resources, bundle)
    presets = Presets(stores)
    registry = WorkerRegistry(stores.workers, RegisteredWorker(worker.name, capacity.machine, capacity.slots))
    references = References(resources.blobs, stores, seedling)
    preparation = JobPreparation(references, registry, presets, remote_engines=launcher.remote)
    estimator = Estimator(
        stores,
        preparation,
        references,
        registry,
        LengthCounter(resources),
        DryRuns(resources),
        MatmulThroughput(resources),
        remote_engines=launcher.remote,
    )
    jobs = TrainingJobs(stores, resources.blobs, preparation, None if launcher.remote else estimator, registry, worker)
    catalog = Catalog(stores, seedling, Hub(resources.settings.hub_endpoint))
    base_models, custom_models = (
        BaseModels(resources, stores, fetcher),
        CustomModels(resources.blobs, stores, references),
    )

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await asyncio.to_thread(clear_scratch, resources.scratch / "training")
        if resources.embedded:  # no other process may be submitting a job
            await cleanup.uses.drop_unowned(older_than_s=0)
        async with (
            background(seedling.run()),
            background(cleanup.run()),
            background(fetcher.serve()),
            background(publications.serve()),
            background(registry.run()),
            background(worker.serve()),
        ):
            yield

    machine_usage = MachineUsage(stores, capacity)
    reproductions = Reproductions(resources.blobs, stores, jobs)
    router = api.routes(
        jobs,
        estimator,
        presets,
        machine_usage,
        catalog,
        base_models,
        custom_models,
        references,
        reproductions,
        checkpoint_models,
        SettingsResolver(preparation, estimator),
    )
    return Service("training", router, subscriptions(worker, tokens), lifespan)
