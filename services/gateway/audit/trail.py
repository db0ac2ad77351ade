"""Writes the audit log: durable lines for state changes, counts of refused requests, and retention."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from services.gateway.audit.chain import Chain
from services.gateway.audit_lines import AuditLine, kind_of
from shared.documents.entities import EntityStore, derived_id, new_id, now
from shared.events.envelope import Envelope
from shared.runtime.errors import AnnealError, NotFound, Unavailable
from shared.runtime.telemetry.tracing import trace_id

log = structlog.get_logger(__name__)

USE_INTERVAL_S = 3600.0
"""A credential's use is recorded again after this time, and at once from another address."""
USES_LIMIT = 10_000
FLUSH_INTERVAL_S = 60.0
REFUSED_LIMIT = 20
"""Distinct kinds of refused requests that are recorded per flush; all others share one line, so that an attacker cannot
fill the disk."""
WRITE_TIMEOUT_S = 5.0
"""Seconds that an answer waits for its line; then the line is written later."""
RETRIES_LIMIT = 10_000
RETENTION_INTERVAL_S = 3600.0
OTHERS = "other refused requests"


@dataclass(frozen=True)
class Request:
    """Who sends a request, and from where."""

    action: str
    project: str = ""
    subject: str = ""
    credential: str | None = None
    address: str | None = None

    def line(self, *, action: str = "", status: int | None = None, detail: str | None = None) -> AuditLine:
        """A new line about it."""
        return AuditLine(
            id=new_id("audit"),
            project=self.project,
            subject=self.subject,
            credential=self.credential,
            action=action or self.action,
            address=self.address,
            status=status,
            trace_id=trace_id(),
            detail=detail,
        )


