"""What every adapter of the bus tells Prometheus: events from their publish to their end, and what waits."""

import asyncio
from datetime import timedelta

from shared.bus import Bus, Reject
from shared.documents.entities import now
from shared.events.dataset import DatasetReady
from shared.events.envelope import Envelope
from shared.runtime.telemetry.metrics import Metrics
from tests.contracts.conftest import Place

READY = DatasetReady(dataset_id="d", version="v", name="n", dataset_uri="u", rows=1)
QUEUE = f'{{room="gateway",type="{READY.type}"}}'


async def scraped(metrics: Metrics) -> dict[str, float]:
    """Every series of a scrape."""
    lines = (line for line in (await metrics.scrape()).decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def once(metrics: Metrics, series: str, wanted: float) -> dict[str, float]:
    """A scrape in which the series has this value."""
    async with asyncio.timeout(60):
        while (found := await scraped(metrics)).get(series) != wanted:
            await asyncio.sleep(0.02)
    return found


async def test_events_are_counted_from_publish_to_outcome(bus_place: Place[Bus]) -> None:
    metrics, blocked, go_on = Metrics(), asyncio.Event(), asyncio.Event()
    bus = await bus_place.open(retry_delays=(0.05,), metrics=metrics)

    async def handle(envelope: Envelope) -> None:
        if envelope.subject == "blocks":
            blocked.set()
            await go_on.wait()
        if envelope.subject == "fails":
            raise RuntimeError("never works")
        if envelope.subject == "wrong":
            raise Reject("no use")

    await bus.subscribe("gateway", READY.type, handle)
    assert (await scraped(metrics))[f"anneal_event_queue_depth{QUEUE}"] == 0
    for subject in ("blocks", "fails", "wrong"):
        envelope = Envelope.of(READY, service="dataset", subject=subject, project="p")
        await bus.publish(envelope.model_copy(update={"time": now() - timedelta(minutes=1)}))
    await blocked.wait()
    waiting = await once(metrics, f"anneal_event_queue_depth{QUEUE}", 3)
    assert 59 <= waiting[f"anneal_event_queue_age_seconds{QUEUE}"] < 120
    go_on.set()
    await once(metrics, f"anneal_events_dead_total{QUEUE}", 2)
    ended = await once(metrics, f"anneal_event_queue_depth{QUEUE}", 0)
    assert ended[f"anneal_event_queue_age_seconds{QUEUE}"] == 0
    assert ended[f'anneal_events_published_total{{type="{READY.type}"}}'] == 3
    assert ended[f"anneal_events_handled_total{QUEUE}"] == 1
    assert ended[f"anneal_events_retried_total{QUEUE}"] == 1
    assert ended[f"anneal_event_handler_seconds_count{QUEUE}"] == 4
    assert sum(count for series, count in ended.items() if series.startswith("anneal_event_dead_letters")) == 2


async def test_unavailable_bus_drops_its_gauges_but_not_the_scrape(bus_place: Place[Bus]) -> None:
    metrics = Metrics()
    bus = await bus_place.open(metrics=metrics)
    await bus.subscribe("gateway", READY.type, lambda _: asyncio.sleep(0))
    assert f"anneal_event_queue_depth{QUEUE}" in await scraped(metrics)
    await bus_place.close()
    away = await scraped(metrics)
    assert f"anneal_event_queue_depth{QUEUE}" not in away
    assert away['anneal_scrape_failures_total{source="bus"}'] == 1
    assert away[f"anneal_events_handled_total{QUEUE}"] == 0
