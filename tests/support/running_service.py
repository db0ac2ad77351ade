"""One running service with a tiny base model, a custom model and a dataset in its blob store."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as parquet

from shared.blobs.artifacts import artifact_uri, publish
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.events.envelope import Envelope, Event
from shared.events.registry import CONSUMERS
from shared.runtime.http.principal import Principal
from shared.runtime.processes.children import Engines
from shared.runtime.processes.limits import DefaultLimits
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service, running, web_app
from shared.runtime.settings import Settings
from tests.support.signing import SignedAs
from tests.support.tiny_model import make_tiny_adapter, make_tiny_model, template_hash

Build = Callable[[Resources], Awaitable[Service]]


def write_shard(path: Path, rows: list[dict[str, Any]], kept: Sequence[dict[str, Any]] = ()) -> None:
    """Write rows as a Parquet shard with the columns that shared/blobs/manifests.py documents."""
    columns = {
        "row_id": list(range(len(rows))),
        "source": [f"rows.jsonl:{number + 1}" for number in range(len(rows))],
        "row": [json.dumps(row) for row in rows],
        **({"columns": [json.dumps(values) for values in kept]} if kept else {}),
    }
    parquet.write_table(pa.table(columns), path)


def chat_rows(count: int) -> list[dict[str, Any]]:
    """Return `count` conversations of one question and one answer."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"Where is order {number}?"},
                {"role": "assistant", "content": f"Order {number} left today."},
            ]
        }
        for number in range(count)
    ]


@dataclass(frozen=True)
class RunningService:
    """A running service, an HTTP client of it, and the events it publishes."""

    resources: Resources
    http: httpx.AsyncClient
    folder: Path
    events: asyncio.Queue[Envelope]
    """Events delivered to the gateway, in order."""

    async def next_event(self, event: type[Event]) -> dict[str, Any]:
        """Return the data of the next event of this type; drops other events, but fails on a `.failed.` event."""
        async with asyncio.timeout(120):
            while (envelope := await self.events.get()).type != event.type:
                assert ".failed." not in envelope.type, envelope.data
        return envelope.data

    async def publish_models(self, model_id: str = "model_tuned", **changes: Any) -> None:
        """Publish a base model and a custom model (a LoRA adapter); `changes` override the custom model's manifest."""
        base = make_tiny_model(self.folder / "base")
        adapter = make_tiny_adapter(base, self.folder / "adapter")
        hash = template_hash(base)
        facts = {"architecture": "LlamaForCausalLM", "context_length": 512, "template_hash": hash}
        base_manifest = ModelManifest(model_id="tiny", name="tiny", kind="full", **facts)
        await publish(self.resources.blobs, "default/models/base/tiny", base, base_manifest.model_dump())
        tuned = ModelManifest(
            model_id=model_id,
            name="tiny tuned",
            kind="adapter",
            base="tiny",
            base_uri=artifact_uri("default", "models", "base", "tiny"),
            method="lora",
            dataset_id="dataset_chat",
            dataset_version="v1",
            max_length=256,
            job_id="job_1",
            metrics={"eval_loss": 1.25},
            provenance={"hyperparameters": {"epochs": 1, "learning_rate": 0.006}},
            **facts,
        )
        manifest = tuned.model_dump() | changes
        await publish(self.resources.blobs, f"default/models/custom/{model_id}", adapter, manifest)

    async def publish_full_model(self) -> None:
        """Publish `model_full`: full weights from another seed, with the same base model."""
        folder = make_tiny_model(self.folder / "full", seed=7)
        manifest = ModelManifest(
            model_id="model_full",
            name="tiny full",
            kind="full",
            base="tiny",
            base_uri=artifact_uri("default", "models", "base", "tiny"),
            method="full",
            context_length=512,
            template_hash=template_hash(folder),
            dataset_id="dataset_chat",
            dataset_version="v1",
        )
        await publish(self.resources.blobs, "default/models/custom/model_full", folder, manifest.model_dump())

    async def publish_dataset(
        self,
        dataset_id: str,
        rows: list[dict[str, Any]],
        *,
        form: str = "messages",
        split: str = "validation",
        kept: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Publish version v1 with all rows in one split; `kept` are values of further columns by row."""
        folder = self.folder / dataset_id
        folder.mkdir()
        write_shard(folder / f"{split}-00000.parquet", rows, kept)
        manifest = DatasetManifest(
            dataset_id=dataset_id,
            version="v1",
            name=dataset_id,
            form=form,
            layout="chat",
            columns=sorted({name for values in kept for name in values}),
            rows={"train": 0, "validation": 0, split: len(rows)},
            shards={"train": [], "validation": [], split: [f"{split}-00000.parquet"]},
        )
        key = f"default/datasets/{dataset_id}"
        await publish(self.resources.blobs, f"{key}/v1", folder, manifest.model_dump())
        await self.resources.blobs.put(f"{key}/latest.json", b'{"version": "v1"}')


def share_forkservers(resources: Resources, engines: Engines) -> Resources:
    """The resources with engines that fork from the forkservers of `engines`, within the limits of their settings."""
    sharing = Engines(DefaultLimits.of(resources.settings))
    sharing._parents, sharing._preloaded, sharing._starting = engines._parents, engines._preloaded, engines._starting
    return replace(resources, engines=sharing)


@asynccontextmanager
async def open_service(
    build: Build, home: Path, engines: Engines | None = None, *, project: str = "default", **settings: Any
) -> AsyncIterator[RunningService]:
    """Start the service that `build` makes, with its data in `home`; requests are signed for `project`.

    Its engines fork from the forkservers of `engines`, or from its own.
    """
    async with open_resources(Settings(home=home / "home", **settings)) as resources:
        resources = share_forkservers(resources, engines) if engines else resources
        service = await build(resources)
        events: asyncio.Queue[Envelope] = asyncio.Queue()
        for event in (event for event, consumers in CONSUMERS.items() if "gateway" in consumers):
            await resources.bus.subscribe("gateway", event.type, events.put)

        transport = httpx.ASGITransport(web_app(service, resources))
        auth = SignedAs(resources, Principal("tester", project, ("*",)))
        async with (
            running([service], resources),
            httpx.AsyncClient(
                transport=transport,
                base_url="http://service",
                auth=auth,
                timeout=60,
            ) as http,
        ):
            yield RunningService(resources, http, home, events)
