"""Claims queued work, runs it under a lease, and recovers the work of dead workers.

A sweeper recovers work whose (token, beat) has not changed for LEASE_TIMEOUT seconds of the sweeper's own monotonic
clock, over uninterrupted successful reads: clocks of machines are never compared, and a database outage does not look
like dead workers.
"""

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import structlog

from shared.documents.entities import Changed, EntityStore
from shared.events.envelope import Event
from shared.runtime.errors import AnnealError, Conflict, StorageFull, Unavailable, disk_is_full
from shared.runtime.jobs.leases import HEARTBEAT, Lease, LeaseLost
from shared.runtime.jobs.work import HELD, Work
from shared.runtime.jobs.work_metrics import WorkMetrics
from shared.runtime.processes.server_paths import without_folders
from shared.runtime.telemetry.metrics import Metrics
from shared.runtime.telemetry.tracing import context_of, failed, tracer, within

log = structlog.get_logger(__name__)

LEASE_TIMEOUT = 15.0
REQUEUE_DELAY_S = 5.0
"""Seconds before work whose servers were unavailable is requeued."""
MAX_ATTEMPTS = 3
LOOKAHEAD = 100
"""Queued work that is looked at, in the order of the queue."""

W = TypeVar("W", bound=Work)
W_contra = TypeVar("W_contra", bound=Work, contravariant=True)


class Capacity(Protocol[W_contra]):
    """Decides which work fits beside the running work."""

    def fits(self, work: W_contra, running: Sequence[W_contra]) -> bool:
        """Whether this worker can take it now."""


class Slots:
    """At most `count` at once, and all but one (but at least one) of the same project."""

    def __init__(self, count: int) -> None:
        self._count = count

    def fits(self, work: Work, running: Sequence[Work]) -> bool:
        """Whether a slot is free for the work's project."""
        own = sum(other.project == work.project for other in running)
        return len(running) < self._count and own < max(1, self._count - 1)


