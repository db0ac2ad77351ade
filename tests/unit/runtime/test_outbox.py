"""The outbox pump: what it published it does not publish again, whatever happens to the document meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.bus.local import LocalBus
from shared.documents.entities import Entity, EntityStore, now
from shared.documents.local import LocalDocuments
from shared.events.envelope import Envelope
from shared.events.training import TrainingRequested
from shared.runtime.jobs.outbox import Outbox
from shared.runtime.service import background

REQUESTED = TrainingRequested(job_id="counter_1")


class Counter(Entity):
    count: int = 0

    def increment(self) -> list[TrainingRequested]:
        self.count += 1
        return [REQUESTED]


class Hurried(LocalBus):
    """A bus during whose first publish the document changes, as it does under load."""

    store: EntityStore[Counter]
    published: list[str] = []

    async def publish(self, envelope: Envelope) -> None:
        await super().publish(envelope)
        self.published.append(envelope.id)
        if len(self.published) == 1:
            await self.store.change("counter_1", Counter.increment)


@pytest.fixture
async def hurried(tmp_path: Path) -> AsyncIterator[Hurried]:
    opened = Hurried(tmp_path / "hurried.sqlite")
    yield opened
    await opened.close()


async def test_change_between_publish_and_clear_repeats_no_event(hurried: Hurried, documents: LocalDocuments) -> None:
    outbox = Outbox(hurried, documents)
    hurried.store = EntityStore(await outbox.open("training.counters"), Counter, service="training", kick=outbox.kick)
    await hurried.store.create(Counter(id="counter_1", project="default"), [REQUESTED])
    assert await outbox.drain() == 0
    assert await outbox.drain() == 1
    assert len(hurried.published) == len(set(hurried.published)) == 2
    assert await outbox.drain() == 0


class Refusing(LocalBus):
    """A bus that refuses the events of `counter_b`."""

    async def publish(self, envelope: Envelope) -> None:
        if envelope.subject == "counter_b":
            raise ConnectionError("the broker is away")
        await super().publish(envelope)


async def test_events_are_published_oldest_first_past_those_that_the_bus_refuses(
    tmp_path: Path, documents: LocalDocuments
) -> None:
    bus, received = Refusing(tmp_path / "refusing.sqlite"), asyncio.Queue[Envelope]()
    outbox = Outbox(bus, documents)
    store = EntityStore(await outbox.open("training.counters"), Counter, service="training", kick=outbox.kick)
    await bus.subscribe("training", REQUESTED.type, received.put)
    for id in ("counter_c", "counter_b", "counter_a"):
        await store.create(Counter(id=id, project="default"), [REQUESTED])
    async with background(outbox.run()), asyncio.timeout(60):
        assert [(await received.get()).subject for _ in range(2)] == ["counter_c", "counter_a"]
        await store.create(Counter(id="counter_d", project="default"), [REQUESTED])
        assert (await received.get()).subject == "counter_d"
    await bus.close()


async def test_old_tombstones_are_deleted_once_their_events_are_published(
    outbox: Outbox, documents: LocalDocuments
) -> None:
    collection = await outbox.open("training.counters")
    store = EntityStore(collection, Counter, service="training", kick=outbox.kick)
    day, minute = timedelta(days=1), timedelta(minutes=1)
    for id, age, events in (
        ("old", day + minute, []),
        ("young", day - minute, []),
        ("unpublished", day + minute, [REQUESTED]),
    ):
        await store.create(Counter(id=id, project="default"), events)
        await store.change(id, lambda counter, age=age: setattr(counter, "deleted_at", now() - age))
    await store.create(Counter(id="living", project="default"))
    await outbox.purge_tombstones()
    assert [document["_id"] for document in await collection.find({})] == ["living", "unpublished", "young"]
    async with background(outbox.run()), asyncio.timeout(60):
        while await collection.get("unpublished"):
            await asyncio.sleep(0.01)
    assert [document["_id"] for document in await collection.find({})] == ["living", "young"]
