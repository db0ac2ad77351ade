"""The outbox pump: what it published it does not publish again, whatever happens to the document meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.local import LocalBus
from shared.documents.entities import Entity, EntityStore
from shared.documents.local import LocalDocuments
from shared.events.envelope import Envelope
from shared.events.training import TrainingRequested
from shared.runtime.jobs.outbox import Outbox

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
