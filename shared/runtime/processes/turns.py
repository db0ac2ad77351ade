"""Places for concurrent work of requests: a project leaves one for others, and projects that wait take turns."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most `places` holders at once, and all but one (but at least one) of the same project."""

    def __init__(self, places: int) -> None:
        self._free, self._most = places, max(1, places - 1)
        self._held: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._last_turn: dict[str, int] = {}

    @asynccontextmanager
    async def place(self, project: str) -> AsyncIterator[None]:
        """Hold a place within the block."""
        await self.acquire(project)
        try:
            yield
        finally:
            self.release(project)

    async def acquire(self, project: str) -> None:
        """Wait for a place: first come, first served within a project."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((project, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove((project, turn))
            else:
                self.release(project)
            raise

    def release(self, project: str) -> None:
        """Give a place back."""
        self._free += 1
        self._held[project] -= 1
        self._serve()

    def _serve(self) -> None:
        """Give free places to the projects whose last turn is the longest ago."""
        while self._free:
            ready = [each for each in self._waiting if self._held[each[0]] < self._most and not each[1].done()]
            if not ready:
                return
            project, turn = first = min(ready, key=lambda each: self._last_turn.get(each[0], 0))
            self._waiting.remove(first)
            self._last_turn[project] = max(self._last_turn.values(), default=0) + 1
            self._free -= 1
            self._held[project] += 1
            turn.set_result(None)
