"""One attempt at an export: runs the engine under the lease, then publishes its archive."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.export.models import ARCHIVE, Export, Format, Progress, Result
from shared.blobs.artifacts import dataset_folder, key_of, publish, read_manifest, resolve_model, weights_size
from shared.blobs.attempt_artifacts import attempt_artifact
from shared.blobs.errors import BlobNotFound
from shared.blobs.manifests import DatasetManifest, ExportManifest, FileEntry, ModelManifest
from shared.runtime.jobs.engine_runs import Message, run_to_result
from shared.runtime.jobs.leases import Lease
from shared.runtime.jobs.uses import Uses
from shared.runtime.resources import Resources

FOLDER = "exports"
"""In the scratch folder; holds a folder per attempt, deleted with it."""
PACKAGES: Mapping[Format, tuple[str, ...]] = {
    "torch": (),
    "adapter": (),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "gguf": ("gguf",),
    "gguf_adapter": ("gguf",),
}
"""What a format needs in addition to torch, transformers and peft."""


@dataclass(frozen=True)
class Runner:
    """Runs the exports that the worker claims."""

    resources: Resources
    uses: Uses[Export]

    async def run(self, export: Export, lease: Lease[Export]) -> None:
        """Export in a child process and publish, unless the lease is lost or the export is cancelled."""
        folder = self.resources.scratch / FOLDER / f"{export.id}-t{lease.token}"
        folder.mkdir(parents=True)
        try:
            await self.uses.add(export)
            form = export.target.format
            spec = await self._spec(export, folder)
            child = await self.resources.engines.launch(
                f"services.export.engine.{form}_export:main",
                spec,
                cwd=folder,
                requires=("torch", "transformers", "peft", *PACKAGES[form]),
            )

            async def on_message(message: Message) -> None:
                if message["kind"] == "progress":
                    await lease.change(lambda e: e.advance(Progress.model_validate(message)))

            if result := await run_to_result(child, lease, on_message, weights_size(spec["model"])):
                await self._publish(export, lease, result)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _spec(self, export: Export, folder: Path) -> dict[str, Any]:
        """Build the engine's spec: local paths and plain values, no URIs."""
        blobs = self.resources.blobs
        manifest = await read_manifest(blobs, key_of(export.model_uri, export.project))
        uri = manifest.get("base_uri")
        base = ModelManifest.model_validate(await read_manifest(blobs, key_of(uri, export.project))) if uri else None
        return {
            "model": await resolve_model(blobs, export.model_uri, export.project),
            "manifest": {**manifest, **({"name": export.model_name} if export.model_name else {})},
            "base": base and {**base.model_dump(mode="json", exclude={"files"}), "fingerprint": base.fingerprint},
            "out": str(folder),
            "top": export.target.name.removesuffix(".zip"),
            "held_out": await self._held_out(manifest, export.project),
            "quantization": export.target.quantization,
            "llama_cpp_python": self.resources.settings.llama_cpp_python,
        }

    async def _held_out(self, manifest: dict[str, Any], project: str) -> dict[str, Any] | None:
        """The rows of the model's dataset that it was not trained on, to compare answers; None where there are none."""
        if not (uri := manifest.get("dataset_uri")):
            return None
        key = key_of(uri, project)
        try:
            dataset = DatasetManifest.model_validate(await read_manifest(self.resources.blobs, key))
        except BlobNotFound:
            return None  # deleted since
        trained = ModelManifest.model_validate(manifest).trained_splits
        held_out = [split for split in ("test", "validation") if dataset.rows.get(split) and split not in trained]
        split = next(iter(held_out), None)
        if split is None:
            return None
        shards = dataset.shards[split]
        folder = await dataset_folder(self.resources.blobs, key, dataset, shards)
        name = f"{dataset.dataset_id}@{dataset.version} ({split})"
        return {"folder": str(folder), "shards": shards, "name": name}

    async def _publish(self, export: Export, lease: Lease[Export], result: Message) -> None:
        """Store the archive under this attempt's token, then end the export, which emits the event."""
        await lease.change(lambda e: e.publishing())
        blobs, project = self.resources.blobs, export.project
        manifest = ExportManifest(
            export_id=export.id,
            model_id=export.target.model_id,
            format=export.target.format,
            check=result["check"],
            template_hash=result["template_hash"],
            members=result["members"],
        )
        files = {ARCHIVE: Path(result["archive"])}
        async with attempt_artifact(blobs, project, "exports", export.id, token=lease.token) as uri:
            published = await publish(blobs, key_of(uri, project), None, manifest.model_dump(), files=files)
            archive = FileEntry.model_validate(published["files"][0])
            offered = Result(archive=archive, members=manifest.members, check=manifest.check)
            await self.uses.remove(export)
            await lease.change(lambda e: e.succeed(offered, uri))
