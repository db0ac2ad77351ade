"""Metrics of both buses: events published, handled, retried and dead-lettered, queue depth and age."""

import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

from shared.bus.protocol import Handler
from shared.events.envelope import Envelope
from shared.runtime.telemetry.metrics import Metrics, Reading

Waiting = Iterable[tuple[str, str, int, float]]
"""Service, event type, depth of that queue, and age of its oldest event in seconds."""
Probe = Callable[[], Awaitable[tuple[Waiting, Iterable[tuple[str, int]]]]]
"""Reads the queues, and the number of dead letters by service."""
ALL_SERVICES = "all"
"""Label of dead letters that share one queue."""


class EventMetrics:
    """The metrics of one bus. `probe` reads the queues at each scrape."""

    def __init__(self, metrics: Metrics, probe: Probe) -> None:
        queue = ("room", "type")
        self._published = metrics.counter("anneal_events_published", "Events given to the bus, broadcasts too", "type")
        self._handled = metrics.counter("anneal_events_handled", "Deliveries that a handler finished", *queue)
        self._retried = metrics.counter("anneal_events_retried", "Deliveries that failed and are tried again", *queue)
        self._dead = metrics.counter("anneal_events_dead", "Events that became dead letters", *queue)
        self._seconds = metrics.histogram("anneal_event_handler_seconds", "Time in a handler, failed or not", *queue)
        self._depth = metrics.reading("anneal_event_queue_depth", "Events that wait in a queue", *queue)
        self._age = metrics.reading(
            "anneal_event_queue_age_seconds", "Time since the oldest event that waits in a queue was stated", *queue
        )
        self._letters = metrics.reading(
            "anneal_event_dead_letters", "Dead letters now; `all` where they lie in one place", "room"
        )
        self._read_queues = probe
        metrics.watch("bus", self._probe)

    def published(self, envelope: Envelope) -> None:
        """Count a published event."""
        self._published.labels(envelope.type).inc()

    def failed(self, service: str, type: str, *, final: bool) -> None:
        """Count a failed delivery: dead-lettered where `final`, else retried."""
        (self._dead if final else self._retried).labels(service, type).inc()

    def metered(self, service: str, type: str, handler: Handler) -> Handler:
        """Wrap a handler to time and count it. Every series exists from the start, so that rates begin at zero."""
        labels = (service, type)
        seconds, handled = self._seconds.labels(*labels), self._handled.labels(*labels)
        self._retried.labels(*labels)
        self._dead.labels(*labels)

        async def handle(envelope: Envelope) -> None:
            started = time.perf_counter()
            try:
                await handler(envelope)
            finally:
                seconds.observe(time.perf_counter() - started)
            handled.inc()

        return handle

    async def _probe(self) -> list[Reading]:
        waiting, letters = await self._read_queues()
        found: list[Reading] = [(self._letters, (service,), count) for service, count in letters]
        for service, type, depth, age in waiting:
            found += [(self._depth, (service, type), depth), (self._age, (service, type), age)]
        return found


def age_of(stated: datetime | None) -> float:
    """Seconds since an event was stated; 0 for None, and for a clock ahead of ours."""
    return max(0.0, (datetime.now(UTC) - stated).total_seconds()) if stated else 0.0
