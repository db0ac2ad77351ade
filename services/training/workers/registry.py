"""The registry of live training workers, from which any process can tell why a job waits."""

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

HEARTBEAT_INTERVAL_S = 10.0
LIVENESS_TIMEOUT = timedelta(seconds=45)
"""A worker whose last heartbeat is older does not count. Only views depend on it, so clocks may differ a little."""


@dataclass(frozen=True)
class RegisteredWorker:
    """One worker: its `name`, which is the `runner` of the jobs that it holds, and its capacity."""

    name: str
    machine: Machine
    slots: int

    def waiting_reason(self, job: Job, running: Iterable[Job]) -> str | None:
        """Why the job would have to wait here, as a phrase; None where it could start."""
        own = [other for other in running if other.runner == self.name]
        return MachineCapacity(self.machine, self.slots).waiting_reason(job, own)


class WorkerRegistry:
    """All training workers, one small document each; `own` is the worker of this process."""

    def __init__(self, collection: Collection, own: RegisteredWorker) -> None:
        self._collection, self.own = collection, own

    async def run(self) -> None:
        """Send heartbeats until cancelled, then remove the own worker."""
        try:
            while True:
                try:
                    await self._heartbeat()
                except Exception:
                    log.warning("worker_heartbeat_failed", exc_info=True)
                await asyncio.sleep(HEARTBEAT_INTERVAL_S)
        finally:
            await self._collection.delete(self.own.name)

    async def _heartbeat(self) -> None:
        fields = {**asdict(self.own), "seen_at": now().isoformat()}
        if await self._collection.patch(self.own.name, {}, set=fields) is None:
            await self._collection.insert({"_id": self.own.name, "version": 1, **fields})

    async def live_workers(self) -> list[RegisteredWorker]:
        """The own worker and all others with a recent heartbeat; documents of workers long gone are deleted."""
        live = [self.own]
        for document in await self._collection.find({}):
            age = now() - datetime.fromisoformat(document["seen_at"])
            if age < LIVENESS_TIMEOUT and document["name"] != self.own.name:
                live.append(RegisteredWorker(document["name"], Machine(**document["machine"]), document["slots"]))
            elif age > 100 * LIVENESS_TIMEOUT:
                await self._collection.delete(document["_id"])
        return live


def explain_waiting(job: Job, position: int, running: Sequence[Job], workers: Sequence[RegisteredWorker]) -> str:
    """Why a job at this position of the queue waits, as a phrase."""
    reasons = [worker.waiting_reason(job, running) for worker in workers]
    if None in reasons:
        return f"waits behind {position - 1} other jobs" if position > 1 else "about to start"
    large_enough = [worker.waiting_reason(job, ()) is None for worker in workers]
    if not any(large_enough):
        return f"no training worker is large enough: {reasons[0]}"
    slots = sum(worker.slots for worker in workers)
    if len(running) >= slots:
        return f"waits for a free slot: {len(running)} of {slots} in use"
    return next(reason for reason, large in zip(reasons, large_enough, strict=True) if reason and large)
