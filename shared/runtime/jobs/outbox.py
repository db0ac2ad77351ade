"""The outbox: publishes the events stored in documents, then clears them without changing the version."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import structlog

from shared.bus.protocol import Bus
from shared.documents.entities import Entity, EntityStore, now
from shared.documents.protocol import Collection, Document, Documents, Index
from shared.documents.spec import CollectionSpec
from shared.events.envelope import Envelope
from shared.runtime.telemetry.metrics import Metrics, Reading

log = structlog.get_logger(__name__)

E = TypeVar("E", bound=Entity)

SCAN_INTERVAL = 5.0
"""Seconds between scans for events that a crash left; `kick` publishes at once in the usual case."""
PURGE_INTERVAL_S = 3600.0
"""Seconds between purges of old tombstones, which read every collection."""
TOMBSTONE_AGE = timedelta(days=1)


class Outbox:
    """Publishes the events of collections whose documents have `outbox` and `pending`."""

    def __init__(self, bus: Bus, documents: Documents, metrics: Metrics | None = None) -> None:
        self._bus, self._documents = bus, documents
        self._collections: dict[str, Collection] = {}
        self._kicked = asyncio.Event()
        self._sent: set[str] = set()  # published, but still stored in a document that changed meanwhile
        metrics = metrics or Metrics()
        self._pending = metrics.reading(
            "anneal_outbox_pending_documents", "Documents whose events wait for the bus", "collection"
        )
        self._age = metrics.reading("anneal_outbox_age_seconds", "How long the oldest of them has waited", "collection")
        metrics.watch("outbox", self._probe)

    async def open(self, name: str, indexes: Sequence[Index] = ()) -> Collection:
        """Open a collection and watch it."""
        standard = (Index(("pending",)), Index(("project", "created_at")), *indexes)
        self._collections[name] = await self._documents.collection(name, standard)
        return self._collections[name]

    async def store(self, spec: CollectionSpec[E]) -> EntityStore[E]:
        """Open a collection of entities and watch it."""
        collection = await self.open(spec.name, spec.indexes)
        return EntityStore(collection, spec.document, service=spec.service, kick=self.kick)

    def kick(self) -> None:
        """Publish now: an event was stored."""
        self._kicked.set()

    async def drain(self) -> int:
        """Publish all pending events; return how many documents were cleared."""
        cleared, waiting = 0, set[str]()
        for collection in list(self._collections.values()):
            for document in await collection.find({"pending": {"$gt": 0}}, order=(("updated_at", 1),), limit=500):
                waiting |= document["outbox"].keys()
                try:
                    cleared += await self._publish(collection, document)
                except Exception:  # an event that the bus refuses must not block the following ones
                    log.exception("outbox_not_published", id=document["_id"])
        self._sent &= waiting
        return cleared

    async def _publish(self, collection: Collection, document: Document) -> bool:
        for id, event in document["outbox"].items():
            if id not in self._sent:
                await self._bus.publish(Envelope.model_validate(event))
                self._sent.add(id)
        where = {"pending": document["pending"]}
        return await collection.patch(document["_id"], where, set={"outbox": {}, "pending": 0}) is not None

    async def _probe(self) -> list[Reading]:
        """Number and age of the pending documents of each collection."""
        found: list[Reading] = []
        for name, collection in list(self._collections.items()):
            oldest = await collection.find({"pending": {"$gt": 0}}, order=(("updated_at", 1),), limit=1)
            count = await collection.count({"pending": {"$gt": 0}}) if oldest else 0
            age = max((_age(document) for document in oldest), default=0.0)
            found += [(self._pending, (name,), count), (self._age, (name,), age)]
        return found

    async def purge_tombstones(self) -> None:
        """Delete tombstones that are a day old and whose events are published."""
        horizon = (now() - TOMBSTONE_AGE).isoformat()
        for collection in list(self._collections.values()):
            for document in await collection.find({"deleted_at": {"$lt": horizon}, "pending": 0}, limit=500):
                await collection.delete(document["_id"], {"pending": 0})

    async def run(self) -> None:
        """Publish until cancelled. An unavailable bus is retried; nothing is lost."""
        purged_at = -PURGE_INTERVAL_S
        while True:
            self._kicked.clear()
            try:
                await self.drain()
                if time.monotonic() - purged_at >= PURGE_INTERVAL_S:
                    await self.purge_tombstones()
                    purged_at = time.monotonic()
            except Exception:
                log.exception("outbox_pump_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(SCAN_INTERVAL):
                    await self._kicked.wait()


def _age(document: Document) -> float:
    """Seconds since the oldest pending event of a document."""
    stated = min(Envelope.model_validate(event).time for event in document["outbox"].values())
    return max(0.0, (now() - stated).total_seconds())
