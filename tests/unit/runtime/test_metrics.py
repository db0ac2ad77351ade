"""What a process tells Prometheus: asked at the scrape, within a limit, and never more than it knows."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from shared.bus.local import LocalBus
from shared.documents.entities import EntityStore, now
from shared.documents.local import LocalDocuments
from shared.events.dataset import DatasetReady
from shared.runtime.jobs.leases import Lease
from shared.runtime.jobs.outbox import Outbox
from shared.runtime.jobs.work import Work
from shared.runtime.jobs.work_metrics import WorkMetrics
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings
from shared.runtime.telemetry import metrics as metrics_module
from shared.runtime.telemetry.metrics import Metrics, Reading

READY = DatasetReady(dataset_id="d", version="v", name="n", dataset_uri="u", rows=1)


@pytest.fixture
async def store(outbox: Outbox) -> EntityStore[Work]:
    return EntityStore(await outbox.open("training.works"), Work, service="training", kick=outbox.kick)


async def value(metrics: Metrics, series: str) -> float | None:
    """The value that a scrape tells of this series."""
    for line in (await metrics.scrape()).decode().splitlines():
        name, _, number = line.rpartition(" ")
        if name == series:
            return float(number)
    return None


async def until(metrics: Metrics, series: str, wanted: float) -> None:
    async with asyncio.timeout(60):
        while await value(metrics, series) != wanted:
            await asyncio.sleep(0.01)


async def test_failed_probe_drops_only_its_own_gauges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "PROBE_TIMEOUT_S", 0.05)
    metrics, away = Metrics(), asyncio.Event()
    depth = metrics.reading("anneal_depth", "Depth", "queue")

    async def broker() -> Sequence[Reading]:
        if away.is_set():
            raise ConnectionError("the broker is away")
        return [(depth, ("q",), 3)]

    async def hanging() -> Sequence[Reading]:
        await asyncio.Event().wait()
        return ()

    metrics.watch("broker", broker)
    metrics.watch("database", hanging)
    assert await value(metrics, 'anneal_depth{queue="q"}') == 3
    away.set()
    assert await value(metrics, 'anneal_depth{queue="q"}') is None
    assert await value(metrics, 'anneal_scrape_failures_total{source="broker"}') == 2
    assert await value(metrics, 'anneal_scrape_failures_total{source="database"}') == 4


async def test_platforms_in_one_process_have_separate_metrics(tmp_path: Path) -> None:
    async with (
        open_resources(Settings(home=tmp_path / "a")) as one,
        open_resources(Settings(home=tmp_path / "b")) as two,
    ):
        one.metrics.counter("anneal_events_published", "", "type").labels("x.v1").inc()
        assert await value(one.metrics, 'anneal_events_published_total{type="x.v1"}') == 1
        assert await value(two.metrics, 'anneal_events_published_total{type="x.v1"}') is None
        assert await value(one.metrics, "process_resident_memory_bytes")
        assert await value(one.metrics, f'anneal_disk_free_bytes{{folder="{tmp_path / "a"}"}}')


async def test_outbox_reports_pending_documents_and_their_age(tmp_path: Path) -> None:
    metrics, documents, bus = Metrics(), LocalDocuments(tmp_path / "d.sqlite"), LocalBus(tmp_path / "b.sqlite")
    outbox = Outbox(bus, documents, metrics)
    store = EntityStore(await outbox.open("training.works"), Work, service="training", kick=outbox.kick)
    before = now()
    await store.create(Work(id="w", project="p"), [READY])
    assert await value(metrics, 'anneal_outbox_pending_documents{collection="training.works"}') == 1
    age = await value(metrics, 'anneal_outbox_age_seconds{collection="training.works"}')
    assert 0 < (age or 0) <= (now() - before).total_seconds()
    await outbox.drain()
    assert await value(metrics, 'anneal_outbox_pending_documents{collection="training.works"}') == 0
    assert await value(metrics, 'anneal_outbox_age_seconds{collection="training.works"}') == 0
    await bus.close()
    await documents.close()


async def test_work_is_counted_by_state_and_cause(store: EntityStore[Work]) -> None:
    metrics = Metrics()
    WorkMetrics(metrics, "training", store, lambda: ())
    for number, cause in enumerate(("out_of_memory", "killed", "out_of_memory", None)):
        work = Work(id=f"w{number}", project="p", updated_at=now() - timedelta(minutes=5))
        if cause:
            work.fail(cause, "it failed")
        await store.create(work)
    assert await value(metrics, 'anneal_jobs{kind="training",state="failed"}') == 3
    assert await value(metrics, 'anneal_jobs{kind="training",state="running"}') == 0
    assert await value(metrics, 'anneal_jobs_failed{cause="out_of_memory",kind="training"}') == 2
    assert await value(metrics, 'anneal_jobs_failed{cause="killed",kind="training"}') == 1
    assert await value(metrics, 'anneal_jobs_queued{kind="training"}') == 1
    assert 300 <= (await value(metrics, 'anneal_jobs_waiting_seconds{kind="training"}') or 0) < 360


async def test_held_and_stolen_leases_are_counted(store: EntityStore[Work]) -> None:
    metrics, holding, end = Metrics(), asyncio.Event(), asyncio.Event()

    async def run(work: Work, lease: Lease[Work]) -> None:
        holding.set()
        await end.wait()
        await lease.change(lambda work: work.mark_cancelled())

    dead = Work(id="held by the dead", project="p")
    dead.claim("nobody")
    await store.create(dead)
    worker = Worker(store, run, Slots(1), exclusive=True, poll=0.02, kind="export", metrics=metrics)
    serving = asyncio.create_task(worker.serve())
    await holding.wait()
    assert await value(metrics, 'anneal_leases_stolen_total{kind="export"}') == 1
    assert await value(metrics, 'anneal_leases_held{kind="export"}') == 1
    assert 0 < (await value(metrics, 'anneal_lease_age_seconds{kind="export"}') or 0) < 20
    end.set()
    await until(metrics, 'anneal_leases_held{kind="export"}', 0)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
