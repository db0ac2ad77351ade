"""`Client` and `AsyncClient`: the operations of the API, and waiting for long work."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, TypeVar

from anneal.errors import AnnealError
from anneal.operations import AsyncOperations, Operations

T = TypeVar("T", bound=Mapping[str, Any])
ENDED = frozenset({"succeeded", "ready", "failed", "cancelled", "rejected", "paused"})
GOOD = frozenset({"succeeded", "ready"})
POLL_INTERVAL_S = 0.5


class Client(Operations):
    """A platform: at `url` with `key`, or where `anneal` itself would go (`anneal login`, ANNEAL_URL, this machine)."""

    def wait(self, show: Callable[[str], T], id: str, on_change: Callable[[T], None] = lambda _: None) -> T:
        """Poll `show(id)` until the job, import, evaluation, export or dataset has ended, and return it.

        `on_change` gets each state on the way. Raises AnnealError with the resource as `problem` unless it succeeded.
        """
        while (found := show(id))["state"] not in ENDED:
            on_change(found)
            time.sleep(POLL_INTERVAL_S)
        return _succeeded(found)

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the connections."""
        self.close()


class AsyncClient(AsyncOperations):
    """`Client` for asyncio."""

    async def wait(
        self, show: Callable[[str], Awaitable[T]], id: str, on_change: Callable[[T], None] = lambda _: None
    ) -> T:
        """As Client.wait."""
        while (found := await show(id))["state"] not in ENDED:
            on_change(found)
            await asyncio.sleep(POLL_INTERVAL_S)
        return _succeeded(found)

    async def __aenter__(self) -> Self:
        """Use it in an `async with` block."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close the connections."""
        await self.close()


def _succeeded(found: T) -> T:
    if found["state"] in GOOD:
        return found
    why = ": ".join(str(found[name]) for name in ("cause", "code", "detail") if found.get(name))
    raise AnnealError(f"{found['id']} is {found['state']}. {why}".rstrip(), dict(found))
