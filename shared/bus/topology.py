"""Names of RabbitMQ's exchanges and queues, and the arguments that make them durable."""

from dataclasses import dataclass
from typing import Any

DELIVERY_LIMIT = 100
"""Deliveries of a message before the broker dead-letters it: high, because dropped connections count too."""


@dataclass(frozen=True)
class Names:
    """Names of exchanges and queues. Buses with different prefixes are separate on one broker."""

    prefix: str = "anneal"

    @property
    def events(self) -> str:
        """The exchange of durable events."""
        return f"{self.prefix}.events"

    @property
    def broadcast(self) -> str:
        """The exchange of lossy broadcasts."""
        return f"{self.prefix}.broadcast"

    @property
    def dead(self) -> str:
        """The queue of dead letters."""
        return f"{self.prefix}.dead"

    def queue(self, service: str, type: str) -> str:
        """The durable queue of a service for an event type."""
        return f"{self.prefix}.{service}.{type}"

    def service(self, queue: str) -> str:
        """The service whose queue this is."""
        return queue.removeprefix(f"{self.prefix}.").partition(".")[0]

    def type(self, queue: str) -> str:
        """The event type of this queue."""
        return queue.removeprefix(f"{self.prefix}.{self.service(queue)}.")

    def retry(self, delay: float) -> str:
        """Name of the exchange and the queue of a retry tier."""
        return f"{self.prefix}.retry.{delay:g}s"

    def quorum(self, **arguments: Any) -> dict[str, Any]:
        """Arguments of a quorum queue that dead-letters at least once."""
        safe = {"x-dead-letter-exchange": "", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
        return {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT, **safe, **arguments}

    def dead_letter_arguments(self) -> dict[str, Any]:
        """Arguments of the dead-letter queue: listing redelivers its messages, so no limit may be reached."""
        return {"x-queue-type": "quorum", "x-delivery-limit": 2**31 - 1}
