"""The training room on its embedded adapters, with a small engine that speaks the whole protocol."""

import asyncio
import dataclasses
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.training.app import build
from shared.blobs.artifacts import publish, read_manifest
from shared.runtime.children import Engines
from shared.runtime.principal import HEADER, Principal
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings
from tests.tiny import make_tiny_model

pytestmark = pytest.mark.asyncio(loop_scope="module")
ENGINE = "tests.small_trainer:main"
FINAL = ("succeeded", "failed", "cancelled")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engines() -> AsyncIterator[Engines]:
    """One warm parent for all tests: its imports cost seconds."""
    warm = Engines()
    yield warm
    await warm.close()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loadable model folder."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


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
        async with asyncio.timeout(30), self.resources.bus.listen(["training.progressed.v1"]) as heard:
            while (job := await self.job(id))["state"] not in states:
                await anext(heard)
        return job

    async def until_logged(self, id: str, message: str) -> dict[str, Any]:
        async with asyncio.timeout(30), self.resources.bus.listen(["training.progressed.v1"]) as heard:
            while message not in [line["message"] for line in (await self.job(id))["logs"]]:
                await anext(heard)
        return await self.job(id)

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
async def open_room(home: Path, engines: Engines, bundle: Path, **settings: Any) -> AsyncIterator[Room]:
    async with open_resources(Settings(home=home, **settings)) as opened:
        resources = dataclasses.replace(opened, engines=engines)
        service = await build(resources, engine=ENGINE, bundle=bundle)
        app = web_app(service, resources)
        headers = {HEADER: resources.signer.sign(Principal("tester"))}
        transport = httpx.ASGITransport(app)
        async with (
            running([service], resources),
            httpx.AsyncClient(transport=transport, base_url="http://room", headers=headers) as http,
        ):
            await put_dataset(resources)
            yield Room(resources, http)


@pytest_asyncio.fixture(loop_scope="module")
async def room(tmp_path: Path, engines: Engines, tiny: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path, engines, tiny) as opened:
        yield opened


async def test_a_job_becomes_a_published_model(room: Room) -> None:
    job = await room.submit(name="first", after=["evaluate"])
    done = await room.until(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    manifest = await read_manifest(room.resources.blobs, f"default/models/custom/{done['model_id']}")
    assert manifest["base_uri"] == "anneal://_shared/models/base/seedling"
    assert {entry["name"] for entry in manifest["files"]} == {"adapter_config.json", "adapter_model.safetensors"}
    assert done["progress"] == {"step": 20, "total": 20, "percent": 100}
