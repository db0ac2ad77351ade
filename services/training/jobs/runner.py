"""Runs a claimed job: prepares and follows its engine, stores its checkpoints, publishes its model."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import structlog

from services.training.jobs.attempt import AttemptOutcome, grace_period_s, outcome_of, outcome_of_error, time_limit_s
from services.training.jobs.engine_messages import EngineMessageHandler
from services.training.jobs.log_writer import LogWriter
from services.training.jobs.publishing import finish, stage
from services.training.jobs.token_caches import TokenCaches, window_of
from services.training.models import DISK_FULL, OUT_OF_MEMORY, Job
from services.training.store import Stores
from services.training.workers.capacity import GpuPool
from services.training.workers.launchers import Launcher
from shared.blobs.artifacts import artifact_uri, dataset_folder, key_of, read_manifest, resolve_model, weights_size
from shared.blobs.errors import BlobNotFound
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.events.envelope import Event
from shared.runtime.errors import Unavailable
from shared.runtime.jobs.engine_runs import follow_engine
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.resources import Resources
from shared.runtime.service import background

log = structlog.get_logger(__name__)

_SMALLER_MICRO_BATCHES = (
    "The next attempt computes at most {:,} tokens at a time, in more micro-batches per step. "
    "The result is the same, and training takes a little longer."
)
_KEPT = "{} The trained model will be stored after the outage."
_RECOMPUTES = (
    "The next attempt recomputes activations in the backward pass instead of storing them (gradient checkpointing). "
    "The result is the same, and training takes about a third longer."
)


class Runner:
    """`run(job, lease)` for the worker."""

    def __init__(
        self,
        resources: Resources,
        stores: Stores,
        gpus: GpuPool,
        tokens: TokenCaches,
        launcher: Launcher,
        publish_checkpoints: Callable[[Job, Lease[Job]], Awaitable[list[str]]],
        on_released: Callable[[], None],
    ) -> None:
        """`publish_checkpoints` returns why some are no models; `on_released` is called after each job."""
        self._resources, self._stores, self._gpus, self._launcher = resources, stores, gpus, launcher
        self._tokens, self._publish_checkpoints, self._on_released = tokens, publish_checkpoints, on_released
        self._trained = resources.metrics.counter(
            "anneal_training_tokens", "Tokens that training jobs of this process were trained on", "method"
        )

    async def run(self, job: Job, lease: Lease[Job]) -> None:
        """Run the job to its end, or hand it back to the queue."""
        log_writer = await LogWriter.open(self._resources.bus, self._stores, job)
        async with background(log_writer.run()):
            try:
                await self._train_and_publish(job, lease, log_writer)
            except (LeaseLost, Unavailable):
                raise
            except Exception as error:
                log.exception("attempt_failed", job_id=job.id)
                await self._failed(lease, log_writer, outcome_of_error(error))
            finally:
                self._on_released()
                await log_writer.final_flush()

    async def _train_and_publish(self, job: Job, lease: Lease[Job], log_writer: LogWriter) -> None:
        if job.manifest is None:
            log_writer.record("state", state="running", attempt=job.attempts)
            async with self._workdir(job) as folder:
                outcome = await self._train(job, lease, log_writer, folder)
                if outcome.status == "failed":
                    return await self._failed(lease, log_writer, outcome)
                if outcome.status == "stopped" or lease.wanted == "cancel":
                    return await self._stopped(lease, log_writer)

                async def keep(job: Job = job, result: Any = outcome.result) -> Job:
                    await log_writer.flush()  # another worker may finish from here on, without these records
                    return await stage(self._resources.blobs, job, lease, result, log_writer.warnings)

                job = await lease.outlast_outages(keep, lambda detail: log_writer.log("warning", _KEPT.format(detail)))
        log_writer.record("state", state="publishing")
        if job.fine_tuning:  # by OpenAI's API, where every checkpoint of a job that has succeeded is a model
            for reason in await self._publish_checkpoints(job, lease):
                log_writer.log("warning", f"A checkpoint could not be published as a model. {reason}")
        done = await finish(self._resources.blobs, self._stores, job, lease)
        log_writer.record("state", state=done.state, model_id=done.model_id)
        return None

    async def _stopped(self, lease: Lease[Job], log_writer: LogWriter) -> None:
        done = await lease.change(lambda job: job.interrupt())
        log_writer.record("state", state=done.state)

    async def _failed(self, lease: Lease[Job], log_writer: LogWriter, outcome: AttemptOutcome) -> None:
        def fail(job: Job) -> Sequence[Event]:
            if outcome.cause == OUT_OF_MEMORY and job.reduce_memory(outcome.longest):
                return job.retry_or_fail(outcome.cause, outcome.detail, counts=False)
            if outcome.cause == DISK_FULL:
                return job.pause_for_disk_space(outcome.detail)
            if outcome.retryable:
                return job.retry_or_fail(outcome.cause, outcome.detail)
            return job.fail(outcome.cause, outcome.detail)

        done = await lease.change(fail)
        log_writer.log("error", outcome.detail)
        if outcome.cause == OUT_OF_MEMORY and done.state == "queued" and (reduction := _memory_reduction(done)):
            log_writer.log("warning", reduction)
        log_writer.record("state", state=done.state, cause=outcome.cause, detail=outcome.detail)

    @asynccontextmanager
    async def _workdir(self, job: Job) -> AsyncIterator[Path]:
        """An empty folder of this attempt, deleted afterwards."""
        folder = self._resources.scratch / "training" / f"{job.id}-t{job.token}"
        await asyncio.to_thread(_make_empty, folder)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _train(self, job: Job, lease: Lease[Job], log_writer: LogWriter, folder: Path) -> AttemptOutcome:
        spec = await self._spec(job, folder)
        if job.token > 1:
            log_writer.rewind(job.latest.step if job.latest else 0)
        async with EngineMessageHandler.open(
            self._resources.blobs, self._tokens, self._trained, job, lease, log_writer
        ) as handler:
            with self._gpus.allocate(job.resources.gpu) as env:
                env, requires = {**env, **self._launcher.env}, self._launcher.requires
                child = await self._resources.engines.launch(
                    self._launcher.target, spec, cwd=folder, env=env, requires=requires, limits=self._launcher.limits
                )
                weights, limit_s = weights_size(spec["model"]), time_limit_s(job)
                ending = await follow_engine(child, lease, handler.handle, grace_period_s, weights, limit_s)
            await handler.wait_until_stored()
        return outcome_of(ending, handler.longest)

    async def _spec(self, job: Job, folder: Path) -> dict[str, Any]:
        """The engine's spec (engine/spec.py): local paths and plain JSON."""
        blobs = self._resources.blobs
        manifest, shards = await self._dataset(job.project, job.dataset_id, job.dataset_version)
        if job.validation_id:
            _, others = await self._dataset(job.project, job.validation_id, str(job.validation_version))
            training = [*shards["train"], *shards.get("validation", [])]
            shards = {"train": training, "validation": [*chain(*others.values())]}
        checkpoint = await blobs.local_folder(job.latest.key) if job.latest else None
        window = window_of(job, manifest)
        base = ModelManifest.model_validate(await read_manifest(blobs, key_of(job.base_uri, job.project)))
        tokens = await self._tokens.local_folder(job, window, base.template_hash)
        original = artifact_uri(job.project, "models", "custom", job.reproduces) if job.reproduces else None
        return {
            "job_id": job.id,
            "token": job.token,
            "workdir": str(folder),
            "model": {
                **await resolve_model(blobs, job.base_uri, job.project),
                "name": job.base,
                "fingerprint": base.fingerprint,
            },
            "dataset": {
                "train": shards["train"],
                "validation": shards.get("validation", []),
                "form": manifest.form,
                "tokens": str(tokens) if tokens else None,
                "window": window or None,
                "fingerprint": manifest.fingerprint,
            },
            "hyperparameters": {"method": job.method, **job.hyperparameters, **_reduced(job)},
            "resume_from": str(checkpoint) if checkpoint else None,
            "reproduces": (await resolve_model(blobs, original, job.project))["path"] if original else None,
            "output": str(folder / "model"),
            "checkpoints": str(folder / "checkpoints"),
        }

    async def _dataset(self, project: str, id: str, version: str) -> tuple[DatasetManifest, dict[str, list[str]]]:
        """A dataset version's manifest, and local paths of its shards by split, without those of the test split."""
        key = f"{project}/datasets/{id}/{version}"
        try:
            manifest = DatasetManifest.model_validate(await read_manifest(self._resources.blobs, key))
            shards = {split: manifest.shards[split] for split in manifest.training_splits if split in manifest.shards}
            folder = await dataset_folder(self._resources.blobs, key, manifest, [*chain(*shards.values())])
        except BlobNotFound as error:
            remedy = "Upload the data again, and start a new job with it."
            raise BlobNotFound(f"Dataset {id}@{version}, which this job needs, is gone. {remedy}") from error
        return manifest, {split: [str(folder / name) for name in names] for split, names in shards.items()}


def _reduced(job: Job) -> dict[str, Any]:
    """The settings that earlier attempts reduced for lack of memory."""
    reduced = {"micro_batch_tokens": job.micro_batch_tokens} if job.micro_batch_tokens else {}
    return reduced | ({"gradient_checkpointing": True} if job.recomputes else {})


def _memory_reduction(job: Job) -> str | None:
    """How the next attempt uses less memory, for the log."""
    if job.recomputes:
        return _RECOMPUTES
    return _SMALLER_MICRO_BATCHES.format(job.micro_batch_tokens) if job.micro_batch_tokens else None


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("model", "checkpoints"):
        (folder / name).mkdir(parents=True)
