"""A bounded queue between broadcasts and one listener: a slow listener loses the oldest."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from shared.events.envelope import Envelope

BUFFER = 1024


class Listener:
    """Queues broadcasts of some types and yields them in order."""

    def __init__(self, types: Sequence[str], size: int = BUFFER) -> None:
        self._types = frozenset(types)
        self._buffer: deque[Envelope] = deque(maxlen=size)
        self._changed = asyncio.Event()
        self._ended = False

    def offer(self, envelope: Envelope) -> None:
        """Queue the envelope if its type is listened to."""
        if envelope.type in self._types:
            self._buffer.append(envelope)
            self._changed.set()

    def end(self) -> None:
        """End the stream once the queue is empty."""
        self._ended = True
        self._changed.set()

    async def stream(self) -> AsyncIterator[Envelope]:
        """Yield queued envelopes, then new ones, until `end`."""
        while True:
            while self._buffer:
                yield self._buffer.popleft()
            if self._ended:
                return
            self._changed.clear()
            await self._changed.wait()
