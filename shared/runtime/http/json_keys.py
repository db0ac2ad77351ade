"""A JSON body that gives a key twice is refused: which value was meant is unknown."""

import asyncio
import json

from starlette.requests import HTTPConnection

from shared.json_keys import RepeatedKey, unique_keys
from shared.runtime.errors import InvalidInput

INLINE_BYTES = 64 << 10
"""A larger body is parsed in a thread, beside other requests."""


async def refuse_repeated_keys(connection: HTTPConnection) -> None:
    """FastAPI dependency of every route: checks the body that the framework has parsed. Raises InvalidInput.

    A body that the route reads itself, such as an upload, is left to the route.
    """
    if body := getattr(connection, "_body", b""):
        if len(body) > INLINE_BYTES:
            await asyncio.to_thread(check_keys, body)
        else:
            check_keys(body)


def check_keys(body: bytes) -> None:
    """Raise InvalidInput for a JSON text that gives a key twice, at any depth; anything else is left to its parser."""
    try:
        json.loads(body, object_pairs_hook=unique_keys)
    except RepeatedKey as repeated:
        detail, remedy = f"The body is unclear: {repeated}.", "Send each key once."
        raise InvalidInput(detail, field=repeated.key, limit={"values": 1}, remedy=remedy) from repeated
    except (ValueError, RecursionError):
        return
