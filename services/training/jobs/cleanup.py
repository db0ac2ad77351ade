"""Frees what ended jobs leave behind in the blob store, whoever ended them."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import structlog

from services.training.base_models.service import DOWNLOADS
from services.training.jobs.publishing import model_key
from services.training.models import Job
from services.training.store import Stores
from shared.blobs.artifacts import delete_artifact
from shared.blobs.protocol import Blobs
from shared.runtime.jobs.work import FINAL

log = structlog.get_logger(__name__)

INTERVAL = 60.0


class Cleanup:
    """Looks for final jobs that still have files: at start, every minute, and when woken."""

    def __init__(self, blobs: Blobs, stores: Stores) -> None:
        self._blobs, self._stores = blobs, stores
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """A job may have ended."""
        self._woken.set()

    async def run(self) -> None:
        """Clean until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.sweep()
            except Exception:
                log.exception("cleanup_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._woken.wait()

    async def sweep(self) -> int:
        """One round; how many jobs were cleaned."""
        ended = await self._stores.jobs.find({"state": {"$in": list(FINAL)}, "has_files": True}, limit=100)
        for job in ended:
            await self._clean(job)
        return len(ended)

    async def _clean(self, job: Job) -> None:
        """A job that did not succeed may have died while it published: its half goes too."""
        if job.state != "succeeded" and job.manifest is not None:
            await delete_artifact(self._blobs, model_key(job))
            for model in await self._stores.models.find({"job_id": job.id}):
                await self._stores.models.delete(model.id)
        await self._blobs.delete(f"{job.project}/jobs/{job.id}")
        await self._stores.jobs.change(job.id, _cleaned)


def _cleaned(job: Job) -> None:
    job.has_files, job.checkpoints = False, []


def clear_scratch(folder: Path) -> None:
    """What a killed process left at work; downloads stay, they are gone on with."""
    for left in folder.iterdir() if folder.exists() else ():
        if left.name != DOWNLOADS:
            shutil.rmtree(left, ignore_errors=True)
