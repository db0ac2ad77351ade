"""The holder's side of a claim: a fencing token, heartbeats, and the owner's commands.

A claim increments `token`, which guards every write of the holder, so a stale worker cannot write.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

import structlog

from shared.documents.entities import Changed, EntityStore, Mutation
from shared.runtime.errors import AnnealError, Unavailable
from shared.runtime.jobs.work import HELD, DesiredState, Work

log = structlog.get_logger(__name__)

HEARTBEAT = 5.0
"""Seconds between heartbeats."""

OUTAGE_RETRY_S = 2.0
"""Seconds between attempts of an operation whose dependency is unavailable."""

W = TypeVar("W", bound=Work)
V = TypeVar("V")


class LeaseLost(AnnealError):
    """Another worker holds the work: stop, and write nothing."""

    status = 409
    code = "lease_lost"


class Lease(Generic[W]):
    """The holder's side of one claim."""

    def __init__(self, store: EntityStore[W], work: W) -> None:
        self._store, self.id, self.token = store, work.id, work.token
        self.wanted: DesiredState = work.wanted
        self.work = work
        self.lost = self.closing = False
        self.last_heartbeat = time.monotonic()
        self._interrupt = asyncio.Event()
        self._due = asyncio.Event()

    async def change(self, mutate: Mutation[W]) -> W:
        """Change the work under the fencing token. Raises LeaseLost when the token is stale."""

        def fenced(work: W) -> Changed:
            if work.token != self.token or work.state not in HELD:
                raise LeaseLost("The lease was taken over.")
            return mutate(work)

        try:
            self.work = await self._store.change(self.id, fenced)
            return self.work
        except LeaseLost:
            self._lose()
            raise

    async def outlast_outages(self, operation: Callable[[], Awaitable[V]], on_outage: Callable[[str], None]) -> V:
        """Repeat `operation` until what it depends on is available, so that an outage does not end healthy work.

        `on_outage` gets the detail of the first failure. Raises Unavailable once the work is interrupted.
        """
        failures = 0
        while True:
            try:
                return await operation()
            except Unavailable as error:
                if self.interrupt_requested:
                    raise
                if (failures := failures + 1) == 1:
                    on_outage(error.detail)
            with suppress(TimeoutError):
                async with asyncio.timeout(OUTAGE_RETRY_S):
                    await self.wait_for_interrupt()

    async def wait_for_interrupt(self) -> None:
        """Wait until the owner requests a pause or cancellation, the lease is lost, or the process closes."""
        await self._interrupt.wait()

    @property
    def interrupt_requested(self) -> bool:
        """Whether `wait_for_interrupt` would return at once."""
        return self._interrupt.is_set()

    def nudge(self) -> None:
        """Send a heartbeat now instead of at the next interval."""
        self._due.set()

    def close(self) -> None:
        """The process is stopping: hand the work back."""
        self.closing = True
        self._interrupt.set()

    def _lose(self) -> None:
        self.lost = True
        self._interrupt.set()

    async def send_heartbeats(self) -> None:
        """Send heartbeats until cancelled. An unreachable database is not a lost lease: it retries."""
        while not self.lost:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self._due.wait()
            self._due.clear()
            try:
                work = await self._store.heartbeat(self.id, self.token)
            except Exception:
                log.warning("heartbeat_failed", id=self.id, exc_info=True)
                continue
            if work is None:
                self._lose()
                return
            self.last_heartbeat = time.monotonic()
            if work.wanted != self.wanted:
                self.wanted = work.wanted
                if work.wanted != "run":
                    self._interrupt.set()
                elif not self.closing:
                    self._interrupt.clear()
