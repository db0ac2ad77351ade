"""The use cases of checkpoints' models: publish one, and see how far that is."""

import asyncio
from contextlib import suppress
from functools import partial

from services.training.errors import CheckpointGone, UnknownCheckpoint
from services.training.jobs.checkpoints import change_checkpoints
from services.training.models import LATEST_CHECKPOINTS, Job
from services.training.publications import CheckpointModel, checkpoint_model_id
from services.training.store import Stores
from shared.blobs.protocol import Blobs
from shared.runtime.errors import AnnealError, Conflict, NotFound
from shared.runtime.jobs.leases import Lease
from shared.runtime.jobs.work import State
from shared.runtime.jobs.worker import Worker
from shared.runtime.telemetry.tracing import continuing

KEPT = f"A job keeps its last {LATEST_CHECKPOINTS} checkpoints and the best one, after its end for {{:g}} days"
"""Of the setting `checkpoint_days`."""

POLL_S = 0.5
"""Seconds between looks at publications that may run in another process."""


class CheckpointModels:
    """Publishes checkpoints as custom models, one for each checkpoint."""

    def __init__(self, blobs: Blobs, stores: Stores, worker: Worker[CheckpointModel], checkpoint_days: float) -> None:
        self._blobs, self._stores, self._worker, self._checkpoint_days = blobs, stores, worker, checkpoint_days

    async def publish(self, project: str, job_id: str, step: int) -> CheckpointModel:
        """Queue the publication. One that exists is returned, and tried again where it has failed.

        Raises UnknownCheckpoint and CheckpointGone, and Conflict soon after the model was deleted.
        """
        job = await self._stores.jobs.for_project(project).get(job_id)
        publications = self._stores.checkpoint_models.for_project(project)
        id = checkpoint_model_id(job, step)
        for known in await publications.find({"_id": id}, limit=1):
            if known.state != "failed":
                return known
        if job.checkpoint(step) is None:
            raise await self._absent(job, step)
        await self._stores.jobs.change(job_id, lambda current: current.pin(step))
        trace = continuing(job.traceparent, "publish checkpoint")
        publication = CheckpointModel(id=id, project=project, job_id=job_id, step=step, traceparent=trace)
        try:
            await publications.create(publication)
        except NotFound as error:  # its tombstone
            await self._unpin(job_id, step)
            detail = f"The model of this checkpoint, {id}, was deleted less than a day ago."
            remedy = "Publish it again a day after that, or publish another checkpoint."
            raise Conflict(detail, field="step", limit="1 day", remedy=remedy) from error
        queued = await publications.change(id, CheckpointModel.retry)
        self._worker.wake()
        return queued

    async def publish_all(self, job: Job, lease: Lease[Job]) -> list[str]:
        """Publish every checkpoint that the job has, and wait for it; returns why some are no models.

        Ends early where the job's owner or its worker interrupts it; the publications go on.
        """
        for checkpoint in job.checkpoints:
            with suppress(CheckpointGone, Conflict):
                await self.publish(job.project, job.id, checkpoint.step)
        while not lease.interrupt_requested:
            publications = await self._stores.checkpoint_models.find({"job_id": job.id})
            if all(publication.final for publication in publications):
                return [f"Step {each.step}: {each.detail}" for each in publications if each.state == "failed"]
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await lease.wait_for_interrupt()
        return []

    async def states(self, project: str, job_id: str) -> dict[int, State]:
        """The states of the publications of a job's checkpoints, by step."""
        found = await self._stores.checkpoint_models.for_project(project).find({"job_id": job_id})
        return {publication.step: publication.state for publication in found}

    async def get(self, project: str, job_id: str, step: int) -> CheckpointModel:
        """The publication of a checkpoint. Raises NotFound where none was requested."""
        job = await self._stores.jobs.for_project(project).get(job_id)
        found = await self._stores.checkpoint_models.for_project(project).find(
            {"_id": checkpoint_model_id(job, step)}, limit=1
        )
        if not found:
            remedy = f"Publish it: POST /training/jobs/{job_id}/checkpoints/{step}/model."
            raise NotFound(f"Nobody has published the checkpoint of step {step}.", field="step", remedy=remedy)
        return found[0]

    async def _unpin(self, job_id: str, step: int) -> None:
        """Drop the checkpoint as any other: no publication is left that would do it."""
        change = partial(self._stores.jobs.change, job_id)
        await change_checkpoints(self._blobs, change, lambda job: job.unpin(step))

    async def _absent(self, job: Job, step: int) -> AnnealError:
        """Why the job does not have the checkpoint, and which ones it has."""
        available = [checkpoint.step for checkpoint in job.checkpoints]
        remedy = f"Publish one of {', '.join(map(str, available))}." if available else "Train again."
        if await self._was_stored(job, step):
            detail = f"The checkpoint of step {step} was deleted. {KEPT.format(self._checkpoint_days)}."
            return CheckpointGone(detail, field="step", limit=available, remedy=remedy)
        detail = f"Job {job.id} has stored no checkpoint of step {step}."
        if not job.final and not available:
            remedy = f"Wait for the first one: checkpoint_every is {job.hyperparameters.get('checkpoint_every')}."
        return UnknownCheckpoint(detail, field="step", limit=available, remedy=remedy)

    async def _was_stored(self, job: Job, step: int) -> bool:
        after = 0
        while found := await self._stores.streams.read(job.id, after=after, limit=1000, kinds=["checkpoint"]):
            if any(record["step"] == step for record in found):
                return True
            after = found[-1]["seq"]
        return False
