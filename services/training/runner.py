"""The holder of a job: prepares the engine's folder, follows it, keeps its checkpoints, publishes what it made."""

import asyncio
import errno
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from services.training.attempt import REMEDIES, Ended, Message, follow
from services.training.checkpoints import store_checkpoint
from services.training.machine import Devices
from services.training.models import Job
from services.training.publishing import finish, stage
from services.training.recorder import Recorder
from services.training.store import Stores
from services.training.token_caches import TokenCaches, window_of
from shared.blobs.artifacts import key_of, read_manifest, resolve_model
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.runtime.errors import AnnealError, Unavailable
from shared.runtime.leases import Lease, LeaseLost
from shared.runtime.resources import Resources
from shared.runtime.service import background

log = structlog.get_logger(__name__)

Beside = Callable[[Coroutine[Any, Any, None]], None]

PASSED_ON = frozenset(("log", "metric", "progress", "evaluation", "samples"))


class Runner:
    """`run(job, lease)` for the worker. `target` is the engine, "package.module:function"."""

    def __init__(
        self,
        resources: Resources,
        stores: Stores,
        devices: Devices,
        tokens: TokenCaches,
        target: str,
        left: Callable[[], None],
    ) -> None:
        """`left` is called when the runner has let go of a job."""
        self._resources, self._stores, self._devices, self._target = resources, stores, devices, target
        self._tokens, self._left = tokens, left

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
                await self._failed(lease, recorder, _classified(error))
            finally:
                self._left()
                await recorder.farewell()

    async def _bring_on(self, job: Job, lease: Lease[Job], recorder: Recorder) -> None:
        if job.manifest is None:
            recorder.record("state", state="running", attempt=job.attempts)
            async with self._workdir(job) as folder:
                ended = await self._train(job, lease, recorder, folder)
                if ended.how != "finished" or lease.wanted == "cancel":
                    return await self._ended(lease, recorder, ended)
                await recorder.flush()  # whoever finishes from here on does not know these lines
                job = await stage(self._resources.blobs, job, lease, ended.result)
        recorder.record("state", state="publishing")
        done = await finish(self._resources.blobs, self._stores, job, lease)
        recorder.record("state", state=done.state, model_id=done.model_id)
        return None

    async def _ended(self, lease: Lease[Job], recorder: Recorder, ended: Ended) -> None:
        if ended.how == "failed":
            return await self._failed(lease, recorder, ended)
        done = await lease.change(lambda job: job.interrupted())
        recorder.record("state", state=done.state)
        return None

    async def _failed(self, lease: Lease[Job], recorder: Recorder, ended: Ended) -> None:
        cause, detail = ended.cause, ended.detail
        done = await lease.change(lambda job: job.retry(cause, detail) if ended.may_help else job.fail(cause, detail))
        recorder.log("error", detail)
        recorder.record("state", state=done.state, cause=cause, detail=detail)

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
        with self._devices.lent(job.resources.gpu) as env:
            child = await self._resources.engines.launch(self._target, spec, cwd=folder, env=env)
            async with _beside() as beside:
                return await follow(child, lease, lambda message: self._heard(message, job, lease, recorder, beside))

    async def _spec(self, job: Job, folder: Path) -> dict[str, Any]:
        """The engine's spec (engine/spec.py): local paths and plain JSON."""
        blobs = self._resources.blobs
        key = f"{job.project}/datasets/{job.dataset_id}/{job.dataset_version}"
        manifest = DatasetManifest.model_validate(await read_manifest(blobs, key))
        dataset = await blobs.checkout(key)
        shards = {split: [str(dataset / name) for name in names] for split, names in manifest.shards.items()}
        checkpoint = await blobs.checkout(job.latest.key) if job.latest else None
        window = window_of(job, manifest)
        base = ModelManifest.model_validate(await read_manifest(blobs, key_of(job.base_uri, job.project)))
        tokens = await self._tokens.checkout(job, window, base.template_hash)
        return {
            "job_id": job.id,
            "token": job.token,
            "workdir": str(folder),
            "model": {**await resolve_model(blobs, job.base_uri, job.project), "name": job.base},
            "dataset": {
                "train": shards["train"],
                "validation": shards.get("validation", []),
                "form": manifest.form,
                "tokens": str(tokens) if tokens else None,
                "window": window or None,
            },
            "hyperparameters": {"method": job.method, **job.hyperparameters},
            "resume_from": str(checkpoint) if checkpoint else None,
            "output": str(folder / "model"),
            "checkpoints": str(folder / "checkpoints"),
        }

    async def _heard(self, message: Message, job: Job, lease: Lease[Job], recorder: Recorder, beside: Beside) -> None:
        kind, values = message["kind"], {k: v for k, v in message.items() if k != "kind"}
        if kind == "checkpoint":
            await recorder.flush()  # what led to it must not be lost once it is the point to go on from
            stored = await store_checkpoint(self._resources.blobs, job, lease, message)
            recorder.record("checkpoint", step=stored.step, loss=stored.loss, best=stored.best)
        elif kind == "tokens":
            beside(self._tokens.keep(job, message))
        elif kind == "resumed":
            recorder.log("info", f"Going on from the checkpoint at step {values['step']}.")
        elif kind in PASSED_ON:
            recorder.record(kind, **values)
        await recorder.settle()


@asynccontextmanager
async def _beside() -> AsyncIterator[Beside]:
    """A way to start work that runs beside the messages and is over, one way or the other, at the end."""
    tasks: list[asyncio.Task[None]] = []
    try:
        yield lambda work: tasks.append(asyncio.create_task(work))
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("model", "checkpoints"):
        (folder / name).mkdir(parents=True)


def _classified(error: Exception) -> Ended:
    """A failure on our side of the child: named ones and a full disk stay so, anything else may pass."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Ended("failed", {}, "disk_full", f"The disk is full. {REMEDIES['disk_full']}")
    if isinstance(error, AnnealError):
        return Ended("failed", {}, error.code, " ".join(filter(None, (error.detail, error.remedy))))
    return Ended("failed", {}, "platform_error", str(error) or type(error).__name__)
