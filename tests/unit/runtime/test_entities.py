"""Entities: compare-and-set changes, events in the outbox, idempotent creation, pages."""

import asyncio
from datetime import timedelta

import pytest

from shared.bus.local import LocalBus
from shared.documents.entities import Entity, EntityStore, derived_id, new_id
from shared.events.envelope import Envelope
from shared.events.training import TrainingRequested
from shared.runtime.errors import Conflict, InvalidInput, NotFound, Unavailable
from shared.runtime.jobs.outbox import Outbox
from shared.runtime.service import background
from tests.support.data_cases import data_case


class Counter(Entity):
    NOUN = "counter"
    LISTED_AT = "/counters"
    count: int = 0

    def increment(self) -> None:
        self.count += 1


@pytest.fixture
async def store(outbox: Outbox) -> EntityStore[Counter]:
    collection = await outbox.open("training.counters")
    return EntityStore(collection, Counter, service="training", kick=outbox.kick)


def counter(id: str = "counter_1", project: str = "default", **members: object) -> Counter:
    return Counter(id=id, project=project, **members)


async def test_fifty_concurrent_changes_all_count(store: EntityStore[Counter]) -> None:
    await store.create(counter())
    await asyncio.gather(*(store.change("counter_1", Counter.increment) for _ in range(50)))
    assert (await store.get("counter_1")).count == 50


async def test_change_by_an_event_is_applied_once(store: EntityStore[Counter]) -> None:
    await store.create(counter())
    for _ in range(3):
        await store.change("counter_1", Counter.increment, event_id="event-1")
    assert (await store.get("counter_1")).count == 1


async def test_entity_is_invisible_to_another_project(store: EntityStore[Counter]) -> None:
    await store.create(counter(project="ours"))
    theirs = store.for_project("theirs")
    with pytest.raises(NotFound):
        await theirs.get("counter_1")
    with pytest.raises(NotFound):
        await theirs.change("counter_1", Counter.increment)
    assert await theirs.find() == []
    assert (await store.for_project("ours").get("counter_1")).count == 0


@data_case("API", "An unknown id", "404 that says what is missing and which path lists those that exist")
async def test_unknown_id_is_named_in_the_callers_terms(store: EntityStore[Counter]) -> None:
    with pytest.raises(NotFound) as raised:
        await store.get("counter_1")
    assert raised.value.detail == "There is no counter 'counter_1' in this project."
    assert (raised.value.field, raised.value.remedy) == ("id", "GET /counters lists those of the project.")


async def test_same_idempotency_key_returns_the_first_entity(store: EntityStore[Counter]) -> None:
    id = derived_id("counter", "default", "key")
    first = await store.create(counter(id, request_hash="a"))
    again = await store.create(counter(id, count=9, request_hash="a"))
    assert (again.id, again.count) == (first.id, 0)
    with pytest.raises(Conflict, match="another request"):
        await store.create(counter(id, request_hash="b"))


async def test_events_of_a_write_reach_the_bus_once_the_pump_runs(
    store: EntityStore[Counter], outbox: Outbox, bus: LocalBus
) -> None:
    got: asyncio.Queue[Envelope] = asyncio.Queue()
    await bus.subscribe("training", TrainingRequested.type, got.put)
    await store.create(counter(), [TrainingRequested(job_id="counter_1")])
    assert await outbox.drain() == 1
    envelope = await asyncio.wait_for(got.get(), 60)
    assert (envelope.subject, envelope.sequence, envelope.correlationid) == ("counter_1", 1, "counter_1")
    assert await outbox.drain() == 0
    assert (await store.get("counter_1")).version == 1


async def test_unpublished_event_survives_a_later_change(
    store: EntityStore[Counter], outbox: Outbox, bus: LocalBus
) -> None:
    got: asyncio.Queue[Envelope] = asyncio.Queue()
    await store.create(counter(), [TrainingRequested(job_id="counter_1")])
    await store.change("counter_1", Counter.increment)
    await bus.subscribe("training", TrainingRequested.type, got.put)
    await outbox.drain()
    assert (await asyncio.wait_for(got.get(), 60)).sequence == 1


async def test_too_many_unpublished_events_refuse_the_write(store: EntityStore[Counter]) -> None:
    await store.create(counter())
    with pytest.raises(Unavailable, match="unpublished events"):
        await store.change("counter_1", lambda _: [TrainingRequested(job_id=str(i)) for i in range(33)])
    assert (await store.get("counter_1")).version == 1


async def test_pages_show_everything_once(store: EntityStore[Counter]) -> None:
    ids = [new_id("counter") for _ in range(7)]
    moment = counter().created_at
    for id in ids:
        await store.create(counter(id, created_at=moment))
    seen, cursor = [], None
    while True:
        page = await store.page(limit=3, cursor=cursor)
        seen += [item.id for item in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert sorted(seen) == sorted(ids)
    for nonsense in ("nonsense", "MTI=", "bnVsbA=="):  # the latter are 12 and null
        with pytest.raises(InvalidInput):
            await store.page(cursor=nonsense)


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_in_either_order(store: EntityStore[Counter], oldest_first: bool) -> None:
    moments = [counter().created_at + timedelta(seconds=second) for second in (0, 0, 1, 1, 1, 2)]
    for number, moment in enumerate(moments):
        await store.create(counter(f"counter_{number}", created_at=moment))
    seen: list[Counter] = []
    while len(seen) < 6:
        page = await store.page_after(seen[-1].id if seen else None, 2, oldest_first=oldest_first)
        assert len(page.items) == 2
        seen += page.items
    assert page.next_cursor is None
    assert [item.created_at for item in seen] == sorted(moments, reverse=not oldest_first)
    assert len({item.id for item in seen}) == 6


async def test_page_after_an_entity_that_was_deleted_since(store: EntityStore[Counter]) -> None:
    for number in range(3):
        await store.create(counter(f"counter_{number}"))
    await store.delete("counter_1")
    assert [item.id for item in (await store.page_after("counter_1", 5)).items] == ["counter_0"]


async def test_page_after_an_unknown_entity_is_refused(store: EntityStore[Counter]) -> None:
    await store.create(counter("theirs", project="theirs"))
    for unknown in ("nothing", "theirs"):
        with pytest.raises(InvalidInput) as raised:
            await store.for_project("default").page_after(unknown, 5)
        assert (raised.value.field, bool(raised.value.remedy)) == ("after", True)


async def test_deleted_entity_is_invisible_and_its_event_is_published(
    store: EntityStore[Counter], outbox: Outbox, bus: LocalBus
) -> None:
    got: asyncio.Queue[Envelope] = asyncio.Queue()
    await bus.subscribe("training", TrainingRequested.type, got.put)
    await store.create(counter())
    await store.delete("counter_1", [TrainingRequested(job_id="counter_1")])
    with pytest.raises(NotFound):
        await store.get("counter_1")
    assert await store.count() == 0
    await outbox.drain()
    assert (await asyncio.wait_for(got.get(), 60)).subject == "counter_1"


async def test_a_kicked_pump_still_ends_when_it_is_cancelled(store: EntityStore[Counter], outbox: Outbox) -> None:
    """The kick and the cancellation come in the same turn of the loop: neither may swallow the other."""
    for _ in range(20):
        async with asyncio.timeout(60), background(outbox.run()):
            await asyncio.sleep(0.01)
            outbox.kick()
