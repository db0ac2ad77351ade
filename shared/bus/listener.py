"""A bounded buffer between broadcasts and one who listens: when it is slow, the oldest are lost."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from shared.events.envelope import Envelope

BUFFER = 1024


class Listener:
    """Takes what is of interest, hands it out in order."""

    def __init__(self, types: Sequence[str], size: int = BUFFER) -> None:
        self._types = frozenset(types)
        self._buffer: deque[Envelope] = deque(maxlen=size)
        self._changed = asyncio.Event()
        self._ended = False

    def offer(self, envelope: Envelope) -> None:
        """Take it if it is of interest."""
        if envelope.type in self._types:
            self._buffer.append(envelope)
            self._changed.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._changed.set()

    async def stream(self) -> AsyncIterator[Envelope]:
        """What is buffered, then what comes, until the end."""
        while True:
            while self._buffer:
                yield self._buffer.popleft()
            if self._ended:
                return
            self._changed.clear()
            await self._changed.wait()
