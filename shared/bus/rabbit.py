"""The bus on RabbitMQ through aio-pika: quorum queues, confirmed persistent publishes, retry tiers, dead letters.

Every process declares the topology before it publishes:

- `anneal.events` (topic): one quorum queue `anneal.<service>.<type>` per service and event, bound by the event's type;
- `anneal.retry.<n>s` (fanout → quorum queue with a queue-level TTL → default exchange): a failed delivery is published
  there with its service's queue as routing key, and returns when the TTL has passed;
- `anneal.dead`: the dead-letter queue, with service and reason in the headers;
- `anneal.broadcast` (topic): lossy, to one exclusive queue per listening process.

Our own `x-attempt` header counts attempts: a quorum queue's delivery count also grows when connections drop, so its
limit is high. The broker's own moves (TTL, delivery limit) are at-least-once.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

import aio_pika
import structlog
from aio_pika import ExchangeType, Message
from aio_pika.abc import (
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
    AbstractRobustChannel,
    AbstractRobustConnection,
)

from shared.bus.listener import BUFFER, Listener
from shared.bus.metrics import ALL_SERVICES, EventMetrics, Waiting
from shared.bus.protocol import RETRY_DELAYS, DeadLetter, Handler, next_attempt
from shared.bus.publishing import publishing
from shared.bus.rabbit_dead_letters import DeadLetterQueue
from shared.bus.rabbit_messages import attempts_of, copy_of, message_of
from shared.bus.rabbit_subscription import BEST_EFFORT_TIMEOUT_S, LOST, SYSTEM, Subscription
from shared.bus.topology import Names
from shared.events.envelope import Envelope
from shared.events.registry import CONSUMERS, consumers_of
from shared.runtime.telemetry.metrics import Metrics

PREFETCH = 64
HEARTBEAT = 10
"""Seconds between heartbeats; a half-open connection is noticed within about two of them, on either side."""
RECONNECT_INTERVAL = 1.0
BROKER_TIMEOUT_S = 10.0
"""Limit of a publish, a connection attempt and a ping."""
PUBLISHER_CHANNELS = 4
"""Concurrent publisher channels: aiormq lets only one publish per channel wait for the socket."""

log = structlog.get_logger(__name__)


class RabbitBus:
    """One connection to one broker. It reconnects by itself and restores its consumers."""

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
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self._listeners: set[Listener] = set()
        self._bound_types: set[str] = set()
        self._broadcast_queue: AbstractQueue | None = None
        self._binding = asyncio.Lock()
        self.metrics = EventMetrics(metrics or Metrics(), self._read_queues)

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
        """Connect and declare the whole topology. Raises ConnectionError when the broker does not answer."""
        connection = await aio_pika.connect_robust(
            url, timeout=BROKER_TIMEOUT_S, reconnect_interval=RECONNECT_INTERVAL, heartbeat=HEARTBEAT
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
        self._dead = await channel.declare_queue(names.dead, durable=True, arguments=names.dead_letter_arguments())
        events = await channel.declare_exchange(names.events, ExchangeType.TOPIC, durable=True)
        for event, services in CONSUMERS.items():
            for service in services:
                queue = await self._declare_queue(channel, service, event.type)
                await queue.bind(events, event.type)
        self._publishers = cycle([await self._open_publisher() for _ in range(PUBLISHER_CHANNELS)])
        self._retries = [await self._declare_retry(delay) for delay in self._delays]
        self._lossy_channel = await self._connection.channel(publisher_confirms=False)
        self._lossy = await self._lossy_channel.declare_exchange(names.broadcast, ExchangeType.TOPIC, durable=True)
        self._dead_letters = DeadLetterQueue(await self._connection.channel(publisher_confirms=False), names)
        self._counting = await self._connection.channel(publisher_confirms=False)

    async def _open_publisher(self) -> AbstractExchange:
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        return await channel.get_exchange(self._names.events, ensure=False)

    async def _declare_queue(self, channel: AbstractRobustChannel, service: str, type: str) -> Any:
        arguments = self._names.quorum(**{"x-dead-letter-routing-key": self._names.dead})
        return await channel.declare_queue(self._names.queue(service, type), durable=True, arguments=arguments)

    async def _declare_retry(self, delay: float) -> Any:
        name, arguments = self._names.retry(delay), self._names.quorum(**{"x-message-ttl": int(delay * 1000)})
        exchange = await self._channel.declare_exchange(name, ExchangeType.FANOUT, durable=True)
        queue = await self._channel.declare_queue(name, durable=True, arguments=arguments)
        await queue.bind(exchange)
        return exchange

    async def publish(self, envelope: Envelope) -> None:
        """Publish persistently with confirmation, mandatory where a consumer is registered. Raises on a timeout."""
        destination = f"{self._names.events}:{envelope.type}"
        with publishing(envelope, system=SYSTEM, destination=destination) as sent:
            await self._put(
                next(self._publishers), message_of(sent), sent.type, mandatory=bool(consumers_of(sent.type))
            )
        self.metrics.published(envelope)

    async def _put(self, exchange: Any, message: Message, routing_key: str, *, mandatory: bool = True) -> None:
        async with asyncio.timeout(BROKER_TIMEOUT_S):
            await exchange.channel.ready()
            await exchange.publish(message, routing_key, mandatory=mandatory)

    async def broadcast(self, envelope: Envelope) -> None:
        """Send to the current listeners; dropped while the broker is unavailable."""
        if not self._connection.connected.is_set():
            return
        with contextlib.suppress(*LOST):
            async with asyncio.timeout(BEST_EFFORT_TIMEOUT_S):
                await self._lossy.publish(message_of(envelope, persistent=False), envelope.type, mandatory=False)
                self.metrics.published(envelope)

    async def subscribe(self, service: str, type: str, handler: Handler) -> None:
        """Consume the service's queue, one delivery at a time, on its own channel; waits for a lost connection."""
        if (service, type) in self._subscriptions:
            raise ValueError(f"{service} already subscribes to {type}")
        handler = self.metrics.metered(service, type, handler)
        subscription = None
        while subscription is None:
            subscription = await self._try_to_subscribe(service, type, handler)
        self._subscriptions[service, type] = subscription

    async def _try_to_subscribe(self, service: str, type: str, handler: Handler) -> Subscription | None:
        """Subscribe; None where the connection was lost meanwhile."""
        channel, subscription = None, None
        try:
            async with asyncio.timeout(BROKER_TIMEOUT_S):
                await self._connection.connected.wait()
                channel = await self._connection.channel(publisher_confirms=False)
                await channel.set_qos(prefetch_count=PREFETCH)
                queue = await self._declare_queue(channel, service, type)
                subscription = Subscription(queue, handler, self._retry_or_dead_letter)
                await subscription.start()
                return subscription
        except LOST as error:
            log.warning("subscription_delayed", service=service, event_type=type, reason=repr(error))
            if subscription is not None:
                await subscription.stop()
            if channel is not None:  # or the reconnection would restore it, and a consumer beside the next one
                with contextlib.suppress(*LOST):
                    await channel.close()
            await asyncio.sleep(RECONNECT_INTERVAL)
            return None

    async def _retry_or_dead_letter(self, message: AbstractIncomingMessage, queue: str, error: BaseException) -> None:
        """Publish to the next retry tier, or to the dead-letter queue after the last tier and for a Reject."""
        attempts, tier = next_attempt(attempts_of(message), error, len(self._retries))
        final, reason = tier is None, f"{type(error).__name__}: {error}"
        headers = {"x-attempt": attempts, "x-queue": queue, "x-reason": reason[:1000]}
        if tier is None:
            headers |= {"x-dead-id": uuid.uuid4().hex, "x-dead-at": time.time_ns()}
            await self._requeue(copy_of(message, **headers), self._names.dead)
        else:
            await self._put(self._retries[tier], copy_of(message, **headers), queue)
        self.metrics.failed(self._names.service(queue), self._names.type(queue), final=final)
        log.warning(
            "event_dead" if final else "event_retried",
            service=self._names.service(queue),
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
            await self._receive(types)
            yield listener.stream()
        finally:
            self._listeners.discard(listener)

    async def _receive(self, types: Sequence[str]) -> None:
        """Bind these types to this process's one exclusive queue, which is declared on first use."""
        async with self._binding:
            fresh = set(types) - self._bound_types
            self._bound_types |= fresh
            if self._broadcast_queue is None:
                channel = await self._connection.channel(publisher_confirms=False)
                await self._open_broadcast_queue(channel)
                channel.reopen_callbacks.add(self._open_broadcast_queue)
            elif fresh:
                await self._bind(self._broadcast_queue, fresh)

    async def _open_broadcast_queue(self, channel: Any, *_: object) -> None:
        """Declare a queue that the broker names: the old one may still be locked by a lost connection."""
        arguments = {"x-max-length": BUFFER, "x-overflow": "drop-head"}
        queue = await channel.declare_queue(exclusive=True, auto_delete=True, arguments=arguments, robust=False)
        self._broadcast_queue = queue
        await self._bind(queue, self._bound_types)
        await queue.consume(self._dispatch, no_ack=True, robust=False)

    async def _bind(self, queue: Any, types: set[str]) -> None:
        for type in types:
            await queue.bind(self._names.broadcast, type, robust=False)

    async def _dispatch(self, message: AbstractIncomingMessage) -> None:
        envelope = Envelope.model_validate_json(message.body)
        for listener in self._listeners:
            listener.offer(envelope)

    async def dead(self, service: str | None = None) -> list[DeadLetter]:
        """Dead letters, oldest first."""
        return [letter for letter in await self._dead_letters.letters() if service in (None, letter.service)]

    async def replay(self, *ids: str) -> int:
        """Publish dead letters to their services' queues again, then remove them."""
        return await self._dead_letters.replay(ids, self._requeue)

    async def _requeue(self, message: Message, queue: str) -> None:
        await self._put(self._channel.default_exchange, message, queue)

    async def _read_queues(self) -> tuple[Waiting, list[tuple[str, int]]]:
        """Depth and age of our queues, with the deliveries that we hold; all dead letters are in one queue.

        A replica does not see what another one holds: the largest depth and age of all replicas are the true ones.
        """
        await self._counting.ready()
        found = []
        for (service, type), subscription in list(self._subscriptions.items()):
            held, age = subscription.held()
            found.append((service, type, held + await self._depth(self._names.queue(service, type)), age))
        return found, [(ALL_SERVICES, await self._depth(self._names.dead))]

    async def _depth(self, queue: str) -> int:
        declared = await self._counting.declare_queue(queue, passive=True, robust=False)
        return declared.declaration_result.message_count or 0

    async def ping(self) -> None:
        """Raise unless the broker answers."""
        transport = self._connection.transport
        if transport is None or not self._connection.connected.is_set():
            raise ConnectionError("the broker is away")
        channel = await transport.connection.channel(publisher_confirms=False, timeout=BROKER_TIMEOUT_S)
        await channel.close()

    async def close(self) -> None:
        """Stop consuming, let running handlers finish, end the listeners, close the connection."""
        await asyncio.gather(*(subscription.stop() for subscription in self._subscriptions.values()))
        for listener in self._listeners:
            listener.end()
        await self._connection.close()
