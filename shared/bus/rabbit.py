"""The bus on RabbitMQ through aio-pika: quorum queues, confirmed persistent publishes, retry tiers, dead letters.

Topology, declared by every process before it publishes:

- `anneal.events` (topic): one quorum queue `anneal.<room>.<type>` per room and event, bound by the event's type;
- `anneal.retry.<n>s` (fanout → quorum queue with a queue-level TTL → default exchange): a failed delivery is published
  there with its room's queue as routing key and comes back when the TTL has passed;
- `anneal.dead`: what could not be handled, with room and reason in its headers;
- `anneal.broadcast` (topic): lossy, to one exclusive queue per process that listens.

Attempts count in our own `x-attempt` header: a quorum queue's delivery count also grows when connections drop, so its
limit stays high. What the broker itself moves on (TTL, delivery limit) it moves at least once, not at most once.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import structlog
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue, AbstractRobustChannel, AbstractRobustConnection

from shared.bus.attempt import attempt
from shared.bus.listener import BUFFER, Listener
from shared.bus.metrics import EVERY_ROOM, EventMetrics, Waiting, age_of
from shared.bus.protocol import RETRY_DELAYS, DeadLetter, Handler, Reject
from shared.bus.publishing import publishing
from shared.bus.topology import Names
from shared.events.envelope import Envelope
from shared.events.registry import CONSUMERS, consumers_of
from shared.runtime.metrics import Metrics

PREFETCH = 64
HEARTBEAT = 10
"""Seconds between heartbeats; a half-open connection is noticed within about two of them, on either side."""
RECONNECT_INTERVAL = 1.0
PATIENCE = 10.0
"""Seconds that a publish waits for the broker before it raises."""
LOSSY_PATIENCE = 1.0
ACKNOWLEDGE_WITHIN = 0.005
PAUSE = 1.0
"""Seconds before a delivery goes back whose outcome the broker did not take."""
LOST = (*aio_pika.exceptions.CONNECTION_EXCEPTIONS, TimeoutError)
CONTENT_TYPE = "application/cloudevents+json"
SYSTEM = "rabbitmq"

log = structlog.get_logger(__name__)


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


def _again(message: AbstractIncomingMessage, **headers: Any) -> Message:
    """The same body and properties as a new message; of its headers only the trace."""
    return Message(
        message.body,
        content_type=message.content_type,
        message_id=message.message_id,
        type=message.type,
        timestamp=message.timestamp,
        correlation_id=message.correlation_id,
        delivery_mode=DeliveryMode.PERSISTENT,
        headers={"traceparent": message.headers.get("traceparent", ""), **headers},
    )


def _attempts(message: AbstractIncomingMessage) -> int:
    return int(str(message.headers.get("x-attempt", 0)))


class _Subscription:
    """Delivers one queue to its handler, one at a time, until it is stopped."""

    def __init__(self, bus: "RabbitBus", queue: AbstractQueue, room: str, handler: Handler) -> None:
        self._bus, self._queue, self._room, self._handler = bus, queue, room, handler
        self._waiting: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        self._current: AbstractIncomingMessage | None = None
        self._stopping = False
        self._tag: str | None = None
        self._handled: AbstractIncomingMessage | None = None
        self._acknowledging: asyncio.Task[None] | None = None
        self._running = asyncio.create_task(self._run(), name=queue.name)

    async def start(self) -> None:
        """Consume; aio-pika does so again after a reconnection."""
        self._tag = await self._queue.consume(self._waiting.put)

    async def stop(self) -> None:
        """Let the running handler finish and be acknowledged; deliver no more. The rest goes back with the channel."""
        self._stopping = True
        self._waiting.put_nowait(None)
        await self._running
        if self._acknowledging is not None:
            await self._acknowledging
        if self._tag is not None:
            with contextlib.suppress(*LOST):
                async with asyncio.timeout(LOSSY_PATIENCE):
                    await self._queue.cancel(self._tag)

    async def _run(self) -> None:
        while (message := await self._waiting.get()) is not None and not self._stopping:
            try:
                _ = message.channel  # raises for a delivery of a connection that has gone: it comes again
                self._current = message
                await self._deliver(message)
            except aio_pika.exceptions.ChannelInvalidStateError:
                continue
            except Exception:
                log.exception("delivery_unsettled", queue=self._queue.name, event_id=message.message_id)
                await asyncio.sleep(PAUSE)
                with contextlib.suppress(*LOST):
                    await message.nack(requeue=True)
            finally:
                self._current = None

    def held(self) -> tuple[int, float]:
        """Deliveries that were handed to us and are not yet handled, and the age of the oldest: the one in hand."""
        if self._current is None:
            return 0, 0.0
        return 1 + self._waiting.qsize(), age_of(self._current.timestamp)

    async def _deliver(self, message: AbstractIncomingMessage) -> None:
        """Handle, then acknowledge; on failure publish to the next tier first, then acknowledge."""
        try:
            envelope = Envelope.model_validate_json(message.body)
        except ValueError as unreadable:
            await self._bus.put_aside(message, self._queue.name, Reject(f"not a CloudEvent: {unreadable}"))
        else:
            error = await attempt(envelope, self._handler, system=SYSTEM, queue=self._queue.name)
            if error is not None:
                await self._bus.put_aside(message, self._queue.name, error)
        self._handled = message
        if self._acknowledging is None or self._acknowledging.done():
            self._acknowledging = asyncio.create_task(self._acknowledge())

    async def _acknowledge(self) -> None:
        """Acknowledge in one frame what was handled within a moment: deliveries are handled in order."""
        while self._handled is not None:
            await asyncio.sleep(ACKNOWLEDGE_WITHIN)
            message, self._handled = self._handled, None
            with contextlib.suppress(*LOST):  # the channel has gone: it comes again
                await message.ack(multiple=True)


class RabbitBus:
    """One connection to one broker; it reconnects by itself and its consumers come back with it."""

    def __init__(
        self,
        connection: AbstractRobustConnection,
        channel: AbstractRobustChannel,
        names: Names,
        retry_delays: Sequence[float],
        listener_buffer: int,
        metrics: Metrics | None = None,
    ) -> None:
        self._connection, self._channel, self._names = connection, channel, names
        self._delays, self._listener_buffer = retry_delays, listener_buffer
        self._subscriptions: dict[tuple[str, str], _Subscription] = {}
        self._listeners: set[Listener] = set()
        self._heard: set[str] = set()
        self._ear: AbstractQueue | None = None
        self._tuning, self._digging = asyncio.Lock(), asyncio.Lock()
        self.metrics = EventMetrics(metrics or Metrics(), self._look)

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        listener_buffer: int = BUFFER,
        names: Names = Names(),
        metrics: Metrics | None = None,
    ) -> "RabbitBus":
        """Connect and declare the whole topology. Raises ConnectionError when the broker is away."""
        connection = await aio_pika.connect_robust(
            url, timeout=PATIENCE, reconnect_interval=RECONNECT_INTERVAL, heartbeat=HEARTBEAT
        )
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            bus = cls(connection, channel, names, retry_delays, listener_buffer, metrics)
            await bus._declare()
        except BaseException:
            await connection.close()
            raise
        return bus

    async def _declare(self) -> None:
        channel, names = self._channel, self._names
        self._dead = await channel.declare_queue(names.dead, durable=True, arguments=names.graves())
        self._events = await channel.declare_exchange(names.events, ExchangeType.TOPIC, durable=True)
        for event, rooms in CONSUMERS.items():
            for room in rooms:
                queue = await self._declare_queue(channel, room, event.type)
                await queue.bind(self._events, event.type)
        self._retries = [await self._declare_retry(delay) for delay in self._delays]
        self._lossy_channel = await self._connection.channel(publisher_confirms=False)
        self._lossy = await self._lossy_channel.declare_exchange(names.broadcast, ExchangeType.TOPIC, durable=True)
        self._graveyard = await self._connection.channel(publisher_confirms=False)
        self._counting = await self._connection.channel(publisher_confirms=False)

    async def _declare_queue(self, channel: AbstractRobustChannel, room: str, type: str) -> Any:
        arguments = self._names.quorum(**{"x-dead-letter-routing-key": self._names.dead})
        return await channel.declare_queue(self._names.queue(room, type), durable=True, arguments=arguments)

    async def _declare_retry(self, delay: float) -> Any:
        name, arguments = self._names.retry(delay), self._names.quorum(**{"x-message-ttl": int(delay * 1000)})
        exchange = await self._channel.declare_exchange(name, ExchangeType.FANOUT, durable=True)
        queue = await self._channel.declare_queue(name, durable=True, arguments=arguments)
        await queue.bind(exchange)
        return exchange

    async def publish(self, envelope: Envelope) -> None:
        """Persistent and confirmed; mandatory where somebody must get it. Raises when the broker stays away."""
        destination = f"{self._names.events}:{envelope.type}"
        with publishing(envelope, system=SYSTEM, destination=destination) as sent:
            await self._put(self._events, _message(sent), sent.type, mandatory=bool(consumers_of(sent.type)))
        self.metrics.published(envelope)

    async def _put(self, exchange: Any, message: Message, routing_key: str, *, mandatory: bool = True) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._channel.ready()
            await exchange.publish(message, routing_key, mandatory=mandatory)

    async def broadcast(self, envelope: Envelope) -> None:
        """To whoever listens now; while the broker is away, to nobody."""
        if not self._connection.connected.is_set():
            return
        with contextlib.suppress(*LOST):
            async with asyncio.timeout(LOSSY_PATIENCE):
                await self._lossy.publish(_message(envelope, persistent=False), envelope.type, mandatory=False)
                self.metrics.published(envelope)

    async def subscribe(self, room: str, type: str, handler: Handler) -> None:
        """Consume the room's queue, one at a time, on a channel of its own."""
        if (room, type) in self._subscriptions:
            raise ValueError(f"{room} already subscribes to {type}")
        channel = await self._connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await self._declare_queue(channel, room, type)
        self._subscriptions[room, type] = subscription = _Subscription(
            self, queue, room, self.metrics.metered(room, type, handler)
        )
        await subscription.start()

    async def put_aside(self, message: AbstractIncomingMessage, queue: str, error: BaseException) -> None:
        """To the next retry tier, or to the dead letters after the last one and for a Reject."""
        attempts, reason = _attempts(message) + 1, f"{type(error).__name__}: {error}"
        final = isinstance(error, Reject) or attempts > len(self._retries)
        headers = {"x-attempt": attempts, "x-queue": queue, "x-reason": reason[:1000]}
        if final:
            headers |= {"x-dead-id": uuid.uuid4().hex, "x-dead-at": time.time_ns()}
            await self._put(self._channel.default_exchange, _again(message, **headers), self._names.dead)
        else:
            await self._put(self._retries[attempts - 1], _again(message, **headers), queue)
        self.metrics.failed(self._names.room(queue), self._names.type(queue), final=final)
        log.warning(
            "event_dead" if final else "event_retried",
            room=self._names.room(queue),
            event_type=message.type,
            event_id=message.message_id,
            attempts=attempts,
            reason=reason,
        )

    @asynccontextmanager
    async def listen(self, types: Sequence[str]) -> AsyncIterator[AsyncIterator[Envelope]]:
        """Broadcasts of `types` from now on; a slow listener loses the oldest."""
        listener = Listener(types, self._listener_buffer)
        self._listeners.add(listener)
        try:
            await self._hear(types)
            yield listener.stream()
        finally:
            self._listeners.discard(listener)

    async def _hear(self, types: Sequence[str]) -> None:
        """See to it that this process's one exclusive queue is there and gets these types."""
        async with self._tuning:
            fresh = set(types) - self._heard
            self._heard |= fresh
            if self._ear is None:
                channel = await self._connection.channel(publisher_confirms=False)
                await self._tune_in(channel)
                channel.reopen_callbacks.add(self._tune_in)
            elif fresh:
                await self._bind(self._ear, fresh)

    async def _tune_in(self, channel: Any, *_: object) -> None:
        """A fresh queue with a name of the broker's making: the old one may still be locked by a lost connection."""
        arguments = {"x-max-length": BUFFER, "x-overflow": "drop-head"}
        self._ear = await channel.declare_queue(exclusive=True, auto_delete=True, arguments=arguments, robust=False)
        await self._bind(self._ear, self._heard)
        await self._ear.consume(self._hand_out, no_ack=True, robust=False)  # type: ignore[call-arg]

    async def _bind(self, queue: Any, types: set[str]) -> None:
        for type in types:
            await queue.bind(self._names.broadcast, type, robust=False)

    async def _hand_out(self, message: AbstractIncomingMessage) -> None:
        envelope = Envelope.model_validate_json(message.body)
        for listener in self._listeners:
            listener.offer(envelope)

    @asynccontextmanager
    async def _dead_letters(self) -> AsyncIterator[list[AbstractIncomingMessage]]:
        """Everything in the dead-letter queue, oldest first, unacknowledged; what the block leaves goes back.

        Always on one channel: the broker then sees what goes back before the next look. A second process that looks at
        the same moment sees less.
        """
        async with self._digging:
            await self._graveyard.ready()
            queue = await self._graveyard.get_queue(self._names.dead, ensure=False)
            found: list[AbstractIncomingMessage] = []
            try:
                while (message := await queue.get(fail=False, timeout=PATIENCE)) is not None:
                    found.append(message)
                yield sorted(found, key=_died_at)
            finally:
                if rest := [message for message in found if not message.processed]:
                    await rest[-1].nack(multiple=True, requeue=True)

    async def dead(self, room: str | None = None) -> list[DeadLetter]:
        """Dead letters, oldest first."""
        async with self._dead_letters() as messages:
            letters = [self._letter(message) for message in messages]
        return [letter for letter in letters if room in (None, letter.room)]

    async def replay(self, *ids: str) -> int:
        """Publish each to its room's queue again, then take it out."""
        async with self._dead_letters() as messages:
            wanted = [message for message in messages if _letter_id(message) in ids]
            for message in wanted:
                await self._put(self._channel.default_exchange, _again(message), _queue_of(message))
                await message.ack()
        return len(wanted)

    def _letter(self, message: AbstractIncomingMessage) -> DeadLetter:
        queue = _queue_of(message)
        return DeadLetter(
            id=_letter_id(message),
            room=self._names.room(queue),
            envelope=_envelope_of(message, queue),
            reason=str(message.headers.get("x-reason") or f"the broker gave up: {_last_death(message).get('reason')}"),
            attempts=_attempts(message),
        )

    async def _look(self) -> tuple[Waiting, list[tuple[str, int]]]:
        """What the broker has for our queues and what we hold of it; all dead letters lie in one queue.

        A replica does not see what another one holds: the oldest of each is the truth, and so is the largest depth.
        """
        await self._counting.ready()
        found = []
        for (room, type), subscription in list(self._subscriptions.items()):
            held, age = subscription.held()
            found.append((room, type, held + await self._depth(self._names.queue(room, type)), age))
        return found, [(EVERY_ROOM, await self._depth(self._names.dead))]

    async def _depth(self, queue: str) -> int:
        declared = await self._counting.declare_queue(queue, passive=True, robust=False)
        return declared.declaration_result.message_count or 0

    async def ping(self) -> None:
        """Raise unless the broker answers."""
        transport = self._connection.transport
        if transport is None or not self._connection.connected.is_set():
            raise ConnectionError("the broker is away")
        channel = await transport.connection.channel(publisher_confirms=False, timeout=PATIENCE)
        await channel.close()

    async def close(self) -> None:
        """Stop consuming, let running handlers finish, end the listeners, close."""
        await asyncio.gather(*(subscription.stop() for subscription in self._subscriptions.values()))
        for listener in self._listeners:
            listener.end()
        await self._connection.close()


