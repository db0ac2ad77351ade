"""Writes an attempt's records in batches: to the job's stream and snapshot first, then to everybody who listens."""

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
from shared.runtime.errors import Unavailable, in_sentences
from shared.runtime.jobs.leases import LeaseLost
from shared.runtime.jobs.streams import Record, StreamWriter

log = structlog.get_logger(__name__)

MIN_BATCH_INTERVAL_S, MAX_BATCH_INTERVAL_S = 0.02, 0.5
BATCH_INTERVAL_SHARE = 0.05
"""The interval between batches grows with the attempt's age, by this share of it: a job's beginning shows at once."""
FINAL_FLUSH_TIMEOUT_S = 15.0
MAX_PENDING_RECORDS = 1000
MAX_LOG_LINES = 20_000
"""Log lines that a job keeps; its charts have no limit."""
MAX_MESSAGE_CHARS = 8_000
SNAPSHOT_LOG_LINES = 50
SNAPSHOT_EVALUATIONS = 500


class LogWriter:
    """The records of one attempt. `record` only queues them; `run` and `flush` write."""

    def __init__(self, bus: Bus, job: Job, stream: StreamWriter, snapshots: Snapshots, values: dict[str, Any]) -> None:
        self._bus, self._job, self._stream, self._snapshots = bus, job, stream, snapshots
        self.values = values
        self._pending: list[Record] = []
        self._progress: Record | None = None
        self._batch: list[Record] = []
        """The batch that is being stored. If that fails, or may have, the same batch is retried first."""
        self._due = asyncio.Event()
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, bus: Bus, stores: Stores, job: Job) -> "LogWriter":
        """Take ownership of the job's stream and snapshot. Raises LeaseLost where a newer attempt has it."""
        taken = stores.streams.writer(job.id, job.token), stores.snapshots.take(job.id, job.token)
        stream, values = await asyncio.gather(*taken)
        return cls(bus, job, stream, stores.snapshots, values)

    @classmethod
    async def take_over(cls, bus: Bus, stores: Stores, job: Job) -> None:
        """Fence off a holder that lost the job, and record in its place how the job ended, if it did."""
        with suppress(LeaseLost):  # the next attempt has begun: it owns the stream
            log_writer = await cls.open(bus, stores, job)
            if job.final:
                log_writer.record("state", state=job.state, cause=job.cause, detail=job.detail)
                await log_writer.final_flush()

    def record(self, kind: str, **values: Any) -> None:
        """Queue one record for the next batch."""
        record = {"kind": kind, **values}
        if kind == "progress":
            self._progress = record
        elif kind != "log" or self._limit_log(record):
            self._pending += [self._progress] if self._progress and kind == "state" else []
            self._progress = None if kind == "state" else self._progress
            self._pending.append(record)
        self._update_snapshot(record)
        self._due.set()

    def log(self, level: str, message: str) -> None:
        """Queue a line of the platform's own in the job's log."""
        self.record("log", level=level, message=message)

    def warn(self, warning: dict[str, Any]) -> None:
        """Keep a warning, which replaces an earlier one of its code, and log it."""
        self.record("warning", **warning)
        self.log("warning", in_sentences(warning["detail"], warning.get("remedy")))

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """The warnings of all attempts."""
        return list(self.values.get("warnings", {}).values())

    def rewind(self, step: int) -> None:
        """Steps after `step` will be repeated: charts drop their values."""
        self.record("rewind", step=step)

    async def final_flush(self) -> None:
        """Write the pending records, retrying for a while: the attempt is over, and nobody else has its last lines."""
        with suppress(LeaseLost, TimeoutError):
            async with asyncio.timeout(FINAL_FLUSH_TIMEOUT_S):
                while True:
                    try:
                        return await self.flush()
                    except Unavailable:
                        await asyncio.sleep(MAX_BATCH_INTERVAL_S)

    @property
    def is_full(self) -> bool:
        """Whether so many records are pending that they must be written before more are added."""
        return len(self._pending) >= MAX_PENDING_RECORDS

    async def run(self) -> None:
        """Write batches until cancelled. An unreachable database is retried; a lost lease ends the loop."""
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
            await asyncio.sleep(min(MAX_BATCH_INTERVAL_S, max(MIN_BATCH_INTERVAL_S, BATCH_INTERVAL_SHARE * age)))

    async def flush(self) -> None:
        """Write the pending records now. Raises LeaseLost for a stale attempt."""
        async with self._writing:
            self._due.clear()
            if self._batch:
                await self._store()
            self._batch = [*self._pending, *([self._progress] if self._progress else [])]
            self._pending, self._progress = [], None
            if self._batch:
                await self._store()

    async def _store(self) -> None:
        try:
            stored = await self._stream.append(self._batch)
        except Exception:
            self._due.set()
            raise
        self._batch = []
        await self._snapshots.put(self._job.id, self._job.token, self.values)
        event = TrainingProgressed(job_id=self._job.id, records=stored)
        envelope = Envelope.of(event, service="training", subject=self._job.id, project=self._job.project)
        await self._bus.broadcast(envelope)

    def _limit_log(self, record: Record) -> bool:
        """Truncate a long message, and replace the last line that a job keeps; False for a line beyond it."""
        logged = self.values["logged"] = self.values.get("logged", 0) + 1
        message = str(record.get("message", ""))
        record["message"] = message if len(message) <= MAX_MESSAGE_CHARS else f"{message[:MAX_MESSAGE_CHARS]} … (cut)"
        if logged == MAX_LOG_LINES:
            record |= {"level": "warning", "message": f"The log ends here: a job keeps {MAX_LOG_LINES} lines."}
        return bool(logged <= MAX_LOG_LINES)

    def _update_snapshot(self, record: Mapping[str, Any]) -> None:
        values = {k: v for k, v in record.items() if k != "kind"}
        match record["kind"]:
            case "log":
                self.values["logs"] = [*self.values.get("logs", []), values][-SNAPSHOT_LOG_LINES:]
            case "evaluation":
                self.values["evaluations"] = [*self.values.get("evaluations", []), values][-SNAPSHOT_EVALUATIONS:]
            case "metric" | "progress" | "samples" | "usage":
                self.values[record["kind"]] = values
            case "warning":
                self.values["warnings"] = {**self.values.get("warnings", {}), values["code"]: values}
            case "state":
                self.values.pop("usage", None)  # an attempt begins or ends: the last usage is not its engine's any more
            case "rewind":
                kept = [e for e in self.values.get("evaluations", []) if e["step"] <= values["step"]]
                self.values |= {"evaluations": kept, "metric": {}}
