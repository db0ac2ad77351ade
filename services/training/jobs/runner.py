"""The holder of a job: prepares the engine's folder, follows it, keeps its checkpoints, publishes what it made."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import structlog

from services.training.jobs.attempt import Ended, broken_by, grace, how_it_ended
from services.training.jobs.engine_messages import Hearing
from services.training.jobs.log_writer import Recorder
from services.training.jobs.publishing import finish, stage
from services.training.jobs.token_caches import TokenCaches, window_of
from services.training.models import DISK_FULL, OUT_OF_MEMORY, Job
from services.training.store import Stores
from services.training.workers.capacity import Devices
from services.training.workers.launchers import Launcher
from shared.blobs.artifacts import key_of, read_manifest, resolve_model
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.events.envelope import Event
from shared.runtime.errors import Unavailable
from shared.runtime.jobs.engine_runs import follow_engine
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.resources import Resources
from shared.runtime.service import background

log = structlog.get_logger(__name__)

_SMALLER = (
    "The next attempt computes at most {:,} tokens at once, in more parts for each step. "
    "It trains the same, and takes a little longer."
)
_ANEW = (
    "The next attempt computes activations anew on the way back instead of keeping them. "
    "It trains the same, and takes about a third longer."
)


class Runner:
    """`run(job, lease)` for the worker."""

    def __init__(
        self,
        resources: Resources,
        stores: Stores,
        devices: Devices,
        tokens: TokenCaches,
        launcher: Launcher,
        left: Callable[[], None],
    ) -> None:
        """`left` is called when the runner has let go of a job."""
        self._resources, self._stores, self._devices, self._launcher = resources, stores, devices, launcher
        self._tokens, self._left = tokens, left
        self._trained = resources.metrics.counter(
            "anneal_training_tokens", "Tokens that training jobs of this process were trained on", "method"
        )

    async def run(self, job: Job, lease: Lease[Job]) -> None:
        """Bring the job to its end, or back to the queue."""
        recorder = await Recorder.open(self._resources.bus, self._stores, job)
        async with background(recorder.run()):
            try:
                await self._bring_on(job, lease, recorder)
            except (LeaseLost, Unavailable):
                raise
            except Exception as error:
                log.exception("attempt_failed", job_id=job.id)
                await self._failed(lease, recorder, broken_by(error))
            finally:
                self._left()
                await recorder.farewell()

    async def _bring_on(self, job: Job, lease: Lease[Job], recorder: Recorder) -> None:
        if job.manifest is None:
            recorder.record("state", state="running", attempt=job.attempts)
            async with self._workdir(job) as folder:
                ended = await self._train(job, lease, recorder, folder)
                if ended.how == "failed":
                    return await self._failed(lease, recorder, ended)
                if ended.how == "stopped" or lease.wanted == "cancel":
                    return await self._stopped(lease, recorder)
                await recorder.flush()  # whoever finishes from here on does not know these lines
                job = await stage(self._resources.blobs, job, lease, ended.result)
        recorder.record("state", state="publishing")
        done = await finish(self._resources.blobs, self._stores, job, lease)
        recorder.record("state", state=done.state, model_id=done.model_id)
        return None

    async def _stopped(self, lease: Lease[Job], recorder: Recorder) -> None:
        done = await lease.change(lambda job: job.interrupt())
        recorder.record("state", state=done.state)

    async def _failed(self, lease: Lease[Job], recorder: Recorder, ended: Ended) -> None:
        def fail(job: Job) -> Sequence[Event]:
            if ended.cause == OUT_OF_MEMORY and job.shrink(ended.longest):
                return job.retry(ended.cause, ended.detail, counts=False)
            if ended.cause == DISK_FULL:
                return job.wait_for_room(ended.detail)
            return job.retry(ended.cause, ended.detail) if ended.may_help else job.fail(ended.cause, ended.detail)

        done = await lease.change(fail)
        recorder.log("error", ended.detail)
        if ended.cause == OUT_OF_MEMORY and done.state == "queued" and (how := _in_words(done)):
            recorder.log("warning", how)
        recorder.record("state", state=done.state, cause=ended.cause, detail=ended.detail)

    @asynccontextmanager
    async def _workdir(self, job: Job) -> AsyncIterator[Path]:
        """An empty folder of this attempt's own, gone afterwards."""
        folder = self._resources.scratch / "training" / f"{job.id}-t{job.token}"
        await asyncio.to_thread(_make_empty, folder)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _train(self, job: Job, lease: Lease[Job], recorder: Recorder, folder: Path) -> Ended:
        spec = await self._spec(job, folder)
        if job.token > 1:
            recorder.rewind(job.latest.step if job.latest else 0)
        async with Hearing.open(self._resources.blobs, self._tokens, self._trained, job, lease, recorder) as hearing:
            with self._devices.lent(job.resources.gpu) as env:
                env, requires = {**env, **self._launcher.env}, self._launcher.requires
                child = await self._resources.engines.launch(
                    self._launcher.target, spec, cwd=folder, env=env, requires=requires
                )
                ending = await follow_engine(child, lease, hearing.hear, grace)
            await hearing.finished()
        return how_it_ended(ending, hearing.longest)

    async def _spec(self, job: Job, folder: Path) -> dict[str, Any]:
        """The engine's spec (engine/spec.py): local paths and plain JSON."""
        blobs = self._resources.blobs
        manifest, shards = await self._dataset(job.project, job.dataset_id, job.dataset_version)
        if job.validation_id:
            _, others = await self._dataset(job.project, job.validation_id, str(job.validation_version))
            shards = {"train": [*chain(*shards.values())], "validation": [*chain(*others.values())]}
        checkpoint = await blobs.local_folder(job.latest.key) if job.latest else None
        window = window_of(job, manifest)
        base = ModelManifest.model_validate(await read_manifest(blobs, key_of(job.base_uri, job.project)))
        tokens = await self._tokens.checkout(job, window, base.template_hash)
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
            "hyperparameters": {"method": job.method, **job.hyperparameters, **_smaller(job)},
            "resume_from": str(checkpoint) if checkpoint else None,
            "output": str(folder / "model"),
            "checkpoints": str(folder / "checkpoints"),
        }

    async def _dataset(self, project: str, id: str, version: str) -> tuple[DatasetManifest, dict[str, list[str]]]:
        """A dataset version's manifest, and local paths of its shards by split."""
        key = f"{project}/datasets/{id}/{version}"
        manifest = DatasetManifest.model_validate(await read_manifest(self._resources.blobs, key))
        folder = await self._resources.blobs.local_folder(key)
        return manifest, {split: [str(folder / name) for name in names] for split, names in manifest.shards.items()}


def _smaller(job: Job) -> dict[str, Any]:
    smaller = {"micro_batch_tokens": job.micro_batch_tokens} if job.micro_batch_tokens else {}
    return smaller | ({"gradient_checkpointing": True} if job.recomputes else {})


def _in_words(job: Job) -> str | None:
    """How the next attempt does with less memory."""
    if job.recomputes:
        return _ANEW
    return _SMALLER.format(job.micro_batch_tokens) if job.micro_batch_tokens else None


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("model", "checkpoints"):
        (folder / name).mkdir(parents=True)
