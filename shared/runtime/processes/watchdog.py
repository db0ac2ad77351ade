"""Ends an engine that makes no progress, by the service's own clock.

Engines report `alive` from within their loops, at most once per second: at every micro-batch, block of rows or token.
What a thread sends on its own (`usage`, progress that stands still), and what a library prints (`log`), does not count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from shared.runtime.errors import AnnealError

if TYPE_CHECKING:
    from shared.runtime.processes.child import Child

MIN_LIMIT_S = 600.0
"""A step between two signs of life, such as a micro-batch of long rows on a CPU, may take this long."""
BYTES_PER_S = 10e6
"""Slowest rate at which an engine reads or converts weights or an upload, without a sign of life meanwhile."""
PACE_FACTOR = 10
"""A silence may last this many times the longest one so far."""
NO_PROGRESS = frozenset(("log", "usage"))


class EngineStalled(AnnealError):
    """An engine made no progress for longer than its pace allows, and was killed."""

    status = 503
    code = "stalled"


async def watched(child: Child, size: int = 0) -> AsyncIterator[dict[str, Any]]:
    """Yield the messages of a child that reads `size` bytes (weights or an upload), without its signs of life.

    Only the time in which this iterator waits for the child counts: a child that waits for its service is not stalled.
    Kills it and raises EngineStalled.
    """
    limit_s, silent_s, progress = MIN_LIMIT_S + size / BYTES_PER_S, 0.0, None
    async with aclosing(child.messages()) as messages:  # type: ignore[type-var]
        while True:
            started = time.monotonic()
            try:
                async with asyncio.timeout(max(limit_s - silent_s, 0)):
                    message = await anext(messages)
            except StopAsyncIteration:
                return
            except TimeoutError:
                await child.kill()
                detail = f"The engine made no progress for {limit_s:.0f} seconds and was killed."
                raise EngineStalled(detail, remedy="Try again. If it repeats, choose smaller settings.") from None
            silent_s += time.monotonic() - started
            if message["kind"] not in NO_PROGRESS and message != progress:
                limit_s, silent_s = max(limit_s, PACE_FACTOR * silent_s), 0.0
            if message["kind"] == "progress":
                progress = message
            if message["kind"] != "alive":
                yield message
