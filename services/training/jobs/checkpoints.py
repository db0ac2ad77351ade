"""Checkpoints in the blob store: written below the attempt's token, valid once the job refers to them."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from services.training.models import Checkpoint, Job
from shared.blobs.artifacts import publish
from shared.blobs.protocol import Blobs
from shared.documents.entities import Mutation
from shared.runtime.errors import disk_is_full
from shared.runtime.jobs.leases import Lease

Change = Callable[[Mutation[Job]], Awaitable[Job]]
"""Changes one job: under a lease, or any."""


def attempt_key(job: Job, *parts: str) -> str:
    """A key that only this attempt writes."""
    return "/".join((job.project, "jobs", job.id, f"t{job.token}", *parts))


async def change_checkpoints(blobs: Blobs, change: Change, mutate: Callable[[Job], None]) -> Job:
    """Change the job, and delete the checkpoints that it drops."""
    dropped: set[str] = set()

    def remember(current: Job) -> None:
        before = {c.key for c in current.checkpoints}
        mutate(current)
        dropped.clear()
        dropped.update(before - {c.key for c in current.checkpoints})

    job = await change(remember)
    for key in dropped:
        await blobs.delete(key)
    return job


async def store_checkpoint(blobs: Blobs, job: Job, lease: Lease[Job], message: dict[str, Any]) -> Checkpoint:
    """Upload a checkpoint message's folder, add it to the job (fenced), and delete those that the job drops.

    Where the disk is full, the part that was uploaded is deleted, and the OSError is raised.
    """
    step = int(message["step"])
    key = attempt_key(job, f"checkpoint-{step}")
    try:
        await publish(blobs, key, Path(message["path"]), {"job_id": job.id, "step": step})
    except OSError as error:
        if disk_is_full(error):
            await blobs.delete(key)
            await asyncio.to_thread(shutil.rmtree, message["path"], ignore_errors=True)
        raise
    checkpoint = Checkpoint(step=step, key=key, loss=message.get("loss"), best=bool(message.get("best")))
    await change_checkpoints(blobs, lease.change, lambda current: current.add_checkpoint(checkpoint))
    await asyncio.to_thread(shutil.rmtree, message["path"], ignore_errors=True)
    return checkpoint
