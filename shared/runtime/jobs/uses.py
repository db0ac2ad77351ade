"""Keeps what unfinished work needs from being deleted."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog

from shared.blobs.protocol import Blobs
from shared.blobs.uses import Use, add_use, all_uses, remove_use
from shared.documents.entities import EntityStore
from shared.runtime.jobs.work import Work

log = structlog.get_logger(__name__)

W = TypeVar("W", bound=Work)
INTERVAL_S = 60.0
SUBMIT_LIMIT_S = 600.0
"""Seconds after which a use without its work is not one that a submit has just added."""


class Uses(Generic[W]):
    """The uses of artifacts by one kind of work, whose ids start with `prefix`; `needs` names a work's artifacts."""

    def __init__(self, blobs: Blobs, store: EntityStore[W], prefix: str, needs: Callable[[W], Sequence[str]]) -> None:
        self._blobs, self._store, self._prefix, self._needs = blobs, store, f"{prefix}_", needs
        self._without_work: dict[Use, float] = {}

    async def add(self, work: W) -> None:
        """Protect what the work needs. Repeatable."""
        for artifact_id in self._needs(work):
            await add_use(self._blobs, work.project, artifact_id, work.id)

    async def remove(self, work: W) -> None:
        """What it needed may be deleted from now on. Repeatable."""
        for artifact_id in self._needs(work):
            await remove_use(self._blobs, work.project, artifact_id, work.id)

    async def remove_if_final(self, work: W) -> None:
        """Call when a worker has let go of the work, or its owner has cancelled it."""
        if work.final:
            await self.remove(work)

    async def clean(self) -> None:
        """Drop unowned uses every minute until cancelled."""
        while True:
            try:
                await self.drop_unowned()
            except Exception:
                log.exception("cleanup_of_uses_failed")
            await asyncio.sleep(INTERVAL_S)

    async def drop_unowned(self, older_than_s: float = SUBMIT_LIMIT_S) -> None:
        """Remove what processes left that died: uses by work that has ended, or that a submit never created."""
        uses = [use for use in await all_uses(self._blobs) if use.work_id.startswith(self._prefix)]
        known = {work.id: work for work in await self._store.find({"_id": {"$in": [use.work_id for use in uses]}})}
        clock = time.monotonic()
        self._without_work = {use: self._without_work.get(use, clock) for use in uses if use.work_id not in known}
        ended = [use for use in uses if use.work_id in known and known[use.work_id].final]
        for use in ended + [use for use, since in self._without_work.items() if clock - since >= older_than_s]:
            await remove_use(self._blobs, *use)
