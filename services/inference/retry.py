"""Retry policy shared by all engines: a request without any text from an engine that was lost is sent once more."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from services.inference.errors import EngineLost
from services.inference.protocol import Started, TextDelta


async def retry_unstarted(
    generate: Callable[[], AsyncIterator[Started | TextDelta]],
) -> AsyncIterator[Started | TextDelta]:
    """Yield the messages of `generate()`, called again if the engine is lost before any text. Raises EngineLost."""
    has_started = has_text = False
    for may_retry in (True, False):
        try:
            async with aclosing(generate()) as messages:  # type: ignore[type-var]
                async for message in messages:
                    if not (isinstance(message, Started) and has_started):
                        yield message
                    has_started, has_text = True, has_text or isinstance(message, TextDelta)
            return
        except EngineLost:
            if has_text or not may_retry:
                raise
