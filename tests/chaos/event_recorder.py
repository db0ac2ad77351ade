"""Hears every event that the town states, from a durable queue of its own, and can say it again."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from shared.bus.topology import Names
from shared.events.envelope import Envelope
from shared.events.registry import CONSUMERS

QUEUE = "storm.ledger"


class EventRecorder:
    """Every durable event by its id. It connects past the fault proxy."""

    def __init__(self, channel: Any, exchange: Any) -> None:
        self._channel, self._exchange = channel, exchange
        self.envelopes: dict[str, Envelope] = {}
        self.heard_at = 0.0
        """When something new was last heard, on the monotonic clock."""

    @classmethod
    @asynccontextmanager
    async def listening(cls, url: str) -> AsyncIterator["EventRecorder"]:
        """Record meanwhile; also through a restart of the broker."""
        connection = await aio_pika.connect_robust(url, reconnect_interval=0.5)
        async with connection:
            channel = await connection.channel(publisher_confirms=True)
            exchange = await channel.get_exchange(Names().events)
            queue = await channel.declare_queue(QUEUE, durable=True, arguments=Names().quorum())
            await queue.bind(exchange, "#")
            recorder = cls(channel, exchange)
            await queue.consume(recorder._hear)
            yield recorder

    async def repeat(self, envelopes: Iterable[Envelope]) -> None:
        """Deliver them once more to everybody. Raises when the broker is away."""
        for envelope in envelopes:
            message = Message(
                envelope.model_dump_json().encode(),
                content_type="application/cloudevents+json",
                message_id=envelope.id,
                type=envelope.type,
                delivery_mode=DeliveryMode.PERSISTENT,
            )
            await self._exchange.publish(message, envelope.type, timeout=5)

    async def until_delivered(self) -> None:
        """Wait until no queue of a room has an event waiting."""
        queues = [Names().queue(room, event.type) for event, rooms in CONSUMERS.items() for room in rooms]
        while True:
            found = [await self._channel.declare_queue(name, passive=True) for name in queues]
            if not any(queue.declaration_result.message_count for queue in found):
                return
            await asyncio.sleep(0.2)

    def about(self, subject: str, *types: str) -> list[Envelope]:
        """The events of these types about one thing, each once."""
        return [e for e in self.envelopes.values() if e.subject == subject and e.type in types]

    async def _hear(self, message: AbstractIncomingMessage) -> None:
        envelope = Envelope.model_validate_json(message.body)
        if envelope.id not in self.envelopes:
            self.heard_at = time.monotonic()
        self.envelopes[envelope.id] = envelope
        await message.ack()