class Worker(Generic[W]):
    """Claims, runs and sweeps one kind of work.

    `run(work, lease)` must end the work through `lease.change`; an exception fails the work. `on_takeover(work)` is
    called when a silent holder has lost it, so that the service can fence that holder's other writes too, and
    `on_release(work)` when this worker holds it no longer. With
    `in_turn`, projects that wait take turns; else priority and age alone decide. With
    `exclusive` (the embedded platform holds the data directory's lock), a dead process's work is recovered at once.
    """

    def __init__(
        self,
        store: EntityStore[W],
        run: Callable[[W, Lease[W]], Awaitable[None]],
        capacity: Capacity[W],
        *,
        exclusive: bool,
        poll: float = HEARTBEAT,
        kind: str = "work",
        metrics: Metrics | None = None,
        on_takeover: Callable[[W], Awaitable[None]] | None = None,
        on_release: Callable[[W], Awaitable[None]] | None = None,
        in_turn: bool = True,
    ) -> None:
        self._store, self._run, self._capacity, self._exclusive, self._poll = (
            store,
            run,
            capacity,
            exclusive,
            poll,
        )
        self._on_takeover, self._on_release, self._in_turn = on_takeover, on_release, in_turn
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._running: dict[str, tuple[W, Lease[W], asyncio.Task[None]]] = {}
        self._last_turn: dict[str, int] = {}
        """Number of the last work of each project that was claimed."""
        self._woken = asyncio.Event()
        self._closing = False
        self._observed: dict[str, tuple[int, int, float]] = {}
        self._swept = time.monotonic()
        held = lambda: [lease for _, lease, _ in self._running.values()]  # noqa: E731
        self._metrics = WorkMetrics(metrics or Metrics(), kind, store, held)

    @property
    def name(self) -> str:
        """The `runner` of the work that it holds."""
        return self._name

    def wake(self) -> None:
        """Look for work now."""
        self._woken.set()

    def nudge(self, id: str) -> None:
        """Make this work's holder read its owner's command now, if it runs here."""
        if held := self._running.get(id):
            held[1].nudge()
        self.wake()

    async def serve(self) -> None:
        """Claim, run and sweep until cancelled; then let the running work hand itself back."""
        if self._exclusive:
            await self._recover_stale(await self._store.find({"state": {"$in": list(HELD)}}))
        round = asyncio.create_task(self._run_round())
        try:
            while True:
                await asyncio.shield(round)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll):
                        await self._woken.wait()
                self._woken.clear()
                round = asyncio.create_task(self._run_round())
        finally:
            self._closing = True
            await asyncio.gather(round)  # a claim in progress must be registered before it can be handed back
            held = list(self._running.values())
            for _, lease, _ in held:
                lease.close()
            await asyncio.gather(*(task for _, _, task in held), return_exceptions=True)

    async def _run_round(self) -> None:
        """Sweep and claim once. A database failure invalidates the observations so far."""
        try:
            await self._sweep()
            await self._claim()
        except Exception:
            log.exception("worker_round_failed")
            self._observed.clear()

    async def _queued(self) -> list[W]:
        """The first of the queue, those of several projects in turn."""
        order, where = (("priority", -1), ("created_at", 1)), {"state": "queued"}
        by_project = (("project", 1), *order)
        queued = await self._store.find(where, order=order, limit=LOOKAHEAD)
        if not self._in_turn:
            return queued
        if len(queued) == LOOKAHEAD:
            seen, last = {work.project for work in queued}, ""
            while first := await self._store.find({**where, "project": {"$gt": last}}, order=by_project, limit=1):
                queued += [work for work in first if work.project not in seen]
                last = first[0].project
        count, keys = Counter(work.project for work, _, _ in self._running.values()), dict[str, tuple[int, int]]()
        for work in queued:
            keys[work.id] = count[work.project], self._last_turn.get(work.project, 0)
            count[work.project] += 1
        return sorted(queued, key=lambda work: keys[work.id])

    async def _claim(self) -> None:
        for work in await self._queued():
            running = [held[0] for held in self._running.values()]
            if self._closing or work.id in self._running or not self._capacity.fits(work, running):
                continue
            try:
                claimed = await self._store.change(work.id, lambda w: w.claim(self._name))
            except Conflict:
                continue
            self._last_turn[work.project] = max(self._last_turn.values(), default=0) + 1
            lease = Lease(self._store, claimed)
            self._running[work.id] = (claimed, lease, asyncio.create_task(self._hold(claimed, lease)))

    async def _hold(self, work: W, lease: Lease[W]) -> None:
        """Run one attempt, in a span of the work's own trace."""
        parent = context_of(work.traceparent)
        with tracer.start_as_current_span(f"attempt {type(work).__name__}", parent) as span:
            span.set_attributes({"anneal.work_id": work.id, "anneal.attempt": work.attempts})
            await self._attempt(work, lease)
            span.set_attribute("anneal.state", "lost" if lease.lost else lease.work.state)
            if lease.work.state == "failed":
                failed(span, lease.work.cause or "", lease.work.detail or "")

    async def _attempt(self, work: W, lease: Lease[W]) -> None:
        beating = asyncio.create_task(lease.send_heartbeats())
        try:
            await self._run(work, lease)
        except LeaseLost:
            self._metrics.lost.inc()
            log.warning("lease_lost", id=work.id)
        except Unavailable as error:
            log.warning("work_requeued", id=work.id, reason=error.detail)
            await self._requeue_later(lease)
        except Exception as error:
            cause = _cause(error)
            log.exception("work_failed", id=work.id, cause=cause)
            detail = without_folders(str(error)) or type(error).__name__
            with suppress(AnnealError):
                await lease.change(lambda w: w.fail(cause, detail))
        finally:
            beating.cancel()
            if self._on_release:
                with suppress(Unavailable):
                    await self._on_release(lease.work)
            del self._running[work.id]
            self.wake()

    async def _requeue_later(self, lease: Lease[W]) -> None:
        """Requeue work whose server is unavailable after a delay, without counting the attempt."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REQUEUE_DELAY_S):
                await lease.wait_for_interrupt()
        while not lease.lost:
            try:
                await lease.change(lambda work: work.interrupt())
                return
            except LeaseLost:
                return
            except Unavailable:
                if lease.closing:
                    return  # a sweeper recovers it
            await asyncio.sleep(self._poll)

    async def _sweep(self) -> None:
        asked = time.monotonic()
        held = await self._store.find({"state": {"$in": list(HELD)}})
        clock, stale, seen = time.monotonic(), list[W](), {}
        if clock - asked >= HEARTBEAT or clock - self._swept >= LEASE_TIMEOUT:
            self._observed.clear()  # the database or this process stalled: no heartbeat could be observed
        self._swept = clock
        for work in held:
            token, beat, since = self._observed.get(work.id, (work.token, -1, clock))
            if (token, beat) != (work.token, work.beat):
                since = clock
            seen[work.id] = (work.token, work.beat, since)
            if clock - since >= LEASE_TIMEOUT and work.id not in self._running:
                stale.append(work)
        self._observed = seen
        await self._recover_stale(stale)

    async def _recover_stale(self, stale: Sequence[W]) -> None:
        for work in stale:
            token, beat = work.token, work.beat

            def take(current: W, token: int = token, beat: int = beat) -> Changed:
                if (current.token, current.beat) != (token, beat) or current.state not in HELD:
                    return ()
                return self._recover(current)

            with within(context_of(work.traceparent)):
                now = await self._store.change(work.id, take)
                if self._on_takeover and now.token == token + 1:
                    await self._on_takeover(now)
            self._metrics.stolen.inc()
            log.warning("lease_stolen", id=work.id, token=token)

    @staticmethod
    def _recover(work: W) -> Sequence[Event]:
        """Recover work whose holder died: as its owner requested, else requeue it, else fail it."""
        work.token += 1
        if work.wanted == "cancel":
            return work.mark_cancelled()
        if work.wanted == "pause":
            work.mark_paused()
        elif work.state != "publishing" and work.attempts >= MAX_ATTEMPTS:
            return work.fail("worker_lost", f"Its process died {work.attempts} times.")
        else:
            work.hand_back(counts=work.state != "publishing")
        return ()


def _cause(error: Exception) -> str:
    """The error code of an exception."""
    if isinstance(error, AnnealError):
        return error.code
    return StorageFull.code if disk_is_full(error) else AnnealError.code
