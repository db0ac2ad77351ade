"""Long work under a lease: claim by compare-and-set, a fencing token, heartbeats, and a sweeper.

The documents are the queue. A claim raises `token`; every write of the holder is guarded by it, so a stale worker
cannot write. A sweeper takes back work whose (token, beat) stood still for `LEASE_TIMEOUT` seconds on the sweeper's
own monotonic clock over uninterrupted successful reads: no clocks are compared between machines, and a database outage
does not look like dead workers.
"""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

import structlog

from shared.documents.entities import Changed, Entity, EntityStore, Mutation, now
from shared.events.envelope import Event
from shared.runtime.errors import AnnealError, Conflict

log = structlog.get_logger(__name__)

HEARTBEAT = 5.0
LEASE_TIMEOUT = 15.0
MAX_ATTEMPTS = 3

State = Literal["queued", "running", "pausing", "paused", "publishing", "succeeded", "failed", "cancelled"]
Wanted = Literal["run", "pause", "cancel"]
HELD: tuple[State, ...] = ("running", "pausing", "publishing")
FINAL: tuple[State, ...] = ("succeeded", "failed", "cancelled")


class Work(Entity):
    """An entity that is worked on for long: its state machine, pure.

    The API writes only `wanted` while somebody holds the work; `state` belongs to the token's holder and the sweeper.
    """

    state: State = "queued"
    wanted: Wanted = "run"
    token: int = 0
    beat: int = 0
    attempts: int = 0
    priority: int = 0
    runner: str | None = None
    cause: str | None = None
    detail: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def on_failed(self) -> Sequence[Event]:
        """The events that a failure of this work causes."""
        return ()

    def on_cancelled(self) -> Sequence[Event]:
        """The events that a cancellation of this work causes."""
        return ()

    @property
    def final(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in FINAL

    def claim(self, runner: str) -> None:
        """A worker takes it. Raises Conflict when it is no longer queued."""
        if self.state != "queued":
            raise Conflict(f"It is {self.state}.")
        self.state, self.runner, self.token, self.attempts = (
            "running",
            runner,
            self.token + 1,
            self.attempts + 1,
        )
        self.started_at = self.started_at or now()

    def hand_back(self, *, counts: bool) -> None:
        """Back to the queue; `counts` says whether the attempt was used up."""
        self.state, self.runner = "queued", None
        if not counts:
            self.attempts -= 1

    def fail(self, cause: str, detail: str) -> Sequence[Event]:
        """End without a result. The first terminal state stays."""
        if self.final:
            return ()
        self.state, self.cause, self.detail, self.finished_at, self.runner = (
            "failed",
            cause,
            detail,
            now(),
            None,
        )
        return self.on_failed()

    def cancelled(self) -> Sequence[Event]:
        """End because its owner wished so."""
        if self.final:
            return ()
        self.state, self.finished_at, self.runner = "cancelled", now(), None
        return self.on_cancelled()

    def paused(self) -> None:
        """Stop where it is, ready to be resumed."""
        self.state, self.runner, self.wanted = "paused", None, "run"
        self.attempts = 0

    def ask_cancel(self) -> Sequence[Event]:
        """The owner's wish: at once where nobody holds it, else through `wanted`. Repeating it is fine."""
        if self.state in ("succeeded", "failed"):
            raise Conflict(f"It has already {self.state}.", field="state", limit="not finished")
        self.wanted = "cancel"
        return self.cancelled() if self.state in ("queued", "paused") else ()

    def ask_pause(self) -> None:
        """The owner's wish to stop for now."""
        if self.final:
            raise Conflict(f"It has already {self.state}.", field="state", limit="not finished")
        if self.state == "queued":
            self.paused()
        elif self.state == "running":
            self.wanted, self.state = "pause", "pausing"

    def ask_resume(self) -> None:
        """The owner's wish to go on; only what is paused can."""
        if self.state not in ("paused", "pausing"):
            remedy = "Only paused work can be resumed."
            raise Conflict(f"It is {self.state}.", field="state", limit="paused", remedy=remedy)
        self.wanted = "run"
        self.state = "queued" if self.state == "paused" else "running"


W = TypeVar("W", bound=Work)


class LeaseLost(AnnealError):
    """Somebody else holds the work now: stop, and write nothing."""

    status = 409
    code = "lease_lost"


class Lease(Generic[W]):
    """The holder's side of one claim."""

    def __init__(self, store: EntityStore[W], work: W) -> None:
        self._store, self.id, self.token = store, work.id, work.token
        self.wanted: Wanted = work.wanted
        self.lost = self.closing = False
        self._attention = asyncio.Event()
        self._due = asyncio.Event()

    async def change(self, mutate: Mutation[W]) -> W:
        """Change the work, fenced: raises LeaseLost when the token no longer holds."""

        def fenced(work: W) -> Changed:
            if work.token != self.token or work.state not in HELD:
                raise LeaseLost("The lease was taken over.")
            return mutate(work)

        try:
            return await self._store.change(self.id, fenced)
        except LeaseLost:
            self._lose()
            raise

    async def attention(self) -> None:
        """Wait until the owner wants something else, the lease is lost, or the process closes."""
        await self._attention.wait()

    def nudge(self) -> None:
        """Beat now instead of at the next interval."""
        self._due.set()

    def close(self) -> None:
        """The process is going down: hand back."""
        self.closing = True
        self._attention.set()

    def _lose(self) -> None:
        self.lost = True
        self._attention.set()

    async def beat(self) -> None:
        """Heartbeat until cancelled. An unreachable database is not a lost lease: it goes on trying."""
        while not self.lost:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), HEARTBEAT)
            self._due.clear()
            try:
                work = await self._store.heartbeat(self.id, self.token)
            except Exception:
                log.warning("heartbeat_failed", id=self.id, exc_info=True)
                continue
            if work is None:
                self._lose()
            elif work.wanted != self.wanted:
                self.wanted = work.wanted
                self._attention.set() if work.wanted != "run" else self._attention.clear()


