"""Delivers one queue to its handler, one at a time, and acknowledges in groups."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import aio_pika
import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from shared.bus.delivery import handle_delivery
from shared.bus.metrics import age_of
from shared.bus.protocol import Handler, Reject
from shared.events.envelope import Envelope

SYSTEM = "rabbitmq"
LOST = (*aio_pika.exceptions.CONNECTION_EXCEPTIONS, TimeoutError)
"""aio-pika's exceptions for a lost connection or channel."""
BEST_EFFORT_TIMEOUT_S = 1.0
"""Limit of operations that may be skipped while the broker is unavailable."""
ACKNOWLEDGE_WITHIN = 0.005
PAUSE = 1.0
"""Seconds before a delivery is requeued whose outcome the broker did not accept."""

FailureHandler = Callable[[AbstractIncomingMessage, str, BaseException], Awaitable[None]]
"""Publishes a failed delivery to a retry tier or to the dead-letter queue."""

log = structlog.get_logger(__name__)


class Subscription:
    """Delivers one queue to its handler, one at a time, until it is stopped."""

    def __init__(self, queue: AbstractQueue, handler: Handler, put_aside: FailureHandler) -> None:
        self._queue, self._handler, self._retry_or_dead_letter = queue, handler, put_aside
        self._waiting: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        self._current: AbstractIncomingMessage | None = None
        self._stopping = False
        self._tag: str | None = None
        self._handled: AbstractIncomingMessage | None = None
        self._acknowledging: asyncio.Task[None] | None = None
        self._running = asyncio.create_task(self._run(), name=queue.name)

    async def start(self) -> None:
        """Start consuming; aio-pika repeats this after a reconnection."""
        self._tag = await self._queue.consume(self._waiting.put)

    async def stop(self) -> None:
        """Stop after the running handler is acknowledged; the rest is requeued when the channel closes."""
        self._stopping = True
        self._waiting.put_nowait(None)
        await self._running
        if self._acknowledging is not None:
            await self._acknowledging
        if self._tag is not None:
            with contextlib.suppress(*LOST):
                async with asyncio.timeout(BEST_EFFORT_TIMEOUT_S):
                    await self._queue.cancel(self._tag)

    async def _run(self) -> None:
        while (message := await self._waiting.get()) is not None and not self._stopping:
            try:
                _ = message.channel  # raises for a delivery of a lost connection: it will be redelivered
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
        """Number of received deliveries that are not handled yet, and the age of the oldest."""
        if self._current is None:
            return 0, 0.0
        return 1 + self._waiting.qsize(), age_of(self._current.timestamp)

    async def _deliver(self, message: AbstractIncomingMessage) -> None:
        """Handle, then acknowledge; after a failure, publish to the next tier before acknowledging."""
        try:
            envelope = Envelope.model_validate_json(message.body)
        except ValueError as unreadable:
            await self._retry_or_dead_letter(message, self._queue.name, Reject(f"not a CloudEvent: {unreadable}"))
        else:
            error = await handle_delivery(envelope, self._handler, system=SYSTEM, queue=self._queue.name)
            if error is not None:
                await self._retry_or_dead_letter(message, self._queue.name, error)
        self._handled = message
        if self._acknowledging is None or self._acknowledging.done():
            self._acknowledging = asyncio.create_task(self._acknowledge())

    async def _acknowledge(self) -> None:
        """Acknowledge the deliveries of the last milliseconds in one frame: they are handled in order."""
        while self._handled is not None:
            await asyncio.sleep(ACKNOWLEDGE_WITHIN)
            message, self._handled = self._handled, None
            with contextlib.suppress(*LOST):  # the channel is lost: it will be redelivered
                await message.ack(multiple=True)
