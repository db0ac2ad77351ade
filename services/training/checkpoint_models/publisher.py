"""Publishes a checkpoint: the engine writes the model, which is stored and listed like that of a finished job."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from services.training.errors import CheckpointGone
from services.training.jobs.checkpoints import change_checkpoints
from services.training.jobs.publishing import custom_model, manifest_of
from services.training.models import CustomModel, Job
from services.training.publications import CheckpointModel
from services.training.store import Stores
from shared.blobs.artifacts import delete_artifact, publish, resolve_model, weights_size
from shared.events.training import CheckpointPublished
from shared.model_names import plain_name
from shared.runtime.errors import AnnealError, NotFound, Unavailable, disk_is_full, in_sentences
from shared.runtime.jobs.engine_runs import Message, run_to_result
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.resources import Resources

TARGET = "services.training.engine.tasks.checkpoint_model:main"
MAX_NAME_CHARS = 100


class CheckpointPublisher:
    """`run(publication, lease)` for the worker."""

    def __init__(self, resources: Resources, stores: Stores) -> None:
        self._resources, self._stores = resources, stores

    async def run(self, publication: CheckpointModel, lease: Lease[CheckpointModel]) -> None:
        """Publish the model, or hand the work back to the queue: a new attempt writes the same bytes."""
        try:
            await self._publish(await self._stores.jobs.get(publication.job_id), publication, lease)
        except (LeaseLost, Unavailable):
            raise
        except AnnealError as error:
            cause, detail = error.code, in_sentences(error.detail, error.remedy)
            await lease.change(lambda current: current.fail(cause, detail))

    async def unpin_if_final(self, publication: CheckpointModel) -> None:
        """Call when a worker has let go of the publication: from then on, the job drops the checkpoint as any other."""
        if publication.final:
            change = partial(self._stores.jobs.change, publication.job_id)
            await change_checkpoints(self._resources.blobs, change, lambda job: job.unpin(publication.step))

    async def _publish(self, job: Job, publication: CheckpointModel, lease: Lease[CheckpointModel]) -> None:
        async with self._folder(f"{publication.id}-t{lease.token}") as folder:
            spec = await self._spec(job, publication.step, folder)
            child = await self._resources.engines.launch(TARGET, spec, cwd=folder)
            if result := await run_to_result(child, lease, _ignore, weights_size(spec["model"])):
                await self._store(job, publication, result)
                await lease.change(CheckpointModel.succeed)

    @asynccontextmanager
    async def _folder(self, name: str) -> AsyncIterator[Path]:
        folder = self._resources.scratch / "training" / name
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _spec(self, job: Job, step: int, folder: Path) -> dict[str, Any]:
        """The engine's spec: local paths and plain values. Raises CheckpointGone."""
        checkpoint, blobs = job.checkpoint(step), self._resources.blobs
        if checkpoint is None:
            raise CheckpointGone(f"The checkpoint of step {step} was deleted.", field="step", remedy="Publish another.")
        return {
            "checkpoint": str(await blobs.local_folder(checkpoint.key)),
            "model": {**await resolve_model(blobs, job.base_uri, job.project), "name": job.base},
            "hyperparameters": {"method": job.method, **job.hyperparameters},
            "output": str(folder / "model"),
        }

    async def _store(self, job: Job, publication: CheckpointModel, result: Message) -> None:
        """Store the model's files, its manifest, and last its entry among the custom models."""
        blobs, key = self._resources.blobs, f"{job.project}/models/custom/{publication.id}"
        try:
            manifest = await publish(blobs, key, Path(result["path"]), await self._manifest(job, publication, result))
            model = custom_model(job, manifest)
            await self._stores.custom_models.create(model, [_published(job, model, publication.step)])
        except Exception as error:
            if isinstance(error, NotFound) or disk_is_full(error):  # its owner deleted it meanwhile
                await delete_artifact(blobs, key)
            raise

    async def _manifest(self, job: Job, publication: CheckpointModel, result: Message) -> dict[str, Any]:
        recorded = await self._stores.streams.read(job.id, after=0, limit=1, kinds=["provenance"])
        origin = {k: v for record in recorded for k, v in record.items() if k not in ("seq", "time", "kind")}
        return {
            **manifest_of(job, {**result, "provenance": origin}),
            "model_id": publication.id,
            "name": plain_name(f"{job.name[:MAX_NAME_CHARS]}:ckpt-step-{publication.step}"),
            "step": publication.step,
        }


def _published(job: Job, model: CustomModel, step: int) -> CheckpointPublished:
    copied = ("job_id", "model_uri", "name", "base", "method", "dataset_id", "dataset_version")
    fields = {name: getattr(model, name) for name in copied}
    return CheckpointPublished(model_id=model.id, step=step, base_id=job.base_id, **fields)


async def _ignore(message: Message) -> None:
    """The engine reports nothing that anybody follows."""
