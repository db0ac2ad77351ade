"""Looking into a ready version: preview, token statistics, the rendered training text; each by a short engine run."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from services.dataset.errors import ValidationFailed
from services.dataset.lengths import statistics_of
from services.dataset.models import DatasetVersion
from services.dataset.service import require_range
from services.dataset.views import Preview, PreviewRow, Rendered, RenderedSample, Statistics
from shared.blobs.artifacts import SHARED, read_manifest, resolve_model
from shared.blobs.lookup import find_model
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import derived_id
from shared.documents.protocol import Collection
from shared.runtime.errors import AnnealError, NotFound
from shared.runtime.processes.children import Engines

TOKENIZER = ("transformers",)
"""What counting and rendering need: no torch, so that the room's image goes without it."""
CACHE = "2"
"""Part of a cache key; raised when the engine counts differently."""
PIECE = 1 << 20


class EngineRefused(AnnealError):
    """The base cannot render this dataset."""

    status = 422
    code = "not_renderable"


class Inspector:
    """Reads published versions through engine children."""

    def __init__(self, blobs: Blobs, engines: Engines, cache: Collection, scratch: Path) -> None:
        self._blobs, self._engines, self._cache, self._scratch = blobs, engines, cache, scratch
        self._counting: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def preview(self, version: DatasetVersion, split: str, offset: int, limit: int) -> Preview:
        """A page of normalized rows."""
        shards, total = await self._shards(version, split)
        spec = {"shards": shards, "offset": offset, "limit": limit}
        found = await self._ask("services.dataset.engine.preview:main", spec, requires=())
        rows = [PreviewRow.model_validate(row) for row in found["rows"]]
        return Preview(version=version.fingerprint, split=split, total=total, offset=offset, rows=rows)

    async def content(self, version: DatasetVersion) -> AsyncIterator[bytes]:
        """All rows as JSON lines, in the order of the upload."""
        manifest, folder = await self._open(version)
        splits = [[str(folder / name) for name in names] for names in manifest["shards"].values()]
        self._scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._scratch) as scratch:
            out = Path(scratch) / "rows.jsonl"
            spec = {"splits": splits, "out": str(out)}
            await self._ask("services.dataset.engine.content:main", spec, requires=())
            with out.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, PIECE):
                    yield chunk

    async def rendered(self, version: DatasetVersion, base: str, split: str, row: int) -> Rendered:
        """One row's training text with the trained spans marked."""
        shards, total = await self._shards(version, split)
        require_range("row", row, total)
        _, model = await self._model(version.project, base)
        spec = {"shards": shards, "row": row, "model": model}
        found = await self._ask("services.dataset.engine.rendered:main", spec, requires=TOKENIZER)
        return Rendered(
            version=version.fingerprint,
            base=base,
            split=split,
            row_id=found["row_id"],
            source=found["source"],
            template_hash=found["template_hash"],
            samples=[RenderedSample.model_validate(sample) for sample in found["samples"]],
        )

    async def statistics(
        self, version: DatasetVersion, base: str, max_length: int | None, patience: float
    ) -> Statistics | None:
        """Token lengths; None when counting goes on after `patience` seconds (ask again)."""
        manifest, model = await self._model(version.project, base)
        id = derived_id("stat", CACHE, version.id, base, manifest.template_hash or str(manifest.files))
        counts = await self._counts(id, version, model, patience)
        if counts is None:
            return None
        return statistics_of(counts, version.fingerprint, base, max_length, manifest.context_length or None)

    async def forget(self, version: DatasetVersion) -> None:
        """Remove what was cached about a version."""
        for document in await self._cache.find({"dataset_version": version.id}):
            await self._cache.delete(document["_id"])

    async def _counts(
        self, id: str, version: DatasetVersion, model: dict[str, Any], patience: float
    ) -> dict[str, Any] | None:
        if cached := await self._cache.get(id):
            return dict(cached["counts"])
        task = self._counting.get(id)
        if task is None:
            task = self._counting[id] = asyncio.create_task(self._count(id, version, model))
            task.add_done_callback(lambda _: self._counting.pop(id))
        await asyncio.wait([task], timeout=patience)
        return task.result() if task.done() else None

    async def _count(self, id: str, version: DatasetVersion, model: dict[str, Any]) -> dict[str, Any]:
        manifest, folder = await self._open(version)
        shards = [str(folder / name) for names in manifest["shards"].values() for name in names]
        rows = sum(manifest["rows"].values())
        spec = {"shards": shards, "rows": rows, "model": model}
        found = await self._ask("shared.engine.text.lengths:main", spec, requires=TOKENIZER)
        counts = {"rows": rows, **{key: found[key] for key in ("counted", "refused", "samples")}}
        await self._cache.insert({"_id": id, "version": 1, "dataset_version": version.id, "counts": counts})
        return counts

    async def _open(self, version: DatasetVersion) -> tuple[dict[str, Any], Path]:
        key = "/".join(version.artifact)
        return await read_manifest(self._blobs, key), await self._blobs.checkout(key)

    async def _shards(self, version: DatasetVersion, split: str) -> tuple[list[str], int]:
        """Local paths of a split's shards, and its rows."""
        manifest, folder = await self._open(version)
        return [str(folder / name) for name in manifest["shards"][split]], manifest["rows"][split]

    async def _model(self, project: str, base: str) -> tuple[ModelManifest, dict[str, Any]]:
        """Manifest and loader's reference of a base or custom model, by its id."""
        for owner, kind in ((SHARED, "base"), (project, "base"), (project, "custom")):
            if found := await find_model(self._blobs, project, kind, base, owner=owner):
                return found[1], await resolve_model(self._blobs, found[0], project)
        remedy = "GET /models/available and /models/custom list what there is; a base must be on this machine."
        raise NotFound(f"There is no model {base!r} here.", field="base", remedy=remedy)

    async def _ask(self, target: str, spec: dict[str, Any], *, requires: Sequence[str]) -> dict[str, Any]:
        """Run a short engine to its result."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._scratch) as folder:
            child = await self._engines.launch(target, spec, cwd=Path(folder), requires=requires)
            last = await child.answer() or {}
        if last.get("kind") == "result":
            return last
        raise _failure(last)


def _failure(last: dict[str, Any]) -> AnnealError:
    if not last or last["code"] in ("engine_crashed", "out_of_memory", "disk_full"):
        return ValidationFailed(last.get("detail", "The engine ended without a result."), remedy="Try again.")
    fields = {name: value for name, value in last.items() if name not in ("kind", "code", "detail")}
    return EngineRefused(last["detail"], cause=last["code"], **fields)
