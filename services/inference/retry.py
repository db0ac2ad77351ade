"""What a dying engine had not begun to answer is sent to the next one, once: the same for every engine."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from services.inference.errors import EngineLost
from services.inference.protocol import Begun, Text


async def resent(ask: Callable[[], AsyncIterator[Begun | Text]]) -> AsyncIterator[Begun | Text]:
    """The messages of `ask()`, asked again where the engine is lost before the first of them. Raises EngineLost."""
    begun = False
    for again in (True, False):
        try:
            async with aclosing(ask()) as messages:  # type: ignore[type-var]
                async for message in messages:
                    begun = True
                    yield message
            return
        except EngineLost:
            if begun or not again:
                raise
