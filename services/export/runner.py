"""One attempt at an export: an engine child under the lease, then its archive as an artifact."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.export.models import ARCHIVE, Export, Progress, Result
from shared.blobs.artifacts import key_of, publish, read_manifest, resolve_model
from shared.blobs.attempts import attempt_artifact
from shared.blobs.manifests import ExportManifest, FileEntry
from shared.runtime.jobs.attempts import Message, attempt
from shared.runtime.jobs.leases import Lease
from shared.runtime.resources import Resources

FOLDER = "exports"
"""Below the scratch folder: one folder for each attempt, gone with it."""
REQUIRES = {"torch": (), "adapter": (), "onnx": ("onnx", "onnxscript", "onnxruntime")}
"""Packages that a format needs beside torch, transformers and peft."""


@dataclass(frozen=True)
class Runner:
    """Runs what the worker claims."""

    resources: Resources

    async def run(self, export: Export, lease: Lease[Export]) -> None:
        """Export in a child and publish, unless the lease is lost or the owner cancels."""
        folder = self.resources.scratch / FOLDER / f"{export.id}-t{lease.token}"
        folder.mkdir(parents=True)
        try:
            form = export.target.format
            child = await self.resources.engines.launch(
                f"services.export.engine.{form}_export:main",
                await self._spec(export, folder),
                cwd=folder,
                requires=("torch", "transformers", "peft", *REQUIRES[form]),
            )

            async def on_message(message: Message) -> None:
                if message["kind"] == "progress":
                    await lease.change(lambda e: e.advance(Progress.model_validate(message)))

            if result := await attempt(child, lease, on_message):
                await self._publish(export, lease, result)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _spec(self, export: Export, folder: Path) -> dict[str, Any]:
        """The engine's spec: local folders and plain values only."""
        blobs = self.resources.blobs
        return {
            "model": await resolve_model(blobs, export.model_uri, export.project),
            "manifest": await read_manifest(blobs, key_of(export.model_uri, export.project)),
            "out": str(folder),
            "top": export.target.name.removesuffix(".zip"),
        }

    async def _publish(self, export: Export, lease: Lease[Export], result: Message) -> None:
        """Announce, store below this attempt's own token, then end with the event."""
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
            found = Result(archive=archive, members=manifest.members, check=manifest.check)
            await lease.change(lambda e: e.succeed(found, uri))
