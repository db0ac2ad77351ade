"""Streams a job's records to websockets: each record exactly once and in order.

Broadcasts make the stream fast but may be lost. Missing records are read from the training service: at once when a
sequence number is skipped, and otherwise every POLL_INTERVAL_S seconds.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import structlog

from services.gateway.models import FINAL_STATES
from services.gateway.overview import ReadModel
from services.gateway.upstreams import Upstreams
from shared.bus.protocol import Bus
from shared.events.envelope import Envelope
from shared.events.training import TrainingProgressed
from shared.runtime.errors import AnnealError, NotFound
from shared.runtime.http.principal import Principal
from shared.runtime.telemetry.tracing import unrecorded

log = structlog.get_logger(__name__)

POLL_INTERVAL_S = 3.0
MAX_BATCH = 1000
"""Maximum records in one websocket message."""
BROADCAST_BUFFER = 64
"""Broadcasts buffered for a slow websocket. Further ones are dropped, and the stream reads them from the store."""

RESUBSCRIBE_DELAY_S = 1.0
"""Seconds before the hub subscribes again after a bus failure."""

Record = dict[str, Any]


class BroadcastHub:
    """Subscribes to the bus once per process and fans broadcasts out to the followers of each job."""

    def __init__(self, bus: Bus, model: ReadModel) -> None:
        self._bus, self._model = bus, model
        self._followers: dict[str, set[asyncio.Queue[list[Record]]]] = {}

    async def run(self) -> None:
        """Receive broadcasts until cancelled; subscribe again when the bus fails."""
        while True:
            try:
                async with self._bus.listen([TrainingProgressed.type]) as envelopes:
                    async for envelope in envelopes:
                        await self._handle(envelope)
            except Exception:
                log.exception("broadcast_subscription_failed")
            await asyncio.sleep(RESUBSCRIBE_DELAY_S)

    async def _handle(self, envelope: Envelope) -> None:
        """Handle one broadcast. A malformed one is logged and must not affect the next one."""
        try:
            event = TrainingProgressed.model_validate(envelope.data)
            self._fan_out(event)
            for state in _states(event.records):
                await self._model.record_job_state(event.job_id, state)
        except Exception:
            log.exception("broadcast_failed", envelope_id=envelope.id)

    def _fan_out(self, event: TrainingProgressed) -> None:
        for queue in self._followers.get(event.job_id, ()):
            with suppress(asyncio.QueueFull):
                queue.put_nowait(event.records)

    @contextmanager
    def follow(self, job_id: str) -> Iterator[asyncio.Queue[list[Record]]]:
        """Yield a queue of the job's broadcasts from now on."""
        queue: asyncio.Queue[list[Record]] = asyncio.Queue(BROADCAST_BUFFER)
        followers = self._followers.setdefault(job_id, set())
        followers.add(queue)
        try:
            yield queue
        finally:
            followers.discard(queue)
            if not followers:
                self._followers.pop(job_id, None)


def _states(records: Sequence[Record]) -> list[str]:
    return [record["state"] for record in records if record.get("kind") == "state" and "state" in record]


def _has_final_state(records: Sequence[Record]) -> bool:
    return any(state in FINAL_STATES for state in _states(records))


def _message(job_id: str, records: Sequence[Record]) -> Record:
    return {"type": "records", "job_id": job_id, "records": records}


class JobStreams:
    """Follows jobs on behalf of websockets."""

    def __init__(self, hub: BroadcastHub, upstreams: Upstreams) -> None:
        self._hub, self._upstreams = hub, upstreams

    async def messages(self, job_id: str, after: int, principal: Principal) -> AsyncIterator[Record]:
        """Yield `{"type": "records", "job_id", "records"}` for seq > `after`, each record exactly once and in order.

        When the job has ended, yields `{"type": "end", "job_id", "state"}` and stops. Raises NotFound for a job that
        the principal may not read.
        """
        final_read = False
        with self._hub.follow(job_id) as broadcasts:
            while True:
                state = await self._state(job_id, principal)
                while batch := await self._stored(job_id, after, principal):
                    after, final_read = batch[-1]["seq"], final_read or _has_final_state(batch)
                    yield _message(job_id, batch)
                if state in FINAL_STATES and final_read:
                    yield {"type": "end", "job_id": job_id, "state": state}
                    return
                final_read = state in FINAL_STATES  # the last records are stored shortly after the final state
                async for batch in _contiguous_broadcasts(broadcasts, after):
                    after, final_read = batch[-1]["seq"], final_read or _has_final_state(batch)
                    yield _message(job_id, batch)

    async def _stored(self, job_id: str, after: int, principal: Principal) -> list[Record]:
        body = await self._get(f"{_path(job_id)}/records", principal, after=after, limit=MAX_BATCH)
        records: list[Record] = body["records"]
        return records

    async def _state(self, job_id: str, principal: Principal) -> str:
        return str((await self._get(_path(job_id), principal))["state"])

    async def _get(self, path: str, principal: Principal, **params: Any) -> dict[str, Any]:
        with unrecorded():  # a span for every poll of an open websocket would flood the trace store
            response = await self._upstreams.get("training", path, principal, **params)
        body: dict[str, Any] = response.json()
        if response.status_code == NotFound.status:
            raise NotFound(body["detail"], field="job", remedy="List the jobs: GET /training/jobs.")
        if response.is_error:
            raise AnnealError(body.get("detail", "The training service responded with an error."))
        return body


async def _contiguous_broadcasts(broadcasts: asyncio.Queue[list[Record]], after: int) -> AsyncIterator[list[Record]]:
    """Yield broadcast batches as long as their sequence numbers are contiguous.

    Returns, so that the caller reads from the store, on a gap, on a final state, and when no broadcast arrives for
    POLL_INTERVAL_S seconds.
    """
    while True:
        try:
            async with asyncio.timeout(POLL_INTERVAL_S):
                batch = await broadcasts.get()
        except TimeoutError:
            return
        fresh = [record for record in batch if record["seq"] > after]
        if not fresh:
            continue
        if fresh[0]["seq"] != after + 1:
            return
        yield fresh
        after = fresh[-1]["seq"]
        if _has_final_state(fresh):
            return


def _path(job_id: str) -> str:
    """The job's path in the training service: whatever the id holds, it is one part of the path."""
    return f"/training/jobs/{quote(job_id, safe='')}"
