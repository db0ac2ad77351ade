"""Fault-injection self-test: the invariant checker detects each defect, and passes the platform without it."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from deploy.local_cluster import Replica
from shared.runtime.service import background
from tests.chaos.clients import FINAL, FOLLOW_UPS, Clients
from tests.chaos.environment import Environment, open_environment
from tests.chaos.invariants import InvariantChecker

TIMEOUT_S = 240.0


def arguments(defect: str | None) -> tuple[str, ...]:
    return ("--defect", defect) if defect else ()


async def lease_holder(environment: Environment, id: str) -> Replica:
    """Wait for the first steps of a job, and return the replica that trains it."""
    while True:
        job = await environment.database["training_jobs"].find_one({"_id": id})
        head = await environment.database["training_streams"].find_one({"_id": id})
        if job["runner"] and head and head["next_seq"] > 5:
            return next(
                r for r in environment.cluster.replicas["training"] if job["runner"].endswith(f":{r.process.pid}")
            )
        await asyncio.sleep(0.1)


async def wait_until_ended(environment: Environment, id: str) -> None:
    while (await environment.database["training_jobs"].find_one({"_id": id}))["state"] not in FINAL:
        await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("defect", "expected"),
    [(None, []), ("fence", ["stale holder", "steps are missing"])],  # either symptom reveals the stale writer
    ids=["intact", "without fencing"],
)
async def test_worker_stopped_beyond_its_lease(tmp_path: Path, defect: str | None, expected: list[str]) -> None:
    async with (
        open_environment(tmp_path / "environment", replicas=2, arguments=arguments(defect)) as environment,
        asyncio.timeout(TIMEOUT_S),
    ):
        clients = Clients(environment, random.Random(1))
        dataset = await clients.upload("base")
        id = await clients.submit("job", dataset, steps=60, after=[])
        stale = await lease_holder(environment, id)
        stale.signal(signal.SIGSTOP)
        await wait_until_ended(environment, id)  # the other replica takes over the lease
        stale.signal(signal.SIGCONT)
        async with asyncio.timeout(60):  # it writes until its engine ends, or detects the lost lease
            while list(environment.disk.glob(f"scratch-*/training/{id}-t1")):
                await asyncio.sleep(0.2)
        findings = await InvariantChecker(environment, clients.accepted).check()
        await clients.close()
    assert bool(findings.violations) == bool(defect), findings.violations
    report = "\n".join(findings.violations)
    assert not expected or any(text in report for text in expected), report


@pytest.mark.parametrize(
    ("defect", "expected"),
    [(None, []), ("dedupe", ["× evaluate", "for one request"])],
    ids=["intact", "without deduplication"],
)
async def test_duplicate_events_and_requests(tmp_path: Path, defect: str | None, expected: list[str]) -> None:
    async with (
        open_environment(tmp_path / "environment", replicas=1, arguments=arguments(defect)) as environment,
        asyncio.timeout(TIMEOUT_S),
    ):
        clients = Clients(environment, random.Random(1))
        dataset = await clients.upload("base")
        id = await clients.submit("job", dataset, steps=12, after=FOLLOW_UPS)
        assert bool(defect) == (await clients.submit("job", dataset, steps=12, after=FOLLOW_UPS) != id)
        async with background(environment.supervise()):
            await wait_until_ended(environment, id)
            checker = InvariantChecker(environment, clients.accepted)
            await checker.settle()
            await environment.events.republish(list(environment.events.envelopes.values()))
            await environment.events.until_delivered()
            findings = await checker.check()
        await clients.close()
    assert bool(findings.violations) == bool(defect), findings.violations
    for text in expected:
        assert any(text in line for line in findings.violations), findings.violations
