"""The training room with its embedded adapters, running, for component tests."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from services.training.app import build
from shared.blobs.artifacts import publish
from shared.runtime.http.principal import HEADER, Principal
from shared.runtime.processes.children import Engines
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings

ENGINE = "tests.support.scripted_trainer:main"
PATIENCE = 120
"""Seconds for what takes one or two when the machine is idle."""
FINAL = ("succeeded", "failed", "cancelled")


@dataclasses.dataclass
class Room:
    """A running training room and how to talk to it."""

    resources: Resources
    http: httpx.AsyncClient

    async def submit(self, **fields: Any) -> dict[str, Any]:
        body = {"dataset": "ds_1", "max_steps": 20, "checkpoint_every": 5, **fields}
        answer = await self.http.post("/training/jobs", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def job(self, id: str) -> dict[str, Any]:
        return dict((await self.http.get(f"/training/jobs/{id}")).json())

    async def until(self, id: str, *states: str) -> dict[str, Any]:
        """The job, as soon as its stream or document says one of `states`."""
        async with asyncio.timeout(PATIENCE), self.resources.bus.listen(["training.progressed.v1"]) as heard:
            while (job := await self.job(id))["state"] not in states:
                await anext(heard)
        return job

    async def until_logged(self, id: str, message: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE), self.resources.bus.listen(["training.progressed.v1"]) as heard:
            while message not in [line["message"] for line in (await self.job(id))["logs"]]:
                await anext(heard)
        return await self.job(id)

    async def until_told(self, id: str, state: str) -> list[dict[str, Any]]:
        """The job's records once they say that it came into this state, which is a moment after its document."""
        async with asyncio.timeout(PATIENCE), self.resources.bus.listen(["training.progressed.v1"]) as heard:
            while True:
                found = await self.records(id)
                if state in [record.get("state") for record in found]:
                    return found
                await anext(heard)

    async def records(self, id: str) -> list[dict[str, Any]]:
        return list((await self.http.get(f"/training/jobs/{id}/records")).json()["records"])

    def control(self, **script: Any) -> None:
        (self.resources.settings.directory / "control.json").write_text(json.dumps(script))


async def put_dataset(resources: Resources, id: str = "ds_1", **changes: Any) -> None:
    folder = resources.scratch / "data"
    folder.mkdir(exist_ok=True)
    (folder / "train-00000.parquet").write_bytes(b"rows")
    manifest = {
        "dataset_id": id,
        "version": "v1",
        "name": "Support",
        "form": "messages",
        "layout": "messages",
        "rows": {"train": 240, "validation": 20},
        "shards": {"train": ["train-00000.parquet"]},
        **changes,
    }
    await publish(resources.blobs, f"default/datasets/{id}/v1", folder, manifest)
    await resources.blobs.put(f"default/datasets/{id}/latest.json", b'{"version": "v1"}')


@asynccontextmanager
async def open_room(
    home: Path, engines: Engines, bundle: Path, *, engine: str = ENGINE, **settings: Any
) -> AsyncIterator[Room]:
    async with open_resources(Settings(home=home, **settings)) as opened:
        resources = dataclasses.replace(opened, engines=engines)
        service = await build(resources, engine=engine, bundle=bundle)
        app = web_app(service, resources)

        async def sign(request: httpx.Request) -> None:
            request.headers.setdefault(HEADER, resources.signer.sign(Principal("tester")))

        transport = httpx.ASGITransport(app)
        async with (
            running([service], resources),
            httpx.AsyncClient(transport=transport, base_url="http://room", event_hooks={"request": [sign]}) as http,
        ):
            await put_dataset(resources)
            yield Room(resources, http)


def losses(records: list[dict[str, Any]]) -> dict[int, float]:
    """Loss by step as a chart shows it: a rewind drops what came after its step."""
    shown: dict[int, float] = {}
    for record in records:
        if record["kind"] == "rewind":
            shown = {step: loss for step, loss in shown.items() if step <= record["step"]}
        elif record["kind"] == "metric":
            assert record["step"] not in shown
            shown[record["step"]] = record["loss"]
    return shown


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["remedy"]
    return dict(answer.json())