def _last_death(message: AbstractIncomingMessage) -> dict[str, Any]:
    """What the broker noted when it gave up on a message itself; the latest comes first."""
    deaths: Any = message.headers.get("x-death") or [{}]
    return dict(deaths[0])


def _queue_of(message: AbstractIncomingMessage) -> str:
    """The room's queue in which a dead letter died."""
    return str(message.headers.get("x-queue") or _last_death(message).get("queue", ""))


def _letter_id(message: AbstractIncomingMessage) -> str:
    return str(message.headers.get("x-dead-id") or f"{_queue_of(message)}:{message.message_id}")


def _died_at(message: AbstractIncomingMessage) -> float:
    """Seconds since 1970; the broker's own note has no fractions."""
    if "x-dead-at" in message.headers:
        return int(str(message.headers["x-dead-at"])) / 1e9
    at = _last_death(message).get("time")
    return at.timestamp() if at else 0.0


def _envelope_of(message: AbstractIncomingMessage, queue: str) -> Envelope:
    """The event in a dead letter, or a stand-in that shows what it was instead."""
    try:
        return Envelope.model_validate_json(message.body)
    except ValueError:
        text = message.body.decode(errors="replace")
        return Envelope(source=queue, type=message.type or "unknown", subject="", data={"unreadable": text[:10_000]})
