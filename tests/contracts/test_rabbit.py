"""What is true of the RabbitMQ adapter beyond the port: what other clients see, and what the broker does by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import pytest

from shared.bus import Bus, DeadLetter
from shared.bus.topology import DELIVERY_LIMIT
from shared.events.envelope import Envelope
from shared.events.training import TrainingRequested
from tests.contracts import adapters

TYPE = TrainingRequested.type
QUEUE = adapters.NAMES.queue("training", TYPE)


def requested(subject: str) -> Envelope:
    return Envelope.of(TrainingRequested(job_id=subject), service="training", subject=subject, project="p")


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    opened = await adapters.BUS["rabbit"](tmp_path, retry_delays=(0.02,), listener_buffer=10)
    yield opened
    await opened.close()


@pytest.fixture
async def channel() -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    async with await aio_pika.connect(adapters.AMQP) as connection:
        yield await connection.channel()


async def buried(bus: Bus) -> DeadLetter:
    """The one dead letter, once it is there."""
    async with asyncio.timeout(60):
        while not (letters := await bus.dead()):
            await asyncio.sleep(0.02)
    [letter] = letters
    return letter


async def test_messages_are_persistent_cloud_events(bus: Bus, channel: aio_pika.abc.AbstractChannel) -> None:
    sent = requested("job")
    await bus.publish(sent)
    message = await (await channel.get_queue(QUEUE)).get()
    assert message is not None
    await message.ack()
    assert Envelope.model_validate_json(message.body) == sent
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.content_type == "application/cloudevents+json"
    assert (message.message_id, message.type, message.correlation_id) == (sent.id, TYPE, "job")


async def test_invalid_cloud_event_is_dead_lettered_and_the_queue_continues(
    bus: Bus, channel: aio_pika.abc.AbstractChannel
) -> None:
    got: asyncio.Queue[str] = asyncio.Queue()

    async def handle(envelope: Envelope) -> None:
        await got.put(envelope.subject)

    await channel.default_exchange.publish(aio_pika.Message(b"by hand"), QUEUE)
    await bus.subscribe("training", TYPE, handle)
    await bus.publish(requested("after"))
    assert await asyncio.wait_for(got.get(), 60) == "after"
    letter = await buried(bus)
    assert (letter.service, letter.envelope.data) == ("training", {"unreadable": "by hand"})
    assert "not a CloudEvent" in letter.reason


async def test_message_over_the_delivery_limit_is_dead_lettered_and_can_be_replayed(
    bus: Bus, channel: aio_pika.abc.AbstractChannel
) -> None:
    await bus.publish(sent := requested("deadly"))
    queue = await channel.get_queue(QUEUE)
    async with asyncio.timeout(60):
        for _ in range(DELIVERY_LIMIT + 1):
            while (message := await queue.get(fail=False)) is None:
                await asyncio.sleep(0.01)
            await message.nack(requeue=True)
    letter = await buried(bus)
    assert (letter.service, letter.envelope) == ("training", sent)
    assert "delivery_limit" in letter.reason
    assert await bus.replay(letter.id)
    again = await queue.get()
    assert again is not None
    await again.ack()
    assert Envelope.model_validate_json(again.body) == sent
