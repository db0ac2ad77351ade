"""A broker that dies and comes back on the same port: publishers and consumers go on, nothing confirmed is lost."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.servers import Server, rabbitmq
from shared.bus.rabbit import RabbitBus
from shared.events.envelope import Envelope
from shared.events.training import TrainingProgressed, TrainingRequested

SETTLED = 1.5
"""Seconds that RabbitMQ 3.10 needs after the declaration of a quorum queue to keep what it confirms through a kill."""


def requested(number: int) -> Envelope:
    return Envelope.of(TrainingRequested(job_id="j"), service="training", subject=str(number), project="p")


def progressed() -> Envelope:
    return Envelope.of(TrainingProgressed(job_id="j", records=[]), service="training", subject="j", project="p")


class Publisher:
    """Publishes numbers one after another, again and again where the broker is away."""

    def __init__(self, bus: RabbitBus) -> None:
        self._bus = bus
        self.confirmed: list[int] = []
        self.failures = 0
        self._confirmed = asyncio.Condition()

    async def run(self) -> None:
        number = 0
        while True:
            try:
                await self._bus.publish(requested(number))
            except Exception:
                self.failures += 1
                await asyncio.sleep(0.1)
                continue
            async with self._confirmed:
                self.confirmed.append(number)
                self._confirmed.notify_all()
            number += 1

    async def until(self, count: int) -> None:
        async with asyncio.timeout(90), self._confirmed:
            await self._confirmed.wait_for(lambda: len(self.confirmed) >= count)


async def noticed(bus: RabbitBus) -> None:
    """Return once the bus says that its broker is away."""
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionError):
            while True:
                await bus.ping()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Server]:
    broker = rabbitmq(tmp_path)
    server = await asyncio.to_thread(broker.__enter__)
    yield server
    await asyncio.to_thread(broker.__exit__, None, None, None)


async def test_subscribing_waits_for_a_broker_that_is_lost_meanwhile(node: Server) -> None:
    bus, received = await RabbitBus.connect(node.url), asyncio.Queue[Envelope]()
    await asyncio.sleep(SETTLED)
    await asyncio.to_thread(node.kill)
    subscribing = asyncio.create_task(bus.subscribe("training", TrainingRequested.type, received.put))
    await noticed(bus)
    assert not subscribing.done()
    await asyncio.to_thread(node.start)
    async with asyncio.timeout(90):
        await subscribing
        await bus.publish(requested(7))
        assert (await received.get()).subject == "7"
    assert received.empty(), "one consumer"
    await bus.close()


async def test_bus_recovers_from_a_killed_broker(node: Server) -> None:
    publishing_bus, consuming_bus = await RabbitBus.connect(node.url), await RabbitBus.connect(node.url)
    declared = time.monotonic()
    got: set[int] = set()
    changed = asyncio.Event()

    async def handle(envelope: Envelope) -> None:
        got.add(int(envelope.subject))
        changed.set()

    await consuming_bus.subscribe("training", TrainingRequested.type, handle)
    async with consuming_bus.listen([TrainingProgressed.type]) as broadcasts:
        publisher = Publisher(publishing_bus)
        running = asyncio.create_task(publisher.run())
        await publisher.until(50)
        await asyncio.sleep(max(0.0, SETTLED - (time.monotonic() - declared)))

        await asyncio.to_thread(node.kill)
        await noticed(publishing_bus)
        await publishing_bus.broadcast(progressed())  # lost, and nobody minds
        before = len(publisher.confirmed)
        await asyncio.to_thread(node.start)

        await publisher.until(before + 50)
        running.cancel()
        async with asyncio.timeout(60):
            while not got >= set(publisher.confirmed):
                changed.clear()
                await changed.wait()
        await publishing_bus.ping()
        async with asyncio.timeout(60):  # the listener's queue is a new one: broadcasts reach it when it is there
            received = asyncio.create_task(anext(broadcasts))
            while not received.done():
                await publishing_bus.broadcast(progressed())
                await asyncio.wait({received}, timeout=0.2)
    await publishing_bus.close()
    await consuming_bus.close()
