"""What an attempt says, stored in batches into the job's stream and snapshot first, broadcast after."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from services.training.models import Job
from services.training.store import Snapshots, Stores
from shared.bus.protocol import Bus
from shared.events.envelope import Envelope
from shared.events.training import TrainingProgressed
from shared.runtime.errors import Unavailable
from shared.runtime.jobs.leases import LeaseLost
from shared.runtime.jobs.streams import Record, StreamWriter

log = structlog.get_logger(__name__)

BETWEEN_BATCHES = 0.5
FAREWELL = 15.0
"""Seconds that the last lines of an attempt are tried to be stored."""
BETWEEN_FIRST_BATCHES = 0.02
LATE = 0.05
"""As a share of an attempt's age: in between, the pause grows with it, so that a job's beginning shows at once."""
MOST_WAITING = 1000
MOST_LOGS = 20_000
"""Log records that a job may leave; charts go on beyond them."""
LONGEST_MESSAGE = 8_000
SHOWN_LOGS = 50
SHOWN_EVALUATIONS = 500


class Recorder:
    """The voice of one attempt. `record` only remembers; `run` and `flush` write."""

    def __init__(self, bus: Bus, job: Job, writer: StreamWriter, snapshots: Snapshots, values: dict[str, Any]) -> None:
        self._bus, self._job, self._writer, self._snapshots = bus, job, writer, snapshots
        self.values = values
        self._waiting: list[Record] = []
        self._progress: Record | None = None
        self._unsettled: list[Record] = []
        """The batch whose storing failed, or may have: it goes first, as it is, until it is stored."""
        self._due = asyncio.Event()
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, bus: Bus, stores: Stores, job: Job) -> "Recorder":
        """Own the job's stream and snapshot. Raises LeaseLost when a newer attempt does."""
        taken = stores.streams.writer(job.id, job.token), stores.snapshots.take(job.id, job.token)
        writer, values = await asyncio.gather(*taken)
        return cls(bus, job, writer, stores.snapshots, values)

    @classmethod
    async def take_over(cls, bus: Bus, stores: Stores, job: Job) -> None:
        """Silence a holder that lost the job, and say in its place how the job ended, if it did."""
        with suppress(LeaseLost):  # the next attempt has begun: it owns the stream
            recorder = await cls.open(bus, stores, job)
            if job.final:
                recorder.record("state", state=job.state, cause=job.cause, detail=job.detail)
                await recorder.farewell()

    def record(self, kind: str, **values: Any) -> None:
        """Remember one record for the next batch."""
        record = {"kind": kind, **values}
        if kind == "progress":
            self._progress = record
        elif kind != "log" or self._may_log(record):
            self._waiting += [self._progress] if self._progress and kind == "state" else []
            self._progress = None if kind == "state" else self._progress
            self._waiting.append(record)
        self._show(record)
        self._due.set()

    def log(self, level: str, message: str) -> None:
        """A line of our own in the job's log."""
        self.record("log", level=level, message=message)

    def rewind(self, step: int) -> None:
        """What came after `step` will be repeated: charts drop it."""
        self.record("rewind", step=step)

    async def farewell(self) -> None:
        """Write what waits, trying for a while: the attempt is over, and nobody else knows its last lines."""
        with suppress(LeaseLost, TimeoutError):
            async with asyncio.timeout(FAREWELL):
                while True:
                    try:
                        return await self.flush()
                    except Unavailable:
                        await asyncio.sleep(BETWEEN_BATCHES)

    async def settle(self) -> None:
        """Wait while too much waits to be stored: the engine then waits too."""
        if len(self._waiting) >= MOST_WAITING:
            await self.flush()

    async def run(self) -> None:
        """Write batches until cancelled; an unreachable database is tried again, a lost lease ends it."""
        began = time.monotonic()
        while True:
            await self._due.wait()
            try:
                await self.flush()
            except LeaseLost:
                return
            except Exception:
                log.warning("stream_write_failed", job_id=self._job.id, exc_info=True)
            age = time.monotonic() - began
            await asyncio.sleep(min(BETWEEN_BATCHES, max(BETWEEN_FIRST_BATCHES, LATE * age)))

    async def flush(self) -> None:
        """Write what waits, now. Raises LeaseLost for a stale attempt."""
        async with self._writing:
            self._due.clear()
            if self._unsettled:
                await self._store()
            self._unsettled = [*self._waiting, *([self._progress] if self._progress else [])]
            self._waiting, self._progress = [], None
            if self._unsettled:
                await self._store()

    async def _store(self) -> None:
        """Store the batch that is under way."""
        try:
            stored = await self._writer.append(self._unsettled)
        except Exception:
            self._due.set()
            raise
        self._unsettled = []
        await self._snapshots.put(self._job.id, self._job.token, self.values)
        event = TrainingProgressed(job_id=self._job.id, records=stored)
        envelope = Envelope.of(event, service="training", subject=self._job.id, project=self._job.project)
        await self._bus.broadcast(envelope)

    def _may_log(self, record: Record) -> bool:
        """Cut what is too long, and say once that no more is kept."""
        logged = self.values["logged"] = self.values.get("logged", 0) + 1
        message = str(record.get("message", ""))
        record["message"] = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} … (cut)"
        if logged == MOST_LOGS:
            record |= {"level": "warning", "message": f"The log ends here: a job keeps {MOST_LOGS} lines."}
        return bool(logged <= MOST_LOGS)

    def _show(self, record: Mapping[str, Any]) -> None:
        """Keep the snapshot in step."""
        values = {k: v for k, v in record.items() if k != "kind"}
        match record["kind"]:
            case "log":
                self.values["logs"] = [*self.values.get("logs", []), values][-SHOWN_LOGS:]
            case "evaluation":
                self.values["evaluations"] = [*self.values.get("evaluations", []), values][-SHOWN_EVALUATIONS:]
            case "metric" | "progress" | "samples" | "usage":
                self.values[record["kind"]] = values
            case "state":
                self.values.pop("usage", None)  # an attempt begins or ends: its engine has not spoken, or will no more
            case "rewind":
                kept = [e for e in self.values.get("evaluations", []) if e["step"] <= values["step"]]
                self.values |= {"evaluations": kept, "metric": {}}
