"""A tiny base, an adapter over it and a small dataset, published the way the training and dataset rooms publish."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as parquet

from shared.blobs.artifacts import artifact_uri, publish
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.events.envelope import Envelope, Event
from shared.events.registry import CONSUMERS
from shared.runtime.http.principal import HEADER, Principal
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service, running, web_app
from shared.runtime.settings import Settings
from tests.support.tiny_model import make_tiny_model

Build = Callable[[Resources], Awaitable[Service]]


def make_tiny_adapter(base: Path, folder: Path, *, seed: int = 1, **changes: Any) -> Path:
    """A LoRA adapter over `base` whose weights are not zero, saved with its tokenizer as training saves it.

    `changes` go into its LoraConfig.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "init_lora_weights": False, **changes}
        config = LoraConfig(**settings)
        get_peft_model(model, config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def template_hash(folder: Path) -> str:
    """The hash that training writes into the manifest."""
    from transformers import AutoTokenizer

    from shared.engine.text.template import ChatTemplate

    return ChatTemplate.of(AutoTokenizer.from_pretrained(folder)).hash


def write_shard(path: Path, rows: list[dict[str, Any]]) -> None:
    """A Parquet shard with the columns of shared/blobs/manifests.py."""
    columns = {
        "row_id": list(range(len(rows))),
        "source": [f"rows.jsonl:{number + 1}" for number in range(len(rows))],
        "row": [json.dumps(row) for row in rows],
    }
    parquet.write_table(pa.table(columns), path)


def chat_rows(count: int) -> list[dict[str, Any]]:
    """Questions with answers."""
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
class Room:
    """A running room with the tiny models and a dataset in its blobs."""

    resources: Resources
    http: httpx.AsyncClient
    folder: Path
    told: asyncio.Queue[Envelope]
    """What the gateway hears, in order."""

    async def hear(self, event: type[Event]) -> dict[str, Any]:
        """The data of the next event of this type; others before it are dropped, failures are not."""
        async with asyncio.timeout(120):
            while (envelope := await self.told.get()).type != event.type:
                assert ".failed." not in envelope.type, envelope.data
        return envelope.data

    async def publish_models(self, model_id: str = "model_tuned", **changes: Any) -> None:
        """The base, and a custom model over it; `changes` go into the latter's manifest."""
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
        """`model_full`: full weights of another seed over the same base."""
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

    async def publish_dataset(self, dataset_id: str, rows: list[dict[str, Any]], *, form: str = "messages") -> None:
        """Version v1 with all rows in `validation`, and none in `train`."""
        folder = self.folder / dataset_id
        folder.mkdir()
        write_shard(folder / "validation-00000.parquet", rows)
        manifest = DatasetManifest(
            dataset_id=dataset_id,
            version="v1",
            name=dataset_id,
            form=form,
            layout="chat",
            rows={"train": 0, "validation": len(rows)},
            shards={"train": [], "validation": ["validation-00000.parquet"]},
        )
        key = f"default/datasets/{dataset_id}"
        await publish(self.resources.blobs, f"{key}/v1", folder, manifest.model_dump())
        await self.resources.blobs.put(f"{key}/latest.json", b'{"version": "v1"}')


@asynccontextmanager
async def open_room(build: Build, home: Path, *, project: str = "default") -> AsyncIterator[Room]:
    """The room that `build` makes, up and running in `home`, called by a member of `project`."""
    async with open_resources(Settings(home=home / "home")) as resources:
        service = await build(resources)
        told: asyncio.Queue[Envelope] = asyncio.Queue()
        for event in (event for event, rooms in CONSUMERS.items() if "gateway" in rooms):
            await resources.bus.subscribe("gateway", event.type, told.put)

        def sign(request: httpx.Request) -> httpx.Request:
            request.headers[HEADER] = resources.signer.sign(Principal("tester", project))
            return request

        transport = httpx.ASGITransport(web_app(service, resources))
        async with (
            running([service], resources),
            httpx.AsyncClient(transport=transport, base_url="http://room", auth=sign, timeout=60) as http,
        ):
            yield Room(resources, http, home, told)
