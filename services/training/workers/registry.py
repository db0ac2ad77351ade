"""Who trains: every process says what its machine has, so that any of them can tell why a job waits."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog

from services.training.models import Job
from services.training.workers.capacity import Machine, MachineCapacity
from shared.documents.entities import now
from shared.documents.protocol import Collection

log = structlog.get_logger(__name__)

ANNOUNCED_EVERY = 10.0
FORGOTTEN = timedelta(seconds=45)
"""A worker that was silent for so long is not counted. Only views depend on it, so clocks may differ a little."""


@dataclass(frozen=True)
class Site:
    """One worker: its name as `runner` of the jobs that it holds, and what it may run at once."""

    name: str
    machine: Machine
    slots: int

    def wants(self, job: Job, running: Iterable[Job]) -> str | None:
        """What the job would wait for here; None when there is room for it."""
        here = [other for other in running if other.runner == self.name]
        return MachineCapacity(self.machine, self.slots).wants(job, here)


class Workers:
    """The sites of all training workers, one small document each."""

    def __init__(self, collection: Collection, own: Site) -> None:
        self._collection, self.own = collection, own

    async def announce(self) -> None:
        """Say again and again that this one is there; at the end, that it has gone."""
        try:
            while True:
                try:
                    await self._say()
                except Exception:
                    log.warning("worker_not_announced", exc_info=True)
                await asyncio.sleep(ANNOUNCED_EVERY)
        finally:
            await self._collection.delete(self.own.name)

    async def _say(self) -> None:
        said = {**asdict(self.own), "seen_at": now().isoformat()}
        if await self._collection.patch(self.own.name, {}, set=said) is None:
            await self._collection.insert({"_id": self.own.name, "version": 1, **said})

    async def sites(self) -> list[Site]:
        """This one, and those that were heard of lately; those that were not for long are forgotten."""
        found = [self.own]
        for said in await self._collection.find({}):
            silent = now() - datetime.fromisoformat(said["seen_at"])
            if silent < FORGOTTEN and said["name"] != self.own.name:
                found.append(Site(said["name"], Machine(**said["machine"]), said["slots"]))
            elif silent > 100 * FORGOTTEN:
                await self._collection.delete(said["_id"])
        return found


def why_it_waits(job: Job, position: int, running: Sequence[Job], sites: Sequence[Site]) -> str:
    """In words, for a job at this place of the queue."""
    wants = [site.wants(job, running) for site in sites]
    if None in wants:
        return f"waits behind {position - 1} other jobs" if position > 1 else "about to start"
    if all(site.wants(job, ()) is not None for site in sites):
        return f"no training worker is large enough: {wants[0]}"
    slots = sum(site.slots for site in sites)
    if len(running) >= slots:
        return f"waits for a free slot: {len(running)} of {slots} in use"
    return next(want for site, want in zip(sites, wants, strict=True) if want and site.wants(job, ()) is None)
