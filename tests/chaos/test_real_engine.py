"""The real engine on a local cluster: its process and its service are killed, and the losses stay the same."""

import asyncio
import os
import random
import signal
from pathlib import Path
from typing import Any

from shared.documents.mongo import connect
from shared.runtime.jobs.streams import Streams
from shared.runtime.service import background
from tests.chaos.clients import Clients
from tests.chaos.environment import Environment, open_environment
from tests.chaos.faults import running_engines
from tests.chaos.invariants import InvariantChecker
from tests.support.training_service import losses

STEPS = 60
"""Enough that the job does not end before it is killed, on fast machines too."""
SETTINGS = {"method": "lora", "seed": 3, "checkpoint_every": 5, "dtype": "fp32", "threads": 1, "resources": {"cpu": 1}}


async def wait_for_job(environment: Environment, id: str, reached: int, state: str = "running") -> Any:
    """Wait for a job in this state (if running, with a checkpoint at step `reached` or later), and return it."""
    while True:
        job = await environment.database["training_jobs"].find_one({"_id": id})
        step = max((checkpoint["step"] for checkpoint in job["checkpoints"]), default=0)
        if job["state"] == state and (state != "running" or step >= reached):
            return job
        await asyncio.sleep(0.1)


async def recorded_losses(environment: Environment, id: str) -> dict[int, float]:
    documents = connect(environment.servers["documents"].url)
    streams = await Streams.open(documents, "training")
    found = losses(await streams.read(id))
    await documents.close()
    return found


async def test_killed_engine_and_killed_service_do_not_change_the_losses(tmp_path: Path) -> None:
    async with (
        open_environment(tmp_path / "environment", replicas=2, arguments=("--real-engines",)) as environment,
        background(environment.supervise()),
        asyncio.timeout(400),
    ):
        clients = Clients(environment, random.Random(1))
        dataset = await clients.upload("base")
        undisturbed = await clients.submit("undisturbed", dataset, steps=STEPS, after=[], **SETTINGS)
        await wait_for_job(environment, undisturbed, STEPS, "succeeded")

        disturbed = await clients.submit("disturbed", dataset, steps=STEPS, after=[], **SETTINGS)
        await wait_for_job(environment, disturbed, 5)
        for pid, folder in running_engines(environment.disk):
            if folder.name.startswith(disturbed):
                os.kill(pid, signal.SIGKILL)
        job = await wait_for_job(environment, disturbed, 10)
        for replica in environment.cluster.replicas["training"]:
            if replica.process is not None and job["runner"].endswith(f":{replica.process.pid}"):
                replica.process.kill()
        job = await wait_for_job(environment, disturbed, STEPS, "succeeded")
        assert job["token"] > 3  # claimed, claimed again after the kill, and taken over by the other replica
        assert await recorded_losses(environment, disturbed) == await recorded_losses(environment, undisturbed)
        findings = await InvariantChecker(environment, clients.accepted).check()
        await clients.close()
    assert findings.violations == []
