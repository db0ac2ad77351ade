"""The bus on RabbitMQ through aio-pika: quorum queues, confirmed persistent publishes, retry tiers, dead letters.

Topology, declared by every process before it publishes:

- `anneal.events` (topic): one quorum queue `anneal.<room>.<type>` per room and event, bound by the event's type;
- `anneal.retry.<n>s` (fanout → quorum queue with a queue-level TTL → default exchange): a failed delivery is published
  there with its room's queue as routing key and comes back when the TTL has passed;
- `anneal.dead`: what could not be handled, with room and reason in its headers;
- `anneal.broadcast` (topic): lossy, to an exclusive queue per listener.

Attempts count in our own `x-attempt` header: a quorum queue's delivery count also grows when connections drop, so its
limit stays high.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import structlog
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel, AbstractRobustConnection
from opentelemetry import context
from opentelemetry.trace import SpanKind

from shared.bus.protocol import RETRY_DELAYS, DeadLetter, Handler, Reject
from shared.events.envelope import Envelope
from shared.events.registry import CONSUMERS, consumers_of
from shared.runtime.telemetry import extract, tracer

PREFETCH = 64
DELIVERY_LIMIT = 100
EVENTS, BROADCAST, DEAD = "anneal.events", "anneal.broadcast", "anneal.dead"
CONTENT_TYPE = "application/cloudevents+json"
QUORUM: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}

log = structlog.get_logger(__name__)


def queue_name(room: str, type: str) -> str:
    """The durable queue of a room for an event type."""
    return f"anneal.{room}.{type}"


def _message(envelope: Envelope, *, persistent: bool = True, **headers: Any) -> Message:
    return Message(
        envelope.model_dump_json().encode(),
        content_type=CONTENT_TYPE,
        message_id=envelope.id,
        type=envelope.type,
        timestamp=envelope.time,
        correlation_id=envelope.correlationid,
        delivery_mode=DeliveryMode.PERSISTENT if persistent else DeliveryMode.NOT_PERSISTENT,
        headers={"traceparent": envelope.traceparent or "", **headers},
    )


class RabbitBus:
    """One connection to one broker; it reconnects by itself and its consumers come back with it."""

    def __init__(
        self, connection: AbstractRobustConnection, channel: AbstractRobustChannel, retry_delays: Sequence[float]
    ) -> None:
        self._connection, self._channel, self._delays = connection, channel, retry_delays
        self._consumers: list[tuple[Any, str]] = []
        self._busy: set[asyncio.Task[Any]] = set()

    @classmethod
    async def connect(cls, url: str, retry_delays: Sequence[float] = RETRY_DELAYS) -> "RabbitBus":
        """Connect and declare the whole topology."""
        connection = await aio_pika.connect_robust(url, reconnect_interval=1.0, heartbeat=30)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        bus = cls(connection, channel, retry_delays)
        await bus._declare()
        return bus

    async def _declare(self) -> None:
        channel = self._channel
        self._events = await channel.declare_exchange(EVENTS, ExchangeType.TOPIC, durable=True)
        self._lossy = await channel.declare_exchange(BROADCAST, ExchangeType.TOPIC, durable=True)
        for event, rooms in CONSUMERS.items():
            for room in rooms:
                queue = await channel.declare_queue(queue_name(room, event.type), durable=True, arguments=QUORUM)
                await queue.bind(self._events, event.type)
        self._retries = [await self._declare_retry(delay) for delay in self._delays]
        self._dead = await channel.declare_queue(DEAD, durable=True, arguments={"x-queue-type": "quorum"})

    async def _declare_retry(self, delay: float) -> Any:
        name = f"anneal.retry.{delay:g}s"
        exchange = await self._channel.declare_exchange(name, ExchangeType.FANOUT, durable=True)
        arguments = {"x-queue-type": "quorum", "x-message-ttl": int(delay * 1000), "x-dead-letter-exchange": ""}
        queue = await self._channel.declare_queue(name, durable=True, arguments=arguments)
        await queue.bind(exchange)
        return exchange

    async def publish(self, envelope: Envelope) -> None:
        """Persistent and confirmed; mandatory where somebody must get it."""
        wanted = bool(consumers_of(envelope.type))
        await self._events.publish(_message(envelope), envelope.type, mandatory=wanted)

    async def broadcast(self, envelope: Envelope) -> None:
        """To whoever listens now."""
        await self._lossy.publish(_message(envelope, persistent=False), envelope.type, mandatory=False)

    async def subscribe(self, room: str, type: str, handler: Handler) -> None:
        """Consume the room's queue, one at a time, on a channel of its own."""
        channel = await self._connection.channel(publisher_confirms=True)
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.declare_queue(queue_name(room, type), durable=True, arguments=QUORUM)
        turn = asyncio.Lock()

        async def deliver(message: AbstractIncomingMessage) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._busy.add(task)
            try:
                async with turn:
                    await self._deliver(message, room, handler)
            finally:
                self._busy.discard(task)

        self._consumers.append((queue, await queue.consume(deliver)))

    async def _deliver(self, message: AbstractIncomingMessage, room: str, handler: Handler) -> None:
        """Handle, then acknowledge; on failure publish to the next tier first, then acknowledge."""
        envelope = Envelope.model_validate_json(message.body)
        attempt = int(str(message.headers.get("x-attempt", 0))) + 1
        try:
            await self._handle(envelope, handler)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.warning("event_failed", room=room, type=envelope.type, id=envelope.id, attempt=attempt, exc_info=True)
            await self._put_aside(envelope, room, attempt, error)
        with contextlib.suppress(aio_pika.exceptions.ChannelInvalidStateError):
            await message.ack()

    async def _handle(self, envelope: Envelope, handler: Handler) -> None:
        carrier = {"traceparent": envelope.traceparent or ""}
        token = context.attach(extract(carrier))
        try:
            with tracer.start_as_current_span(f"{envelope.type} process", kind=SpanKind.CONSUMER):
                await handler(envelope)
        finally:
            context.detach(token)

    async def _put_aside(self, envelope: Envelope, room: str, attempt: int, error: Exception) -> None:
        headers: dict[str, Any] = {"x-attempt": attempt, "x-room": room, "x-reason": f"{type(error).__name__}: {error}"[:1000]}
        if isinstance(error, Reject) or attempt > len(self._retries):
            await self._channel.default_exchange.publish(_message(envelope, **headers), DEAD)
        else:
            exchange = self._retries[attempt - 1]
            await exchange.publish(_message(envelope, **headers), queue_name(room, envelope.type))

    @asynccontextmanager
    async def listen(self, types: Sequence[str]) -> AsyncIterator[AsyncIterator[Envelope]]:
        """Broadcasts of `types` through an exclusive queue of bounded length."""
        channel = await self._connection.channel()
        arguments = {"x-max-length": 1000, "x-overflow": "drop-head"}
        queue = await channel.declare_queue(exclusive=True, auto_delete=True, arguments=arguments)
        for type in types:
            await queue.bind(BROADCAST, type)

        async def stream() -> AsyncIterator[Envelope]:
            async with queue.iterator(no_ack=True) as messages:
                async for message in messages:
                    yield Envelope.model_validate_json(message.body)

        try:
            yield stream()
        finally:
            await channel.close()

    @asynccontextmanager
    async def _dead_letters(self) -> AsyncIterator[list[AbstractIncomingMessage]]:
        """Everything in the dead-letter queue, unacknowledged; what the block leaves goes back."""
        channel = await self._connection.channel(publisher_confirms=True)
        try:
            queue = await channel.declare_queue(DEAD, durable=True, passive=True)
            found: list[AbstractIncomingMessage] = []
            while (message := await queue.get(fail=False)) is not None:
                found.append(message)
            yield found
        finally:
            await channel.close()

    async def dead(self, room: str | None = None) -> list[DeadLetter]:
        """Dead letters, oldest first."""
        async with self._dead_letters() as messages:
            letters = [_letter(message) for message in messages]
        return [letter for letter in letters if room in (None, letter.room)]

    async def replay(self, id: str) -> bool:
        """Publish it to its room's queue again, then take it out."""
        async with self._dead_letters() as messages:
            for message in messages:
                letter = _letter(message)
                if letter.id == id:
                    target = queue_name(letter.room, letter.envelope.type)
                    await self._channel.default_exchange.publish(_message(letter.envelope), target)
                    await message.ack()
                    return True
        return False

    async def ping(self) -> None:
        """Raise unless the connection is up."""
        if not self._connection.connected.is_set():
            raise ConnectionError("the broker is away")

    async def close(self) -> None:
        """Stop consuming, let running handlers finish, close."""
        for queue, tag in self._consumers:
            with contextlib.suppress(Exception):
                await queue.cancel(tag)
        await asyncio.gather(*self._busy, return_exceptions=True)
        await self._connection.close()


def _letter(message: AbstractIncomingMessage) -> DeadLetter:
    envelope, headers = Envelope.model_validate_json(message.body), message.headers
    room = str(headers.get("x-room", ""))
    return DeadLetter(
        id=f"{room}:{envelope.id}",
        room=room,
        envelope=envelope,
        reason=str(headers.get("x-reason", "")),
        attempts=int(str(headers.get("x-attempt", 0))),
    )
