"""The ledger notices a platform without a fence and one that does not remember; an honest one passes the same."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from deploy.local_cluster import Room
from shared.runtime.service import background
from tests.chaos.clients import FINAL, FOLLOW_UPS, Clients
from tests.chaos.environment import Place, opened
from tests.chaos.invariants import Ledger

PATIENCE = 240.0


def arguments(defect: str | None) -> tuple[str, ...]:
    return ("--defect", defect) if defect else ()


async def holder(place: Place, id: str) -> Room:
    """The process that trains it, once its first steps are told."""
    while True:
        job = await place.database["training_jobs"].find_one({"_id": id})
        head = await place.database["training_streams"].find_one({"_id": id})
        if job["runner"] and head and head["next_seq"] > 5:
            return next(r for r in place.town.rooms["training"] if job["runner"].endswith(f":{r.process.pid}"))
        await asyncio.sleep(0.1)


async def ended(place: Place, id: str) -> None:
    while (await place.database["training_jobs"].find_one({"_id": id}))["state"] not in FINAL:
        await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("defect", "promises"),
    [(None, []), ("fence", ["stale holder", "steps are missing"])],  # it is seen, or it has overwritten the other's
    ids=["honest", "without a fence"],
)
async def test_a_worker_that_stood_still_past_its_lease(
    tmp_path: Path, defect: str | None, promises: list[str]
) -> None:
    async with opened(tmp_path / "place", replicas=2, arguments=arguments(defect)) as place, asyncio.timeout(PATIENCE):
        clients = Clients(place, random.Random(1))
        dataset = await clients.upload("ground")
        id = await clients.submit("job", dataset, steps=60, after=[])
        stale = await holder(place, id)
        stale.signal(signal.SIGSTOP)
        await ended(place, id)  # by the other replica, which takes the lease
        stale.signal(signal.SIGCONT)
        async with asyncio.timeout(60):  # it writes to its engine's end, or sees that the lease is lost
            while list(place.disk.glob(f"scratch-*/training/{id}-t1")):
                await asyncio.sleep(0.2)
        findings = await Ledger(place, clients.book).check()
        await clients.close()
    assert bool(findings.violations) == bool(defect), findings.violations
    told = "\n".join(findings.violations)
    assert not promises or any(promise in told for promise in promises), told


@pytest.mark.parametrize(
    ("defect", "promises"),
    [(None, []), ("dedupe", ["× evaluate", "for the one request"])],
    ids=["honest", "without memory"],
)
async def test_events_and_requests_that_come_twice(tmp_path: Path, defect: str | None, promises: list[str]) -> None:
    async with opened(tmp_path / "place", replicas=1, arguments=arguments(defect)) as place, asyncio.timeout(PATIENCE):
        clients = Clients(place, random.Random(1))
        dataset = await clients.upload("ground")
        id = await clients.submit("job", dataset, steps=12, after=FOLLOW_UPS)
        assert bool(defect) == (await clients.submit("job", dataset, steps=12, after=FOLLOW_UPS) != id)
        async with background(place.supervise()):
            await ended(place, id)
            ledger = Ledger(place, clients.book)
            await ledger.settle()
            await place.events.repeat(list(place.events.envelopes.values()))
            await place.events.until_delivered()
            findings = await ledger.check()
        await clients.close()
    assert bool(findings.violations) == bool(defect), findings.violations
    for promise in promises:
        assert any(promise in line for line in findings.violations), findings.violations
