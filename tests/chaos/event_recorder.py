"""Records every durable event of the cluster from its own durable queue, and can publish events again."""

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

QUEUE = "chaos.recorder"


class EventRecorder:
    """Every durable event by its id. Connects to the broker directly, not through the fault proxy."""

    def __init__(self, channel: Any, exchange: Any) -> None:
        self._channel, self._exchange = channel, exchange
        self.envelopes: dict[str, Envelope] = {}
        self.last_received_at = 0.0
        """When a new event last arrived, on the monotonic clock."""

    @classmethod
    @asynccontextmanager
    async def listening(cls, url: str) -> AsyncIterator["EventRecorder"]:
        """Record events until exit, also across broker restarts."""
        connection = await aio_pika.connect_robust(url, reconnect_interval=0.5)
        async with connection:
            channel = await connection.channel(publisher_confirms=True)
            exchange = await channel.get_exchange(Names().events)
            queue = await channel.declare_queue(QUEUE, durable=True, arguments=Names().quorum())
            await queue.bind(exchange, "#")
            recorder = cls(channel, exchange)
            await queue.consume(recorder._receive)
            yield recorder

    async def republish(self, envelopes: Iterable[Envelope]) -> None:
        """Publish the events again to all subscribers. Raises if the broker is unavailable."""
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
        """Wait until the queues of all services are empty."""
        queues = [Names().queue(service, event.type) for event, services in CONSUMERS.items() for service in services]
        while True:
            found = [await self._channel.declare_queue(name, passive=True) for name in queues]
            if not any(queue.declaration_result.message_count for queue in found):
                return
            await asyncio.sleep(0.2)

    def about(self, subject: str, *types: str) -> list[Envelope]:
        """Return the events of these types with this subject, each once."""
        return [e for e in self.envelopes.values() if e.subject == subject and e.type in types]

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        envelope = Envelope.model_validate_json(message.body)
        if envelope.id not in self.envelopes:
            self.last_received_at = time.monotonic()
        self.envelopes[envelope.id] = envelope
        await message.ack()
