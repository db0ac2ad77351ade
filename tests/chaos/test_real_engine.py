"""The real engine on the town: its process and its room are killed, and it ends as if nothing had happened."""

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
from tests.chaos.environment import Place, opened
from tests.chaos.faults import engines
from tests.chaos.invariants import Ledger
from tests.support.training_service import losses

STEPS = 60
"""On a fast machine too it must not end before it is killed."""
REAL = {"method": "lora", "checkpoint_every": 5, "dtype": "fp32", "threads": 1, "resources": {"cpu": 1}}


async def until(place: Place, id: str, reached: int, state: str = "running") -> Any:
    """The job once it is in that state; a running one once its last checkpoint is at `reached` or later."""
    while True:
        job = await place.database["training_jobs"].find_one({"_id": id})
        step = max((checkpoint["step"] for checkpoint in job["checkpoints"]), default=0)
        if job["state"] == state and (state != "running" or step >= reached):
            return job
        await asyncio.sleep(0.1)


async def charted(place: Place, id: str) -> dict[int, float]:
    documents = connect(place.servers["documents"].url)
    streams = await Streams.open(documents, "training")
    found = losses(await streams.read(id))
    await documents.close()
    return found


async def test_a_killed_engine_and_a_killed_room(tmp_path: Path) -> None:
    async with (
        opened(tmp_path / "place", replicas=2, arguments=("--real-engines",)) as place,
        background(place.supervise()),
        asyncio.timeout(400),
    ):
        clients = Clients(place, random.Random(1))
        dataset = await clients.upload("ground")
        undisturbed = await clients.submit("same", dataset, steps=STEPS, after=[], **REAL)
        await until(place, undisturbed, STEPS, "succeeded")

        disturbed = await clients.submit("also", dataset, steps=STEPS, after=[], **REAL)
        await until(place, disturbed, 5)
        for pid, folder in engines(place.disk):
            if folder.name.startswith(disturbed):
                os.kill(pid, signal.SIGKILL)
        job = await until(place, disturbed, 10)
        for room in place.town.rooms["training"]:
            if room.process is not None and job["runner"].endswith(f":{room.process.pid}"):
                room.process.kill()
        job = await until(place, disturbed, STEPS, "succeeded")
        assert job["token"] > 3  # claimed, killed and claimed again, and its lease taken over
        assert await charted(place, disturbed) == await charted(place, undisturbed)
        findings = await Ledger(place, clients.book).check()
        await clients.close()
    assert findings.violations == []
