"""One queue's deliveries, one at a time, to its handler; what was handled is acknowledged in groups."""

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
"""What aio-pika raises when the connection or its channel has gone."""
BEST_EFFORT_TIMEOUT_S = 1.0
"""Seconds for what may as well not happen while the broker is away."""
ACKNOWLEDGE_WITHIN = 0.005
PAUSE = 1.0
"""Seconds before a delivery goes back whose outcome the broker did not take."""

FailureHandler = Callable[[AbstractIncomingMessage, str, BaseException], Awaitable[None]]
"""Puts a delivery of a queue where it waits for its next attempt, or to the dead letters."""

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
                async with asyncio.timeout(BEST_EFFORT_TIMEOUT_S):
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
            await self._retry_or_dead_letter(message, self._queue.name, Reject(f"not a CloudEvent: {unreadable}"))
        else:
            error = await handle_delivery(envelope, self._handler, system=SYSTEM, queue=self._queue.name)
            if error is not None:
                await self._retry_or_dead_letter(message, self._queue.name, error)
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