W_contra = TypeVar("W_contra", bound=Work, contravariant=True)


class Capacity(Protocol[W_contra]):
    """Decides what fits beside what already runs."""

    def fits(self, work: W_contra, running: Sequence[W_contra]) -> bool:
        """True when this worker can take it now."""


class Slots:
    """The plain capacity: at most `count` at once."""

    def __init__(self, count: int) -> None:
        self._count = count

    def fits(self, work: Work, running: Sequence[Work]) -> bool:
        """A slot is free."""
        return len(running) < self._count


class Worker(Generic[W]):
    """Claims, runs and sweeps one kind of work.

    `run(work, lease)` must end the work through `lease.change`; what it raises fails the work. With `exclusive` (the
    embedded platform holds the data directory's lock), work that a dead process held is taken back at once.
    """

    def __init__(
        self,
        store: EntityStore[W],
        run: Callable[[W, Lease[W]], Awaitable[None]],
        capacity: Capacity[W],
        *,
        exclusive: bool,
        poll: float = HEARTBEAT,
    ) -> None:
        self._store, self._run, self._capacity, self._exclusive, self._poll = (
            store,
            run,
            capacity,
            exclusive,
            poll,
        )
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._running: dict[str, tuple[W, Lease[W], asyncio.Task[None]]] = {}
        self._woken = asyncio.Event()
        self._closing = False
        self._observed: dict[str, tuple[int, int, float]] = {}

    def wake(self) -> None:
        """There may be something to claim."""
        self._woken.set()

    def nudge(self, id: str) -> None:
        """The owner asked something of this work: tell its holder now, if it is here."""
        if held := self._running.get(id):
            held[1].nudge()
        self.wake()

    async def serve(self) -> None:
        """Claim, run and sweep until cancelled; then let the running work hand itself back."""
        if self._exclusive:
            await self._take_back(await self._store.find({"state": {"$in": list(HELD)}}))
        round = asyncio.create_task(self._look())
        try:
            while True:
                await asyncio.shield(round)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._poll)
                self._woken.clear()
                round = asyncio.create_task(self._look())
        finally:
            self._closing = True
            await asyncio.gather(round)  # what it is just claiming must be known here before it is handed back
            held = list(self._running.values())
            for _, lease, _ in held:
                lease.close()
            await asyncio.gather(*(task for _, _, task in held), return_exceptions=True)

    async def _look(self) -> None:
        """One round; a database that is away makes what was observed so far worthless."""
        try:
            await self._sweep()
            await self._claim()
        except Exception:
            log.exception("worker_round_failed")
            self._observed.clear()

    async def _claim(self) -> None:
        order = (("priority", -1), ("created_at", 1))
        for work in await self._store.find({"state": "queued"}, order=order, limit=100):
            if self._closing or not self._capacity.fits(work, [held[0] for held in self._running.values()]):
                continue
            try:
                claimed = await self._store.change(work.id, lambda w: w.claim(self._name))
            except Conflict:
                continue
            lease = Lease(self._store, claimed)
            self._running[work.id] = (claimed, lease, asyncio.create_task(self._hold(claimed, lease)))

    async def _hold(self, work: W, lease: Lease[W]) -> None:
        beating = asyncio.create_task(lease.beat())
        try:
            await self._run(work, lease)
        except LeaseLost:
            log.warning("lease_lost", id=work.id)
        except Exception as error:
            cause = error.code if isinstance(error, AnnealError) else "internal_error"
            log.exception("work_failed", id=work.id, cause=cause)
            detail = str(error) or type(error).__name__
            with suppress(AnnealError):
                await lease.change(lambda w: w.fail(cause, detail))
        finally:
            beating.cancel()
            del self._running[work.id]
            self.wake()

    async def _sweep(self) -> None:
        held = await self._store.find({"state": {"$in": list(HELD)}})
        clock, stale, seen = time.monotonic(), [], {}
        for work in held:
            token, beat, since = self._observed.get(work.id, (work.token, -1, clock))
            if (token, beat) != (work.token, work.beat):
                since = clock
            seen[work.id] = (work.token, work.beat, since)
            if clock - since >= LEASE_TIMEOUT and work.id not in self._running:
                stale.append(work)
        self._observed = seen
        await self._take_back(stale)

    async def _take_back(self, stale: Sequence[W]) -> None:
        for work in stale:
            token, beat = work.token, work.beat

            def take(current: W, token: int = token, beat: int = beat) -> Changed:
                if (current.token, current.beat) != (token, beat) or current.state not in HELD:
                    return ()
                return self._recover(current)

            await self._store.change(work.id, take)
            log.warning("lease_stolen", id=work.id, token=token)

    @staticmethod
    def _recover(work: W) -> Sequence[Event]:
        """What becomes of work whose holder died: as its owner wished, else once more, else failed."""
        work.token += 1
        if work.wanted == "cancel":
            return work.cancelled()
        if work.wanted == "pause":
            work.paused()
        elif work.state != "publishing" and work.attempts >= MAX_ATTEMPTS:
            return work.fail("worker_lost", f"Its process died {work.attempts} times.")
        else:
            work.hand_back(counts=work.state != "publishing")
        return ()
