"""A minute without a broker during training and an upload: both continue, and `/readyz` names the broker."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import websockets

from shared.runtime.service import background
from tests.chaos.clients import Clients
from tests.chaos.environment import Environment, open_environment
from tests.chaos.invariants import InvariantChecker

OUTAGE_S = float(os.environ.get("BROKER_OUTAGE_S", "60"))
STEPS = round(10 * OUTAGE_S) + 100
"""At 0.1 s each, the steps outlast the outage."""
BOUNDARY = "chaos-test-boundary"


async def slow_upload(http: httpx.AsyncClient, done: asyncio.Event) -> Any:
    """Upload rows one by one until `done`; returns the response and the number of rows."""
    rows = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal rows
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="name"\r\n\r\nslow\r\n'.encode()
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="slow.jsonl"\r\n\r\n'.encode()
        while not done.is_set() or rows < 20:
            rows += 1
            yield json.dumps({"prompt": f"slow {rows}?", "completion": f"answer {rows}"}).encode() + b"\n"
            await asyncio.sleep(0.5)
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return await http.post("/datasets/upload", content=body(), headers=headers), rows


async def follow(environment: Environment, job: str, seen: list[dict[str, Any]]) -> str:
    """Collect the records of a job's live websocket in `seen`; returns the final state."""
    url = f"{environment.cluster.url.replace('http', 'ws')}/live?job={job}"
    headers = {"Authorization": f"Bearer {environment.cluster.key}"}
    async with websockets.connect(url, additional_headers=headers, open_timeout=60) as socket:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "end":
                return str(message["state"])
            seen += message["records"]
    raise AssertionError("the websocket closed before the job's end")


async def test_training_and_upload_survive_a_minute_without_a_broker(tmp_path: Path) -> None:
    async with (
        open_environment(tmp_path / "environment", replicas=1) as environment,
        background(environment.supervise()),
        asyncio.timeout(340 + OUTAGE_S),
    ):
        clients = Clients(environment, random.Random(1))
        dataset = await clients.upload("base")
        job = await clients.submit("job", dataset, steps=STEPS, after=["evaluate"])
        seen: list[dict[str, Any]] = []
        watching = asyncio.create_task(follow(environment, job, seen))
        headers = {"Authorization": f"Bearer {environment.cluster.key}"}
        async with httpx.AsyncClient(base_url=environment.cluster.url, headers=headers, timeout=60) as http:
            restored = asyncio.Event()
            uploading = asyncio.create_task(slow_upload(http, restored))
            while len(seen) < 10:
                await asyncio.sleep(0.1)

            await asyncio.to_thread(environment.servers["bus"].kill)
            before = len(seen)
            second = await clients.submit("during-outage", dataset, steps=12, after=[])
            checks = (await http.get("/readyz")).json()["checks"]
            await asyncio.sleep(OUTAGE_S)
            stored = (await http.get(f"/training/jobs/{job}/records", params={"after": 0, "limit": 10_000})).json()
            assert {name for name, state in checks.items() if state != "ok"} == {"bus"}
            assert len(stored["records"]) > before + 0.5 * OUTAGE_S / 0.1 / 2  # training continued
            while seen[-1]["seq"] < stored["records"][-1]["seq"]:  # the live view catches up without a broker
                await asyncio.sleep(0.1)
            submitted = await environment.database["training_jobs"].find_one({"_id": second})
            assert submitted["pending"] > 0  # its events wait in the outbox
            await asyncio.to_thread(environment.servers["bus"].start)
            restored.set()

            answer, rows = await uploading
            assert answer.status_code == 201, answer.text
            clients.accepted.datasets[answer.json()["id"]] = rows
        assert await watching == "succeeded"
        assert [record["seq"] for record in seen] == list(range(1, len(seen) + 1))
        findings = await InvariantChecker(environment, clients.accepted).check()
        await clients.close()
        assert findings.violations == []
        assert findings.final_states == {"succeeded": 2}
