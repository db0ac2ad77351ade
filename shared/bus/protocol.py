"""The Bus port: durable at-least-once events with bounded retry and dead letters, and lossy broadcasts."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from shared.events.envelope import Envelope

Handler = Callable[[Envelope], Awaitable[None]]
"""Handles one delivery. Returning acknowledges it; `Reject` dead-letters it now; anything else is retried."""

RETRY_DELAYS = (1.0, 10.0, 60.0)
"""Seconds before each further attempt; after the last one the event goes to the dead letters."""


class Reject(Exception):
    """Raised by a handler: this event can never be handled, dead-letter it now."""


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
        """Store durably for every registered consumer of its type; returns once that is confirmed.

        Each publish is delivered, the same envelope twice as well. No order is promised.
        """

    async def subscribe(self, service: str, type: str, handler: Handler) -> None:
        """Start delivering `type` from `service`'s durable queue, one at a time, what waited there included.

        What was in flight when a process died is delivered again. While an event waits for its next attempt, others
        pass it. The envelope's `traceparent` is the parent of the span that the handler runs in.
        """

    async def broadcast(self, envelope: Envelope) -> None:
        """Send to whoever listens now; may be lost."""

    def listen(self, types: Sequence[str]) -> AbstractAsyncContextManager[AsyncIterator[Envelope]]:
        """Broadcasts of `types` while the context is open; a slow listener loses the oldest."""

    async def dead(self, service: str | None = None) -> list[DeadLetter]:
        """Dead letters, oldest first."""

    async def replay(self, *ids: str) -> int:
        """Put dead letters back into their services' queues with their attempts forgotten; how many were there."""

    async def ping(self) -> None:
        """Raise unless the broker answers."""

    async def close(self) -> None:
        """Stop deliveries, let running handlers finish, end the listeners, close."""
