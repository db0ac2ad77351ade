"""Training workers know of each other."""

import asyncio
from datetime import timedelta
from pathlib import Path

from services.training.workers.capacity import Machine
from services.training.workers.registry import FORGOTTEN, Site, Workers
from shared.documents.entities import now
from shared.documents.local import LocalDocuments
from shared.runtime.service import background

MACHINE = Machine(cpu=4, gpu=0, memory_gb=8)


async def test_workers_see_each_other_while_they_live(tmp_path: Path) -> None:
    documents = LocalDocuments(tmp_path / "documents.sqlite")
    collection = await documents.collection("training.workers")
    one, two = (Workers(collection, Site(name, MACHINE, slots=2)) for name in ("host:1", "host:2"))
    async with background(one.announce()), background(two.announce()), asyncio.timeout(60):
        while len(await one.sites()) < 2:
            await asyncio.sleep(0.01)
        assert [site.name for site in await two.sites()] == ["host:2", "host:1"]
    assert await one.sites() == [one.own]
    await documents.close()


async def test_a_worker_that_fell_silent_is_not_counted(tmp_path: Path) -> None:
    documents = LocalDocuments(tmp_path / "documents.sqlite")
    collection = await documents.collection("training.workers")
    for name, silent in (("lately", FORGOTTEN / 2), ("silent", 2 * FORGOTTEN), ("gone", timedelta(days=2))):
        said = {"name": name, "slots": 1, "machine": {"cpu": 1, "gpu": 0, "memory_gb": 1}}
        await collection.insert({"_id": name, "version": 1, **said, "seen_at": (now() - silent).isoformat()})
    sites = await Workers(collection, Site("own", MACHINE, 1)).sites()
    assert [site.name for site in sites] == ["own", "lately"]
    assert {said["name"] for said in await collection.find({})} == {"lately", "silent"}
    await documents.close()
