"""Prometheus metrics of the door: how many requests, how they ended, how long they took, by route and room."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


class Metrics:
    """A registry of its own, so that two gateways in one process (as in tests) do not collide."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route", "room")
        self.requests = Counter(
            "anneal_http_requests", "Answered requests", (*labels, "status"), registry=self._registry
        )
        self.errors = Counter("anneal_http_errors", "Answers of 500 and above", labels, registry=self._registry)
        self.seconds = Histogram(
            "anneal_http_seconds", "Time to the last byte", labels, buckets=BUCKETS, registry=self._registry
        )
        self.live = Gauge("anneal_live_sockets", "Open websockets", registry=self._registry)

    def observe(self, method: str, route: str, room: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(method, route, room, str(status)).inc()
        self.seconds.labels(method, route, room).observe(seconds)
        if status >= 500:
            self.errors.labels(method, route, room).inc()

    def text(self) -> bytes:
        """The exposition: ours, then the process's own."""
        return generate_latest(self._registry) + generate_latest(REGISTRY)
