"""The dead-letter queue of all services: list and replay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel

from shared.bus.protocol import DeadLetter
from shared.bus.rabbit_messages import attempts_of, copy_of, died_at, envelope_of, last_death, letter_id, queue_of
from shared.bus.topology import Names

NEXT_LETTER_TIMEOUT_S = 10.0
"""Limit of one basic.get."""

Requeue = Callable[[Message, str], Awaitable[None]]
"""Publishes a message to a queue; returns when the broker has it."""


class DeadLetterQueue:
    """Uses its own channel, so that the broker sees requeued messages before the next read."""

    def __init__(self, channel: AbstractRobustChannel, names: Names) -> None:
        self._channel, self._names, self._lock = channel, names, asyncio.Lock()

    async def letters(self) -> list[DeadLetter]:
        """All dead letters, oldest first. Another process that lists them at the same moment sees fewer."""
        async with self._messages() as messages:
            return [self._letter(message) for message in messages]

    async def replay(self, ids: Collection[str], requeue: Requeue) -> int:
        """Publish dead letters to their services' queues again, then remove them; return how many."""
        async with self._messages() as messages:
            chosen = [message for message in messages if letter_id(message) in ids]
            for message in chosen:
                await requeue(copy_of(message), queue_of(message))
                await message.ack()
        return len(chosen)

    @asynccontextmanager
    async def _messages(self) -> AsyncIterator[list[AbstractIncomingMessage]]:
        """Yield every message of the queue, unacknowledged; those that the block does not acknowledge are requeued."""
        async with self._lock:
            await self._channel.ready()
            queue = await self._channel.get_queue(self._names.dead, ensure=False)
            found: list[AbstractIncomingMessage] = []
            try:
                while (message := await queue.get(fail=False, timeout=NEXT_LETTER_TIMEOUT_S)) is not None:
                    found.append(message)
                yield sorted(found, key=died_at)
            finally:
                if rest := [message for message in found if not message.processed]:
                    await rest[-1].nack(multiple=True, requeue=True)

    def _letter(self, message: AbstractIncomingMessage) -> DeadLetter:
        queue = queue_of(message)
        return DeadLetter(
            id=letter_id(message),
            service=self._names.service(queue),
            envelope=envelope_of(message, queue),
            reason=str(message.headers.get("x-reason") or f"the broker gave up: {last_death(message).get('reason')}"),
            attempts=attempts_of(message),
        )
