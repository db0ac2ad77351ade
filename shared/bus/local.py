"""The embedded bus: deliveries in one SQLite file, handed to subscribers in the same process.

A delivery is a row from its publish until its handler has returned, so a delivery in flight when the process dies is
repeated by the next one. Publishing an envelope twice delivers it twice, as with any broker.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from shared.bus.delivery import handle_delivery
from shared.bus.listener import BUFFER, Listener
from shared.bus.metrics import EventMetrics, Waiting, age_of
from shared.bus.protocol import RETRY_DELAYS, DeadLetter, Handler, next_attempt
from shared.bus.publishing import publishing
from shared.events.envelope import Envelope
from shared.events.registry import consumers_of
from shared.runtime.disk_reserve import DiskReserve
from shared.runtime.sqlite import Database
from shared.runtime.telemetry.metrics import Metrics

SCHEMA = (  # the column `room` holds the service: files of earlier versions have it
    """CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, type TEXT NOT NULL, envelope TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        at REAL NOT NULL DEFAULT 0, -- when it is due, or when it became a dead letter
        reason TEXT                 -- why it is a dead letter, else null
    )""",
    "CREATE INDEX IF NOT EXISTS living ON deliveries (room, type, at) WHERE reason IS NULL",
)
WAITING = """SELECT room, type, count(*), min(json_extract(envelope, '$.time'))
    FROM deliveries WHERE reason IS NULL GROUP BY room, type"""
LETTERS = "SELECT room, count(*) FROM deliveries WHERE reason IS NOT NULL GROUP BY room"
PREFETCH = 64
"""Deliveries read from a queue at once. Their acknowledgements share commits instead of costing an fsync each."""
PAUSE = 1.0
"""Seconds before a queue retries after a database failure."""
LOG_INTERVAL_S = 60.0
"""Failures of all queues are logged once in this time."""

SYSTEM = "anneal"
"""Name of this bus in traces."""

log = structlog.get_logger()


@dataclass(frozen=True)
class _Delivery:
    """A row: an envelope to be delivered to one service."""

    id: int
    envelope: Envelope
    attempts: int


class _Queue:
    """Delivers one (service, type) queue to its handler, one at a time, until it is stopped."""

    def __init__(
        self,
        database: Database,
        service: str,
        type: str,
        handler: Handler,
        delays: Sequence[float],
        metrics: EventMetrics,
        report: Callable[[], None],
    ) -> None:
        self.failure: Exception | None = None
        self._report = report
        self._database, self._delays, self._metrics = database, delays, metrics
        self._handler = metrics.metered(service, type, handler)
        self._service, self._type, self._name = service, type, f"anneal.{service}.{type}"
        self._kicked = asyncio.Event()
        self._stopping = False
        self._running = asyncio.create_task(self._run(), name=f"{service} < {type}")

    def kick(self) -> None:
        """Look for deliveries now."""
        self._kicked.set()

    async def stop(self) -> None:
        """Stop after the running handler has finished and is acknowledged."""
        self._stopping = True
        self.kick()
        await self._running

    async def _run(self) -> None:
        while not self._stopping:
            self._kicked.clear()
            try:
                wait = await self._drain()
                self.failure = None
            except Exception as error:  # rows stay where they are; a queue must outlive a full disk
                self.failure, wait = error, PAUSE
                self._report()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._kicked.wait()

    async def _drain(self) -> float | None:
        """Deliver everything due. Return the seconds until the next delivery is due, None if the queue is empty."""
        while batch := await self._database.read(self._due):
            settling = []
            for delivery in batch:
                if self._stopping:
                    break
                error = await handle_delivery(delivery.envelope, self._handler, system=SYSTEM, queue=self._name)
                settling.append(asyncio.create_task(self._settle(delivery, error)))
            await asyncio.gather(*settling)
            if self._stopping:
                return None
        return await self._database.read(self._wait)

    def _due(self, db: sqlite3.Connection) -> list[_Delivery]:
        """Due rows, and those beyond the longest delay: the clock was set back after they were stored."""
        now = time.time()
        sql = """SELECT id, envelope, attempts FROM deliveries
            WHERE room = ? AND type = ? AND reason IS NULL AND (at <= ? OR at > ?) ORDER BY at, id LIMIT ?"""
        latest = now + max(self._delays, default=0.0)
        rows = db.execute(sql, (self._service, self._type, now, latest, PREFETCH))
        return [_Delivery(id, Envelope.model_validate_json(text), attempts) for id, text, attempts in rows]

    def _wait(self, db: sqlite3.Connection) -> float | None:
        sql = "SELECT min(at) FROM deliveries WHERE room = ? AND type = ? AND reason IS NULL"
        at = db.execute(sql, (self._service, self._type)).fetchone()[0]
        return None if at is None else max(0.0, at - time.time())

    async def _settle(self, delivery: _Delivery, error: BaseException | None) -> None:
        """Acknowledge, schedule the next attempt, or dead-letter."""
        if error is None:
            await self._store("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            return
        attempts, tier = next_attempt(delivery.attempts, error, len(self._delays))
        final, reason = tier is None, f"{type(error).__name__}: {error}"
        at = time.time() + (0 if tier is None else self._delays[tier])
        sql = "UPDATE deliveries SET attempts = ?, at = ?, reason = ? WHERE id = ?"
        await self._store(sql, (attempts, at, reason if final else None, delivery.id))
        self._metrics.failed(self._service, self._type, final=final)
        log.warning(
            "event_dead" if final else "event_retried",
            service=self._service,
            event_type=self._type,
            event_id=delivery.envelope.id,
            attempts=attempts,
            reason=reason,
        )

    async def _store(self, sql: str, parameters: tuple[object, ...]) -> None:
        await self._database.write(lambda db: db.execute(sql, parameters).rowcount)


class LocalBus:
    """Durable queues in the file `path`, for one process: at-least-once delivery, bounded retry, dead letters."""

    def __init__(
        self,
        path: Path,
        *,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        listener_buffer: int = BUFFER,
        metrics: Metrics | None = None,
        reserve: DiskReserve | None = None,
    ) -> None:
        self._database = Database(path, SCHEMA, reserve)
        self._delays, self._listener_buffer = retry_delays, listener_buffer
        self._queues: dict[tuple[str, str], _Queue] = {}
        self._listeners: set[Listener] = set()
        self._logged_at = -LOG_INTERVAL_S
        self._metrics = EventMetrics(metrics or Metrics(), self._read_queues)

    async def publish(self, envelope: Envelope) -> None:
        """One row per registered consumer of its type; returns once they are on disk."""
        services = consumers_of(envelope.type)
        if not services:
            return
        with publishing(envelope, system=SYSTEM, destination=envelope.type) as sent:
            text = sent.model_dump_json()
            rows = [(service, envelope.type, text) for service in services]
            sql = "INSERT INTO deliveries (room, type, envelope) VALUES (?, ?, ?)"
            await self._database.write(lambda db: db.executemany(sql, rows).rowcount)
        self._metrics.published(envelope)
        for service in services:
            self._kick(service, envelope.type)

    async def subscribe(self, service: str, type: str, handler: Handler) -> None:
        """Start delivering `type` from `service`'s queue, with what the previous process left first."""
        if (service, type) in self._queues:
            raise ValueError(f"{service} already subscribes to {type}")
        self._queues[service, type] = _Queue(
            self._database, service, type, handler, self._delays, self._metrics, self._log_failures
        )

    async def broadcast(self, envelope: Envelope) -> None:
        """Send to the current listeners."""
        self._metrics.published(envelope)
        for listener in self._listeners:
            listener.offer(envelope)

    @contextlib.asynccontextmanager
    async def listen(self, types: Sequence[str]) -> AsyncIterator[AsyncIterator[Envelope]]:
        """Broadcasts of `types` from now on; a slow listener loses the oldest."""
        listener = Listener(types, self._listener_buffer)
        self._listeners.add(listener)
        try:
            yield listener.stream()
        finally:
            self._listeners.discard(listener)

    async def dead(self, service: str | None = None) -> list[DeadLetter]:
        """Dead letters, oldest first."""
        sql = """SELECT id, room, envelope, reason, attempts FROM deliveries
            WHERE reason IS NOT NULL AND room = coalesce(?, room) ORDER BY at, id"""
        rows = await self._database.read(lambda db: db.execute(sql, (service,)).fetchall())
        return [
            DeadLetter(str(id), service, Envelope.model_validate_json(text), reason, attempts)
            for id, service, text, reason, attempts in rows
        ]

    async def replay(self, *ids: str) -> int:
        """Put dead letters back into their queues with no attempts counted."""
        sql = """UPDATE deliveries SET attempts = 0, at = 0, reason = NULL
            WHERE id = ? AND reason IS NOT NULL RETURNING room, type"""

        def reset(db: sqlite3.Connection) -> list[tuple[str, str]]:
            return [row for id in ids for row in db.execute(sql, (id,)).fetchall()]

        rows = await self._database.write(reset)
        for service, type in set(rows):
            self._kick(service, type)
        return len(rows)

    async def ping(self) -> None:
        """Raise unless the file answers, or the failure of a queue."""
        await self._database.read(lambda db: db.execute("SELECT 1").fetchone())
        for queue in self._queues.values():
            if queue.failure:
                raise queue.failure

    async def close(self) -> None:
        """Stop deliveries, let running handlers finish and be acknowledged, end the listeners, close."""
        await asyncio.gather(*(queue.stop() for queue in self._queues.values()))
        for listener in self._listeners:
            listener.end()
        await self._database.close()

    async def _read_queues(self) -> tuple[Waiting, Sequence[tuple[str, int]]]:
        """Depth and age of every subscribed queue, and the dead letters of each service."""
        rows = await self._database.read(lambda db: db.execute(WAITING).fetchall())
        waiting = {
            (service, type): (depth, age_of(datetime.fromisoformat(since))) for service, type, depth, since in rows
        }
        letters = await self._database.read(lambda db: dict(db.execute(LETTERS).fetchall()))
        services = {service for service, _ in self._queues} | set(letters)
        queues = [(*queue, *waiting.get(queue, (0, 0.0))) for queue in {*self._queues, *waiting}]
        return queues, [(service, letters.get(service, 0)) for service in services]

    def _log_failures(self) -> None:
        """Log one of the failures, and how many queues fail, unless this was logged a short while ago."""
        if time.monotonic() - self._logged_at >= LOG_INTERVAL_S:
            self._logged_at = time.monotonic()
            failing = [queue.failure for queue in self._queues.values() if queue.failure]
            log.error("bus_queues_failed", queues=len(failing), exc_info=failing[0])

    def _kick(self, service: str, type: str) -> None:
        if queue := self._queues.get((service, type)):
            queue.kick()
