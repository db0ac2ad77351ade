"""A running training service on the embedded adapters, for component tests."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from services.training.app import build
from shared.blobs.artifacts import publish
from shared.events.envelope import Envelope
from shared.events.training import (
    BaseModelFailed,
    BaseModelReady,
    CheckpointPublished,
    ModelRenamed,
    TrainingSucceeded,
)
from shared.runtime.processes.children import Engines
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings
from tests.support.signing import SignedAs

ENGINE = "tests.support.scripted_trainer:main"
TIMEOUT_S = 120
"""Upper bound for steps that take a second or two on an idle machine."""
FINAL = ("succeeded", "failed", "cancelled")


@dataclasses.dataclass
class TrainingHarness:
    """A running training service and an HTTP client of it."""

    resources: Resources
    http: httpx.AsyncClient
    events: asyncio.Queue[Envelope]
    """Completed trainings, as evaluation receives them, and changed models, as the gateway does."""

    async def submit(self, **fields: Any) -> dict[str, Any]:
        body = {"dataset": "ds_1", "max_steps": 20, "checkpoint_every": 5, **fields}
        answer = await self.http.post("/training/jobs", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def job(self, id: str) -> dict[str, Any]:
        return dict((await self.http.get(f"/training/jobs/{id}")).json())

    async def wait_for_state(self, id: str, *states: str) -> dict[str, Any]:
        """Wait until the job is in one of `states`, and return it."""
        async with asyncio.timeout(TIMEOUT_S), self.resources.bus.listen(["training.progressed.v1"]) as updates:
            while (job := await self.job(id))["state"] not in states:
                await anext(updates)
        return job

    async def wait_for_event(self, type: str, **data: Any) -> Envelope:
        """Wait for the event with these data; earlier events are dropped."""
        async with asyncio.timeout(TIMEOUT_S):
            while (event := await self.events.get()).type != type or not data.items() <= event.data.items():
                pass
        return event

    async def wait_for_log(self, id: str, message: str) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S), self.resources.bus.listen(["training.progressed.v1"]) as updates:
            while message not in [line["message"] for line in (await self.job(id))["logs"]]:
                await anext(updates)
        return await self.job(id)

    async def wait_for_record(self, id: str, state: str) -> list[dict[str, Any]]:
        """Wait until the job's records contain `state`, slightly later than its document; returns the records."""
        async with asyncio.timeout(TIMEOUT_S), self.resources.bus.listen(["training.progressed.v1"]) as updates:
            while True:
                found = await self.records(id)
                if state in [record.get("state") for record in found]:
                    return found
                await anext(updates)

    async def cancel(self, id: str) -> None:
        """Cancel the job, so that the next test finds a free slot."""
        await self.http.post(f"/training/jobs/{id}/cancel")
        await self.wait_for_state(id, *FINAL)

    async def wait_for_record_of(self, id: str, kind: str) -> None:
        """Wait until the job has a record of this kind."""
        async with asyncio.timeout(TIMEOUT_S), self.resources.bus.listen(["training.progressed.v1"]) as updates:
            while kind not in [record["kind"] for record in await self.records(id)]:
                await anext(updates)

    async def records(self, id: str) -> list[dict[str, Any]]:
        return list((await self.http.get(f"/training/jobs/{id}/records")).json()["records"])

    def control(self, **script: Any) -> None:
        """Script the trainer of the next attempts, as tests/support/scripted_trainer.py describes."""
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


async def put_real_dataset(resources: Resources, words: str = "", form: str = "messages") -> None:
    """Forty greetings to learn and eight to check, each with some more `words`; or pairs of a kind and a rude one."""
    folder, id = resources.scratch / f"greetings-{form}", "ds_hello" if form == "messages" else f"ds_{form}"
    folder.mkdir()
    rows = {"train": 40, "validation": 8}
    for split, count in rows.items():
        texts = [f"Hello number {i % 10} of {split}.{words}" for i in range(count)]
        table = pa.table(
            {
                "row_id": pa.array(range(count), pa.int64()),
                "source": [f"greetings.jsonl:{i}" for i in range(count)],
                "row": [json.dumps(preference(text) if form == "preference" else echo(text)) for text in texts],
            }
        )
        pq.write_table(table, folder / f"{split}-00000.parquet")
    manifest = {
        "dataset_id": id,
        "version": "v1",
        "name": "Greetings",
        "form": form,
        "layout": form,
        "rows": rows,
        "shards": {split: [f"{split}-00000.parquet"] for split in rows},
    }
    await publish(resources.blobs, f"default/datasets/{id}/v1", folder, manifest)
    await resources.blobs.put(f"default/datasets/{id}/latest.json", b'{"version": "v1"}')


def echo(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": f"You said: {text}"}]}


def preference(text: str) -> dict[str, Any]:
    answers = {"chosen": f"You said: {text}", "rejected": "Who cares?"}
    replies = {name: [{"role": "assistant", "content": content}] for name, content in answers.items()}
    return {"messages": [{"role": "user", "content": text}], **replies}


@asynccontextmanager
async def open_training(
    home: Path, engines: Engines, bundle: Path, *, engine: str = ENGINE, **settings: Any
) -> AsyncIterator[TrainingHarness]:
    """Start a training service with its data in `home`; `bundle` is the folder of the bundled base model."""
    async with open_resources(Settings(home=home, **settings)) as opened:
        resources = dataclasses.replace(opened, engines=engines)
        service = await build(resources, engine=engine, bundle=bundle)
        app = web_app(service, resources)

        events: asyncio.Queue[Envelope] = asyncio.Queue()
        await resources.bus.subscribe("evaluation", TrainingSucceeded.type, events.put)
        for event in (CheckpointPublished, ModelRenamed, BaseModelReady, BaseModelFailed):
            await resources.bus.subscribe("gateway", event.type, events.put)

        transport = httpx.ASGITransport(app)
        async with (
            running([service], resources),
            httpx.AsyncClient(transport=transport, base_url="http://service", auth=SignedAs(resources)) as http,
        ):
            await put_dataset(resources)
            yield TrainingHarness(resources, http, events)


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
