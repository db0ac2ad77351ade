"""The Bus port: durable at-least-once events with bounded retry and dead letters, and lossy broadcasts."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from shared.events.envelope import Envelope
from shared.runtime.errors import Unavailable

Handler = Callable[[Envelope], Awaitable[None]]
"""Handles one delivery. Returning acknowledges it, `Reject` dead-letters it at once, other exceptions retry it.

`Unavailable` is retried until the dependency is back: it does not count as an attempt.
"""

RETRY_DELAYS = (1.0, 10.0, 60.0)
"""Seconds before each retry; after the last one the event becomes a dead letter."""


class Reject(Exception):
    """Raised by a handler for an event that can never be handled: dead-letter it at once."""


def next_attempt(attempts: int, error: BaseException, limit: int) -> tuple[int, int | None]:
    """What follows a failure after `attempts` counted failures, with `limit` retry delays.

    Returns the failures counted now, and the index of the delay before the next attempt, None for a dead letter.
    """
    if isinstance(error, Unavailable) and limit:
        return attempts, min(attempts, limit - 1)
    final = isinstance(error, Reject) or attempts >= limit
    return attempts + 1, None if final else attempts


@dataclass(frozen=True)
class DeadLetter:
    """An event that a service could not handle."""

    id: str
    service: str
    envelope: Envelope
    reason: str
    attempts: int


class Bus(Protocol):
    """Publishes envelopes and delivers them to one durable queue per (service, event type)."""

    async def publish(self, envelope: Envelope) -> None:
        """Store durably for every registered consumer of its type, and return once that is confirmed.

        Every publish is delivered, also of the same envelope twice. Order is not guaranteed.
        """

    async def subscribe(self, service: str, type: str, handler: Handler) -> None:
        """Start delivering `type` from `service`'s durable queue, one at a time, beginning with its backlog.

        A delivery in flight when a process dies is repeated. An event that waits for its retry does not block others.
        The envelope's `traceparent` is the parent of the handler's span.
        """

    async def broadcast(self, envelope: Envelope) -> None:
        """Send to the current listeners; may be lost."""

    def listen(self, types: Sequence[str]) -> AbstractAsyncContextManager[AsyncIterator[Envelope]]:
        """Broadcasts of `types` while the context is open; a slow listener loses the oldest."""

    async def dead(self, service: str | None = None) -> list[DeadLetter]:
        """Dead letters, oldest first."""

    async def replay(self, *ids: str) -> int:
        """Put dead letters back into their services' queues with no attempts counted; return how many existed."""

    async def ping(self) -> None:
        """Raise an exception unless the broker answers."""

    async def close(self) -> None:
        """Stop deliveries, let running handlers finish, end the listeners, close."""
