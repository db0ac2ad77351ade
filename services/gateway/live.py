"""From broadcasts to websockets: every record of a job once and in order, the gaps filled from the store.

Broadcasts may be lost, so they only make it fast: what is missing is asked of the training room, at once when a
sequence number is skipped, and every LOOK seconds anyway.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import structlog

from services.gateway.models import FINAL
from services.gateway.overview import ReadModel
from services.gateway.targets import Rooms
from shared.bus.protocol import Bus
from shared.events.envelope import Envelope
from shared.events.training import TrainingProgressed
from shared.runtime.errors import AnnealError, NotFound
from shared.runtime.http.principal import Principal
from shared.runtime.telemetry.tracing import unrecorded

log = structlog.get_logger(__name__)

LOOK = 3.0
BATCH = 1000
"""Records in one websocket message at most."""
HELD_BACK = 64
"""Broadcasts that wait for a slow websocket; beyond them it reads from the store."""

PAUSE = 1.0
"""Seconds before we listen again after the bus failed."""

Record = dict[str, Any]


class Hub:
    """Listens to the bus once per process and hands broadcasts to whoever follows the job."""

    def __init__(self, bus: Bus, model: ReadModel) -> None:
        self._bus, self._model = bus, model
        self._followers: dict[str, set[asyncio.Queue[list[Record]]]] = {}

    async def serve(self) -> None:
        """Listen until cancelled; a bus that is away is asked again."""
        while True:
            try:
                async with self._bus.listen([TrainingProgressed.type]) as envelopes:
                    async for envelope in envelopes:
                        await self._hear(envelope)
            except Exception:
                log.exception("listening_failed")
            await asyncio.sleep(PAUSE)

    async def _hear(self, envelope: Envelope) -> None:
        """Take one broadcast; what is wrong with it must not cost the next one."""
        try:
            event = TrainingProgressed.model_validate(envelope.data)
            self._hand_out(event)
            for state in _states(event.records):
                await self._model.job_moved(event.job_id, state)
        except Exception:
            log.exception("broadcast_failed", envelope_id=envelope.id)

    def _hand_out(self, event: TrainingProgressed) -> None:
        for queue in self._followers.get(event.job_id, ()):
            with suppress(asyncio.QueueFull):
                queue.put_nowait(event.records)

    @contextmanager
    def follow(self, job_id: str) -> Iterator[asyncio.Queue[list[Record]]]:
        """The job's broadcasts from now on."""
        queue: asyncio.Queue[list[Record]] = asyncio.Queue(HELD_BACK)
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


def _final(records: Sequence[Record]) -> bool:
    return any(state in FINAL for state in _states(records))


def _message(job_id: str, records: Sequence[Record]) -> Record:
    return {"type": "records", "job_id": job_id, "records": records}


class Live:
    """Follows jobs for websockets."""

    def __init__(self, hub: Hub, rooms: Rooms) -> None:
        self._hub, self._rooms = hub, rooms

    async def messages(self, job_id: str, after: int, principal: Principal) -> AsyncIterator[Record]:
        """`{"type": "records", "job_id", "records"}` with seq > `after`, each record once and in order, until the job
        has ended: `{"type": "end", "job_id", "state"}`. Raises NotFound for a job that the principal cannot see.
        """
        last_look = False
        with self._hub.follow(job_id) as broadcasts:
            while True:
                state = await self._state(job_id, principal)
                while batch := await self._stored(job_id, after, principal):
                    after, last_look = batch[-1]["seq"], last_look or _final(batch)
                    yield _message(job_id, batch)
                if state in FINAL and last_look:
                    yield {"type": "end", "job_id": job_id, "state": state}
                    return
                last_look = state in FINAL  # the job's last records are stored a moment after its state
                async for batch in _contiguous(broadcasts, after):
                    after, last_look = batch[-1]["seq"], last_look or _final(batch)
                    yield _message(job_id, batch)

    async def _stored(self, job_id: str, after: int, principal: Principal) -> list[Record]:
        body = await self._ask(f"/training/jobs/{job_id}/records", principal, after=after, limit=BATCH)
        records: list[Record] = body["records"]
        return records

    async def _state(self, job_id: str, principal: Principal) -> str:
        return str((await self._ask(f"/training/jobs/{job_id}", principal))["state"])

    async def _ask(self, path: str, principal: Principal, **params: Any) -> dict[str, Any]:
        with unrecorded():  # every LOOK seconds, for as long as the socket is open
            response = await self._rooms.ask("training", path, principal, **params)
        body: dict[str, Any] = response.json()
        if response.status_code == NotFound.status:
            raise NotFound(body["detail"], field="job", remedy="List the jobs: GET /training/jobs.")
        if response.is_error:
            raise AnnealError(body.get("detail", "The training room answered with an error."))
        return body


async def _contiguous(broadcasts: asyncio.Queue[list[Record]], after: int) -> AsyncIterator[list[Record]]:
    """Broadcast batches as long as they follow on without a gap and without an end.

    Stops, so that the caller looks into the store, on a gap, on a final state, and when nothing came for LOOK seconds.
    """
    while True:
        try:
            async with asyncio.timeout(LOOK):
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
        if _final(fresh):
            return
