"""Counts what keys and projects use, in memory; replicas of the gateway add their counts up in documents.

A rate is a sliding window of two counters: this window's count, and the part of the previous one's that the last
`seconds` still cover (Cloudflare's approximation). Every replica writes its counts each FLUSH_INTERVAL_S and reads the
sum, so n replicas together allow at most what n - 1 of them receive within that interval beyond a limit.
"""

import asyncio
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from pydantic import BaseModel, Field

from shared.documents.protocol import Collection, Document

log = structlog.get_logger(__name__)

WINDOW_SECONDS = {"requests": 60, "tokens": 60, "upload_bytes": 24 * 3600}
FLUSH_INTERVAL_S = 2.0


class UsageDocument(BaseModel):
    """The counts of a key or project in a window of a minute or a day; its `_id` is `<target>.<seconds>.<number>`."""

    expires_at: int = Field(description="Unix time from which no window covers it")
    counts: dict[str, int] = Field(default={}, description="requests and tokens, or upload_bytes")
    streams: dict[str, int] = Field(default={}, description="open streams by gateway replica")


@dataclass
class SlidingWindow:
    """The counts of the current window, number `index` since 1970, and of the one before."""

    seconds: int
    index: int
    current: int = 0
    previous: int = 0

    def used(self, now: float) -> float:
        """What the last `seconds` used."""
        self.advance(now)
        return self.current + self.previous * (1 - now % self.seconds / self.seconds)

    def wait(self, now: float, rest: float) -> float:
        """Seconds until at most `rest` is used, if nothing is added."""
        self.advance(now)
        elapsed = now % self.seconds
        if self.current <= rest:
            return max(0.0, self.seconds * (1 - (rest - self.current) / max(self.previous, 1)) - elapsed)
        return self.seconds - elapsed + self.seconds * (1 - rest / self.current)

    def advance(self, now: float) -> None:
        """Begin the window of `now`."""
        index = int(now // self.seconds)
        if index != self.index:
            self.previous = self.current if index == self.index + 1 else 0
            self.index, self.current = index, 0


class Usage:
    """The usage of every key and project that has limits."""

    def __init__(self, documents: Collection, clock: Callable[[], float] = time.time) -> None:
        self._documents, self.clock = documents, clock
        self._replica = uuid.uuid4().hex[:12]
        self._windows: dict[tuple[str, str], SlidingWindow] = {}
        self._unsaved: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._streams: Counter[str] = Counter()
        self._streams_elsewhere: dict[str, int] = {}

    async def window(self, target: str, name: str) -> SlidingWindow:
        """The window of `name`, one of WINDOW_SECONDS; read from the documents on first use."""
        window = self._windows.get((target, name))
        if window is None:
            seconds = WINDOW_SECONDS[name]
            index = int(self.clock() // seconds)
            current, previous = [await self._count(target, name, number) for number in (index, index - 1)]
            loaded = SlidingWindow(seconds, index, current, previous)
            window = self._windows.setdefault((target, name), loaded)
        return window

    def find(self, target: str, name: str) -> SlidingWindow | None:
        """The window of `name` if something was limited by it."""
        return self._windows.get((target, name))

    def add(self, target: str, name: str, amount: int) -> None:
        """Count `amount`. Without a limit, and so without a window, nothing is counted."""
        if window := self._windows.get((target, name)):
            window.advance(self.clock())
            window.current += amount
            self._unsaved[_document_id(target, window.seconds, window.index)][name] += amount

    def streams(self, target: str) -> int:
        """The open streams, those of other replicas as of the last flush after a question."""
        self._streams[target] += 0
        return self._streams[target] + self._streams_elsewhere.get(target, 0)

    def add_stream(self, target: str, change: int) -> None:
        """Count an opened (1) or closed (-1) stream."""
        self._streams[target] += change

    async def run(self) -> None:
        """Exchange counts with the other replicas until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            try:
                await self.flush()
            except Exception:
                log.warning("usage_not_saved", exc_info=True)

    async def flush(self) -> None:
        """Write the counts since the last flush, and read those of all replicas."""
        now = self.clock()
        for target in self._streams:
            self._unsaved[_document_id(target, 60, int(now // 60))].update()
        for id in list(self._unsaved):
            await self._exchange(id)
        self._streams = Counter({target: count for target, count in self._streams.items() if count})
        for key, window in list(self._windows.items()):
            if now > (window.index + 3) * window.seconds:
                del self._windows[key]

    async def delete_expired(self) -> None:
        """Delete the documents of windows that have passed."""
        for document in await self._documents.find({"expires_at": {"$lt": int(self.clock())}}, limit=10_000):
            await self._documents.delete(document["_id"])

    async def _exchange(self, id: str) -> None:
        target, seconds, index = id.rsplit(".", 2)
        saved, streams = self._unsaved.pop(id), self._streams[target]
        try:
            document = await self._increment(id, saved, streams)
            if document is None:
                expires_at = (int(index) + 3) * int(seconds)
                empty = UsageDocument(expires_at=expires_at).model_dump()
                await self._documents.insert({"_id": id, "version": 1, **empty})
                document = await self._increment(id, saved, streams)
        except Exception:
            self._unsaved[id] += saved
            raise
        self._merge(target, int(seconds), int(index), document or {})

    async def _increment(self, id: str, counts: Counter[str], streams: int) -> Document | None:
        own = {f"streams.{self._replica}": streams}
        return await self._documents.patch(id, {}, set=own, inc={f"counts.{name}": n for name, n in counts.items()})

    def _merge(self, target: str, seconds: int, index: int, document: Document) -> None:
        """Take over the sum of all replicas."""
        unsaved = self._unsaved.get(_document_id(target, seconds, index), Counter[str]())
        for name, count in document.get("counts", {}).items():
            window = self._windows.get((target, name))
            if window and window.index == index:
                window.current = count + unsaved[name]
            elif window and window.index == index + 1:
                window.previous = count
        if seconds == 60:
            others = [count for replica, count in document.get("streams", {}).items() if replica != self._replica]
            self._streams_elsewhere[target] = sum(others)

    async def _count(self, target: str, name: str, index: int) -> int:
        document = await self._documents.get(_document_id(target, WINDOW_SECONDS[name], index))
        return int((document or {}).get("counts", {}).get(name, 0))


def _document_id(target: str, seconds: int, index: int) -> str:
    return f"{target}.{seconds}.{index}"
