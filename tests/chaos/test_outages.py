"""Two minutes without documents and, within them, half a minute without an object store: training does not restart.

The outage of the documents outlasts all retry delays of the bus (71 s); that of the store, more than three checkpoints.
"""

import asyncio
import random
from pathlib import Path
from typing import Any

from shared.runtime.service import background
from tests.chaos.clients import Clients
from tests.chaos.environment import open_environment
from tests.chaos.fault_proxy import Proxy
from tests.chaos.invariants import InvariantChecker

DOCUMENTS_OUTAGE_S, BLOBS_OUTAGE_S = 120.0, 30.0
STEPS = 1300
"""At 0.1 s each, the steps outlast the outages; every five a checkpoint."""


async def take_away(proxy: Proxy, seconds: float) -> None:
    """Refuse connections for a while."""
    proxy.refusing = True
    proxy.cut()
    await asyncio.sleep(seconds)
    proxy.heal()


async def test_outages_of_documents_and_store_restart_nothing(tmp_path: Path) -> None:
    async with (
        open_environment(tmp_path / "environment", replicas=1) as environment,
        background(environment.supervise()),
        asyncio.timeout(600),
    ):
        clients = Clients(environment, random.Random(1))
        dataset = await clients.upload("base")
        job = await clients.submit("job", dataset, steps=STEPS, after=["evaluate", "export_torch"])
        jobs: Any = environment.database["training_jobs"]
        while not (before := await jobs.find_one({"_id": job}))["checkpoints"]:
            await asyncio.sleep(0.1)
        pids = [replica.process.pid for replica in environment.replicas if replica.process]

        documents = asyncio.create_task(take_away(environment.proxies["documents"], DOCUMENTS_OUTAGE_S))
        await environment.events.republish(list(environment.events.envelopes.values()))  # deliveries that must wait
        await take_away(environment.proxies["blobs"], BLOBS_OUTAGE_S)
        await documents

        findings = await InvariantChecker(environment, clients.accepted).check()
        await clients.close()
        assert findings.violations == []
        after = await jobs.find_one({"_id": job})
        assert after["state"] == "succeeded"
        assert [after[name] for name in ("token", "attempts")] == [before[name] for name in ("token", "attempts")]
        assert [replica.process.pid for replica in environment.replicas if replica.process] == pids
