"""Prometheus metrics of one process: a registry that is passed in, and gauges that are read at each scrape.

All metrics of a process belong to one `Metrics`, created with its resources, so two platforms in one process are
separate. Values in a database or a broker are read at each scrape within a time limit: an unavailable server costs its
gauges for the moment, never the response. docs/reference/metrics.md is written from `Metrics.catalogue`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics import MetricWrapperBase

log = structlog.get_logger(__name__)

PROBE_TIMEOUT_S = 2.0
"""Limit of a probe during a scrape; Prometheus gives up after 10 s."""
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)

Reading = tuple[Gauge, tuple[str, ...], float]
"""A gauge, its label values, and its value now."""
Probe = Callable[[], Awaitable[Iterable[Reading]]]
"""Reads values at a scrape. If it raises or takes too long, its gauges are absent."""

M = TypeVar("M", bound=MetricWrapperBase)


@dataclass(frozen=True)
class Described:
    """One metric as the documentation lists it."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str


class Metrics:
    """The metrics of one process. A name registered twice returns the same metric."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._made: dict[str, MetricWrapperBase] = {}
        self._read: list[Gauge] = []
        self._probes: dict[str, Probe] = {}
        self._scraping = asyncio.Lock()
        self.catalogue: list[Described] = []
        ProcessCollector(registry=self._registry)
        self._failures = self.counter("anneal_scrape_failures", "Looks at a scrape that failed, by source", "source")

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        """A counter; Prometheus sees it as `<name>_total`."""
        return self._make(Counter, name, meaning, labels, shown=f"{name}_total")

    def histogram(self, name: str, meaning: str, *labels: str) -> Histogram:
        """A histogram of seconds."""
        return self._make(Histogram, name, meaning, labels, buckets=SECONDS)

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        """A gauge that the code sets."""
        return self._make(Gauge, name, meaning, labels)

    def reading(self, name: str, meaning: str, label: str, *labels: str) -> Gauge:
        """A gauge that probes fill at each scrape; label values that no probe reports disappear. It needs a label."""
        gauge = self.gauge(name, meaning, label, *labels)
        if gauge not in self._read:
            self._read.append(gauge)
        return gauge

    def watch(self, source: str, probe: Probe) -> None:
        """Run `probe` at each scrape; a later one of the same source replaces it."""
        self._probes[source] = probe
        self._failures.labels(source)  # exists from the start, at 0

    async def scrape(self) -> bytes:
        """The text for Prometheus, within about PROBE_TIMEOUT_S. An absent server costs only its gauges."""
        async with self._scraping:
            found = await asyncio.gather(*(self._read_probe(source, probe) for source, probe in self._probes.items()))
            for gauge in self._read:
                gauge.clear()
            for gauge, labels, value in chain(*found):
                gauge.labels(*labels).set(value)
            return generate_latest(self._registry)

    async def _read_probe(self, source: str, probe: Probe) -> list[Reading]:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return list(await probe())
        except Exception as error:
            self._failures.labels(source).inc()
            log.info("not_measured", source=source, error=f"{type(error).__name__}: {error}")
            return []

    def _make(
        self, kind: type[M], name: str, meaning: str, labels: tuple[str, ...], *, shown: str = "", **options: Any
    ) -> M:
        if name not in self._made:
            self._made[name] = kind(name, meaning, labels, registry=self._registry, **options)
            self.catalogue.append(Described(shown or name, kind.__name__.lower(), labels, meaning))
        made = self._made[name]
        assert isinstance(made, kind)
        return made