class AuditLog:
    """The only writer of the audit log in this process."""

    def __init__(self, store: EntityStore[AuditLine], retention_days: int) -> None:
        self._store, self._retention = store, timedelta(days=retention_days)
        self._chain, self._lock = Chain(), asyncio.Lock()
        self._uses: dict[tuple[str | None, str | None], float] = {}
        self._refused: dict[tuple[int, Request], AuditLine] = {}
        self._retries: deque[AuditLine] = deque(maxlen=RETRIES_LIMIT)

    async def begin(self, line: AuditLine) -> None:
        """Store the line of a request that is about to be served. Raises Unavailable: it must then be refused."""
        try:
            await self._store.create(line)
        except AnnealError:
            raise
        except Exception as error:
            remedy = "Try again in a moment; GET /readyz names what is down."
            raise Unavailable("The request is refused: it cannot be recorded.", remedy=remedy) from error

    async def record(self, line: AuditLine) -> None:
        """Store a complete line. A line with the same id is stored once."""
        async with self._next():
            self._chain.seal(line)
            try:
                if await self._store.create(line) is line:
                    self._chain.advance(line)
            except BaseException:
                line.version = 0
                raise

    async def finish(self, line: AuditLine) -> None:
        """Complete the line of a served request, or of one without `begin`.

        While the documents are unavailable it is completed later: a line that `begin` stored says meanwhile that a
        request was made.
        """
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._complete(line)
        except Exception:
            log.warning("audit_line_delayed", id=line.id, action=line.action, status=line.status, exc_info=True)
            self.finish_later(line)

    def finish_later(self, line: AuditLine) -> None:
        """Complete the line with the next flush."""
        if len(self._retries) == RETRIES_LIMIT:
            log.error("audit_outcome_lost", id=self._retries[0].id, action=self._retries[0].action)
        self._retries.append(line)

    async def _complete(self, line: AuditLine) -> None:
        if line.version == 0:
            await self.record(line)
            return
        known = line.model_dump(include={"action", "resource", "resource_id", "status", "detail"})

        def seal(stored: AuditLine) -> None:
            if stored.hash is None:
                for name, value in known.items():
                    setattr(stored, name, value)
                self._chain.seal(stored)

        async with self._next():
            stored = await self._store.change(line.id, seal)
            if stored.writer == self._chain.writer and stored.number == self._chain.number + 1:
                self._chain.advance(stored)

    @asynccontextmanager
    async def _next(self) -> AsyncIterator[None]:
        """Write the next line of the chain, one at a time. A failed write may have been applied: it ends the chain."""
        async with self._lock:
            try:
                yield
            except BaseException:
                self._chain.restart()
                raise

    async def note_use(self, request: Request) -> None:
        """Record that a credential is used: once an hour for each address."""
        used, moment = (request.credential, request.address), time.monotonic()
        if moment - self._uses.get(used, -USE_INTERVAL_S) < USE_INTERVAL_S:
            return
        if len(self._uses) >= USES_LIMIT:
            self._uses.clear()
        self._uses[used] = moment
        line = request.line(action="credential.used", detail=request.action)
        line.resource, line.resource_id = kind_of(request.credential), request.credential
        await self.finish(line)

    def count_refused(self, request: Request, status: int) -> None:
        """Count a refused request; equal ones of a minute become one line."""
        key = (status, request)
        if key not in self._refused and len(self._refused) >= REFUSED_LIMIT:
            key = (status, Request(OTHERS))
        if line := self._refused.get(key):
            line.count += 1
        else:
            self._refused[key] = key[1].line(status=status)

    async def record_event(self, envelope: Envelope) -> None:
        """Record a state change that a service published: the event was stored in the same write as the change."""
        data, trace = envelope.data, envelope.traceparent
        line = AuditLine(
            id=derived_id("audit", envelope.id),
            project=envelope.project,
            created_at=envelope.time,
            subject=envelope.source,
            action=envelope.type,
            resource=kind_of(envelope.subject),
            resource_id=envelope.subject,
            trace_id=trace.split("-")[1] if trace else None,
            detail=_sentence(data)[:500] or None,
        )
        await self.record(line)

    async def flush(self) -> None:
        """Write the counts of refused requests, and the lines that could not be written before."""
        refused, self._refused = self._refused, {}
        self._retries.extend(refused.values())
        for _ in range(len(self._retries)):
            line = self._retries.popleft()
            try:
                await self._complete(line)
            except NotFound:
                continue  # retention removed it
            except BaseException:
                self._retries.appendleft(line)
                raise

    async def apply_retention(self) -> None:
        """Remove lines older than the operator's setting, and record that."""
        horizon = now() - self._retention
        before = {"$lt": horizon.isoformat()}
        old, incomplete = {"recorded_at": before}, {"recorded_at": None, "created_at": before}
        if not self._retention or not (count := await self._store.count(old) + await self._store.count(incomplete)):
            return
        detail = f"{count} lines from before {horizon.isoformat(timespec='seconds')} are removed"
        line = AuditLine(id=new_id("audit"), project="", subject="operator", action="audit.retention", detail=detail)
        await self.record(line)
        for where in (old, incomplete):
            while lines := await self._store.find(where, order=(("recorded_at", 1),), limit=500):
                for each in lines:
                    await self._store.remove(each.id)

    async def run(self) -> None:
        """Flush and apply the retention until cancelled, then flush once more."""
        applied_at = -RETENTION_INTERVAL_S
        try:
            while True:
                await logged(self.flush)
                if time.monotonic() - applied_at >= RETENTION_INTERVAL_S:
                    applied_at = time.monotonic()
                    await logged(self.apply_retention)
                    log.info("audit_head", writer=self._chain.writer, number=self._chain.number, hash=self._chain.head)
                await asyncio.sleep(FLUSH_INTERVAL_S)
        finally:
            await logged(self.flush)


def _sentence(data: Mapping[str, Any]) -> str:
    """What an event says of its actor, of an outcome's reason, and of the kind of secret that it came from."""
    said = [
        f"by {data['actor']}" if data.get("actor") else "",
        f"with a secret: {data['secret']}" if data.get("secret") else "",
    ]
    reason = ": ".join(str(data[name]) for name in ("cause", "reason", "detail") if data.get(name))
    return "; ".join(filter(None, (*said, reason)))


async def logged(work: Callable[[], Awaitable[None]]) -> None:
    """Do it, or log that it failed."""
    try:
        await work()
    except Exception:
        log.exception("audit_log_not_written")
