"""Training workers see each other in the registry."""

import asyncio
from datetime import timedelta
from pathlib import Path

from services.training.workers.capacity import Machine
from services.training.workers.registry import LIVENESS_TIMEOUT, RegisteredWorker, WorkerRegistry
from shared.documents.entities import now
from shared.documents.local import LocalDocuments
from shared.runtime.service import background

MACHINE = Machine(cpu=4, gpu=0, memory_gb=8)


async def test_live_workers_see_each_other(tmp_path: Path) -> None:
    documents = LocalDocuments(tmp_path / "documents.sqlite")
    collection = await documents.collection("training.workers")
    one, two = (WorkerRegistry(collection, RegisteredWorker(name, MACHINE, slots=2)) for name in ("host:1", "host:2"))
    async with background(one.run()), background(two.run()), asyncio.timeout(60):
        while len(await one.live_workers()) < 2:
            await asyncio.sleep(0.01)
        assert [worker.name for worker in await two.live_workers()] == ["host:2", "host:1"]
    assert await one.live_workers() == [one.own]
    await documents.close()


async def test_worker_without_heartbeats_is_not_live(tmp_path: Path) -> None:
    documents = LocalDocuments(tmp_path / "documents.sqlite")
    collection = await documents.collection("training.workers")
    for name, age in (("recent", LIVENESS_TIMEOUT / 2), ("silent", 2 * LIVENESS_TIMEOUT), ("gone", timedelta(days=2))):
        fields = {"name": name, "slots": 1, "machine": {"cpu": 1, "gpu": 0, "memory_gb": 1}}
        await collection.insert({"_id": name, "version": 1, **fields, "seen_at": (now() - age).isoformat()})
    live = await WorkerRegistry(collection, RegisteredWorker("own", MACHINE, 1)).live_workers()
    assert [worker.name for worker in live] == ["own", "recent"]
    assert {document["name"] for document in await collection.find({})} == {"recent", "silent"}
    await documents.close()
