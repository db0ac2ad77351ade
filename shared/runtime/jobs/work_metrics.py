"""Metrics of leased work: counts by state and cause, waiting time, and leases."""

import time
from collections.abc import Callable, Iterable
from typing import Any, get_args

from shared.documents.entities import EntityStore, now
from shared.runtime.jobs.leases import Lease
from shared.runtime.jobs.work import State, Work
from shared.runtime.telemetry.metrics import Metrics, Reading


class WorkMetrics:
    """Metrics of one kind of work. Values read from the documents are the same in every replica of the service."""

    def __init__(self, metrics: Metrics, kind: str, store: EntityStore[Any], held: Callable[[], Iterable[Lease[Any]]]):
        self._kind, self._store, self._held_now = kind, store, held
        self._jobs = metrics.reading("anneal_jobs", "Pieces of work by state", "kind", "state")
        self._failed = metrics.reading("anneal_jobs_failed", "Failed pieces of work by cause", "kind", "cause")
        self._queued = metrics.reading("anneal_jobs_queued", "Pieces of work that wait for a worker", "kind")
        self._waiting = metrics.reading("anneal_jobs_waiting_seconds", "How long the oldest of them has waited", "kind")
        self._held = metrics.reading("anneal_leases_held", "Pieces of work that this process holds", "kind")
        self._beat = metrics.reading(
            "anneal_lease_age_seconds",
            "Time since the last heartbeat that the database took, the worst lease's",
            "kind",
        )
        self.stolen = metrics.counter("anneal_leases_stolen", "Leases taken from a silent holder", "kind").labels(kind)
        self.lost = metrics.counter("anneal_leases_lost", "Leases that this process lost", "kind").labels(kind)
        metrics.watch(f"work:{kind}", self._documents)
        metrics.watch(f"leases:{kind}", self._leases)

    async def _documents(self) -> list[Reading]:
        counts = {state: await self._store.count({"state": state}) for state in get_args(State)}
        found: list[Reading] = [(self._jobs, (self._kind, state), count) for state, count in counts.items()]
        found += [(self._failed, (self._kind, cause), count) for cause, count in (await self._causes()).items()]
        oldest = await self._store.find({"state": "queued"}, order=(("updated_at", 1),), limit=1)
        waited = max(0.0, (now() - oldest[0].updated_at).total_seconds()) if oldest else 0.0
        return [*found, (self._queued, (self._kind,), counts["queued"]), (self._waiting, (self._kind,), waited)]

    async def _causes(self) -> dict[str, int]:
        """Failures by cause, stepping from cause to cause through the index."""
        found: dict[str, int] = {}
        last = ""
        while some := await self._store.find(
            {"state": "failed", "cause": {"$gt": last}}, order=(("cause", 1),), limit=1
        ):
            work: Work = some[0]
            last = work.cause or ""
            found[last] = await self._store.count({"state": "failed", "cause": last})
        return found

    async def _leases(self) -> list[Reading]:
        ages = [time.monotonic() - lease.last_heartbeat for lease in self._held_now()]
        return [(self._held, (self._kind,), len(ages)), (self._beat, (self._kind,), max(ages, default=0.0))]
