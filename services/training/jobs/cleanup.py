"""Deletes the files of ended jobs from the blob store, whoever ended them, and the uses of jobs that never were."""

import asyncio
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from services.training.base_models.service import DOWNLOADS
from services.training.engine.spec import RESUME_FILES
from services.training.jobs.publishing import model_key
from services.training.models import Job
from services.training.store import Stores
from shared.blobs.artifacts import delete_artifact
from shared.blobs.protocol import Blobs
from shared.documents.entities import now
from shared.runtime.jobs.uses import Uses
from shared.runtime.jobs.work import FINAL

log = structlog.get_logger(__name__)

INTERVAL_S = 60.0


class Cleanup:
    """Looks for final jobs that still have files: at start, every minute, and when woken.

    What a model is made of stays of their checkpoints, for `checkpoint_days` days.
    """

    def __init__(self, blobs: Blobs, stores: Stores, checkpoint_days: float) -> None:
        self._blobs, self._stores, self._checkpoint_days = blobs, stores, checkpoint_days
        self._woken = asyncio.Event()
        self.uses = dataset_uses(blobs, stores)

    def wake(self) -> None:
        """Look now, since a job may have ended."""
        self._woken.set()

    async def run(self) -> None:
        """Clean until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.sweep()
                await self.uses.drop_unowned()
            except Exception:
                log.exception("cleanup_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._woken.wait()

    async def sweep(self) -> int:
        """Clean up to 100 jobs once; returns how many."""
        ended = await self._stores.jobs.find({"state": {"$in": list(FINAL)}, "has_files": True}, limit=100)
        for job in ended:
            await self._clean(job)
        expired = await self._stores.jobs.find({"checkpoints_until": {"$lte": now().isoformat()}}, limit=100)
        for job in expired:
            await self._blobs.delete(f"{job.project}/jobs/{job.id}")
            await self._stores.jobs.change(job.id, _without_checkpoints)
        return len(ended) + len(expired)

    async def _clean(self, job: Job) -> None:
        """Delete the job's files; and its model, where the job ended otherwise while it was published."""
        if job.state != "succeeded" and job.manifest is not None:
            await delete_artifact(self._blobs, model_key(job))
            for model in await self._stores.custom_models.find({"_id": job.model_id}):
                await self._stores.custom_models.delete(model.id)
        kept = tuple(f"{c.key}/" for c in job.checkpoints) if self._checkpoint_days else ()
        for key in await self._blobs.sizes(f"{job.project}/jobs/{job.id}"):
            if not key.startswith(kept) or key.endswith(RESUME_FILES):
                await self._blobs.delete(key)
        await self.uses.remove(job)
        until = now() + timedelta(days=self._checkpoint_days) if kept else None
        await self._stores.jobs.change(job.id, lambda current: _cleaned(current, until))


def dataset_uses(blobs: Blobs, stores: Stores) -> Uses[Job]:
    """Keeps the datasets of unfinished jobs from being deleted; base models are checked in this service's documents."""
    return Uses(blobs, stores.jobs, "job", lambda job: job.used_ids)


def _cleaned(job: Job, until: datetime | None) -> None:
    job.has_files = False
    if until is None:
        _without_checkpoints(job)
    else:
        job.checkpoints_until = job.checkpoints_until or until


def _without_checkpoints(job: Job) -> None:
    job.checkpoints, job.checkpoints_until = [], None


def clear_scratch(folder: Path) -> None:
    """Delete the work folders of a killed process, but not the downloads, which are resumed."""
    for entry in folder.iterdir() if folder.exists() else ():
        if entry.name != DOWNLOADS:
            shutil.rmtree(entry, ignore_errors=True)
