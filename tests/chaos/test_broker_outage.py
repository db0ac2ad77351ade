"""No broker for a minute, in mid-training and mid-upload: everything goes on, and the user sees what is away."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import websockets

from shared.runtime.service import background
from tests.chaos.clients import Clients
from tests.chaos.environment import Place, opened
from tests.chaos.invariants import Ledger

AWAY = 60.0
STEPS = 700
"""At a tenth of a second each they outlast the outage."""
BOUNDARY = "a-boundary-of-our-own"


async def slow_upload(http: httpx.AsyncClient, done: asyncio.Event) -> Any:
    """Rows that arrive one by one until `done`; the answer and how many there were."""
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


async def follow(place: Place, job: str, seen: list[dict[str, Any]]) -> str:
    """The live websocket of a job from its first record to its end; the state that it ended with."""
    url = f"{place.town.url.replace('http', 'ws')}/live?job={job}"
    headers = {"Authorization": f"Bearer {place.town.key}"}
    async with websockets.connect(url, additional_headers=headers, open_timeout=60) as socket:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "end":
                return str(message["state"])
            seen += message["records"]
    raise AssertionError("the websocket closed before the job's end")


async def test_a_minute_without_a_broker(tmp_path: Path) -> None:
    async with opened(tmp_path / "place", replicas=1) as place, background(place.supervise()), asyncio.timeout(400):
        clients = Clients(place, random.Random(1))
        dataset = await clients.upload("ground")
        job = await clients.submit("job", dataset, steps=STEPS, after=["evaluate"])
        seen: list[dict[str, Any]] = []
        watching = asyncio.create_task(follow(place, job, seen))
        headers = {"Authorization": f"Bearer {place.town.key}"}
        async with httpx.AsyncClient(base_url=place.town.url, headers=headers, timeout=60) as http:
            back = asyncio.Event()
            uploading = asyncio.create_task(slow_upload(http, back))
            while len(seen) < 10:
                await asyncio.sleep(0.1)

            await asyncio.to_thread(place.servers["bus"].kill)
            before = len(seen)
            second = await clients.submit("meanwhile", dataset, steps=12, after=[])
            away = (await http.get("/readyz")).json()["checks"]
            await asyncio.sleep(AWAY)
            stored = (await http.get(f"/training/jobs/{job}/records", params={"after": 0, "limit": 10_000})).json()
            assert {name for name, state in away.items() if state != "ok"} == {"bus"}
            assert len(stored["records"]) > before + 0.5 * AWAY / 0.1 / 2  # training went on
            while seen[-1]["seq"] < stored["records"][-1]["seq"]:  # and so does the live view, still without a broker
                await asyncio.sleep(0.1)
            waiting = await place.database["training_jobs"].find_one({"_id": second})
            assert waiting["pending"] > 0  # its events wait in the document
            await asyncio.to_thread(place.servers["bus"].start)
            back.set()

            answer, rows = await uploading
            assert answer.status_code == 201, answer.text
            clients.book.datasets[answer.json()["id"]] = rows
        assert await watching == "succeeded"
        assert [record["seq"] for record in seen] == list(range(1, len(seen) + 1))
        findings = await Ledger(place, clients.book).check()
        await clients.close()
        assert findings.violations == []
        assert findings.ends == {"succeeded": 2}
