"""Retry policy shared by all engines: a request that a lost engine had not started is sent once more."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from services.inference.errors import EngineLost
from services.inference.protocol import Started, TextDelta


async def retry_unstarted(
    generate: Callable[[], AsyncIterator[Started | TextDelta]],
) -> AsyncIterator[Started | TextDelta]:
    """Yield the messages of `generate()`, called again if the engine is lost before the first. Raises EngineLost."""
    has_started = False
    for may_retry in (True, False):
        try:
            async with aclosing(generate()) as messages:  # type: ignore[type-var]
                async for message in messages:
                    has_started = True
                    yield message
            return
        except EngineLost:
            if has_started or not may_retry:
                raise
