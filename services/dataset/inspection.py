"""Reads the contents of a ready version (preview, token statistics, rendered text) through short engine runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from services.dataset.errors import ValidationFailed
from services.dataset.length_statistics import compute_statistics
from services.dataset.models import DatasetVersion
from services.dataset.service import require_kept, require_range
from services.dataset.validation import shards_of
from services.dataset.views import Preview, Rendered, RenderedSample, Statistics
from shared.blobs.artifacts import find_any_model, read_manifest, resolve_model
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import derived_id
from shared.documents.protocol import Collection
from shared.runtime.errors import AnnealError, NotFound
from shared.runtime.processes.children import Engines
from shared.runtime.processes.limits import Limits

TOKENIZER_PACKAGES = ("transformers",)
"""What counting and rendering need. Without torch, which this service's image does not have."""
CACHE_VERSION = "3"
"""Part of a cache key; incremented when the engine counts differently."""
SEARCH = "services.dataset.engine.curation.search:main"
CHUNK_BYTES = 1 << 20
READING_ROWS = Limits(cpu_s=120, memory=8 << 30, file_bytes=1 << 30)
COUNTING = Limits(cpu_s=1800, memory=16 << 30, file_bytes=1 << 30)
READING_ALL = Limits(cpu_s=3600, memory=8 << 30)


class EngineRefused(AnnealError):
    """The model's tokenizer or template cannot render this dataset."""

    status = 422
    code = "not_renderable"


class Inspector:
    """Reads published versions through engine processes."""

    def __init__(self, blobs: Blobs, engines: Engines, cache: Collection, scratch: Path) -> None:
        self._blobs, self._engines, self._cache, self._scratch = blobs, engines, cache, scratch
        self._counting: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def preview(
        self,
        version: DatasetVersion,
        split: str,
        offset: int,
        limit: int,
        search: str | None = None,
        where: str | None = None,
    ) -> Preview:
        """Return a page of normalized rows; with `search` or `where`, of those that match."""
        require_kept(version, where)
        shards, total = await self._shards(version, split)
        spec: dict[str, Any] = {"offset": offset, "limit": limit}
        matches: dict[str, int] | None = None
        if search is None and where is None:
            result = await self.run("services.dataset.engine.preview:main", spec | {"shards": shards}, version.project)
        else:
            spec |= {"split": split, "splits": await self.splits(version), "search": search, "where": where}
            result = await self.run(SEARCH, spec, version.project, limits=COUNTING)
            matches = result["matches"]
            total = matches.get(split, 0)
        return Preview.model_validate(
            {"version": version.fingerprint, "split": split, "total": total, "matches": matches, "offset": offset}
            | {"rows": result["rows"]}
        )

    async def content(self, version: DatasetVersion) -> AsyncIterator[bytes]:
        """Stream all rows as JSON lines, in the order of the upload."""
        splits = await self.splits(version)
        self._scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._scratch) as scratch:
            out = Path(scratch) / "rows.jsonl"
            spec = {"splits": splits, "out": str(out)}
            await self._run_in(
                Path(scratch), "services.dataset.engine.content:main", spec, version.project, (), READING_ALL
            )
            with out.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                    yield chunk

    async def render(self, version: DatasetVersion, base: str, split: str, row: int) -> Rendered:
        """Return the training text of one row with the trained spans marked."""
        shards, total = await self._shards(version, split)
        require_range("row", row, total)
        _, model = await self._model(version.project, base)
        spec = {"shards": shards, "row": row, "model": model}
        result = await self._run_engine(
            "services.dataset.engine.render:main", spec, version.project, requires=TOKENIZER_PACKAGES
        )
        return Rendered(
            version=version.fingerprint,
            base=base,
            split=split,
            row_id=result["row_id"],
            source=result["source"],
            template_hash=result["template_hash"],
            not_shown=result["not_shown"],
            samples=[RenderedSample.model_validate(sample) for sample in result["samples"]],
        )

    async def statistics(
        self, version: DatasetVersion, base: str, max_length: int | None, wait_s: float
    ) -> Statistics | None:
        """Return statistics of token lengths, or None while they are counted (in the background, past `wait_s`)."""
        manifest, model = await self._model(version.project, base)
        id = derived_id(
            "stat", CACHE_VERSION, version.id, manifest.model_id, manifest.template_hash or str(manifest.files)
        )
        counts = await self._counts(id, version, model, wait_s)
        if counts is None:
            return None
        return compute_statistics(counts, version.fingerprint, base, max_length, manifest.context_length or None)

    async def splits(self, version: DatasetVersion) -> dict[str, list[str]]:
        """Return the local paths of a version's shards, by split."""
        return await shards_of(self._blobs, "/".join(version.artifact))

    async def run(
        self, target: str, spec: dict[str, Any], project: str, limits: Limits = READING_ROWS
    ) -> dict[str, Any]:
        """Run an engine that needs no tokenizer. Raises EngineRefused or ValidationFailed."""
        return await self._run_engine(target, spec, project, requires=(), limits=limits)

    async def clear_cache(self, version: DatasetVersion) -> None:
        """Delete the cached token counts of a version."""
        for document in await self._cache.find({"dataset_version": version.id}):
            await self._cache.delete(document["_id"])

    async def _counts(
        self, id: str, version: DatasetVersion, model: dict[str, Any], wait_s: float
    ) -> dict[str, Any] | None:
        if cached := await self._cache.get(id):
            return dict(cached["counts"])
        task = self._counting.get(id)
        if task is None:
            task = self._counting[id] = asyncio.create_task(self._count(id, version, model))
            task.add_done_callback(lambda _: self._counting.pop(id))
        await asyncio.wait([task], timeout=wait_s)
        return task.result() if task.done() else None

    async def _count(self, id: str, version: DatasetVersion, model: dict[str, Any]) -> dict[str, Any]:
        manifest, _ = await self._open(version)
        shards = {split: paths for split, paths in (await self.splits(version)).items() if paths}
        rows = sum(manifest["rows"].values())
        spec = {"shards": shards, "rows": rows, "model": model}
        result = await self._run_engine(
            "shared.engine.text.lengths:main", spec, version.project, requires=TOKENIZER_PACKAGES, limits=COUNTING
        )
        splits = {split: found | {"rows": manifest["rows"][split]} for split, found in result["splits"].items()}
        counts = {"rows": rows, **{key: result[key] for key in ("counted", "refused", "samples")}, "splits": splits}
        await self._cache.insert({"_id": id, "version": 1, "dataset_version": version.id, "counts": counts})
        return counts

    async def _open(self, version: DatasetVersion) -> tuple[dict[str, Any], Path]:
        key = "/".join(version.artifact)
        return await read_manifest(self._blobs, key), await self._blobs.local_folder(key)

    async def _shards(self, version: DatasetVersion, split: str) -> tuple[list[str], int]:
        """Return the local paths of a split's shards, and its number of rows."""
        manifest, folder = await self._open(version)
        return [str(folder / name) for name in manifest["shards"].get(split, [])], manifest["rows"].get(split, 0)

    async def _model(self, project: str, base: str) -> tuple[ModelManifest, dict[str, Any]]:
        """Return the manifest and the engine's reference of a base or custom model. Raises NotFound."""
        if found := await find_any_model(self._blobs, project, base):
            return found[1], await resolve_model(self._blobs, found[0], project)
        remedy = "GET /v1/models lists those that can be used; a base model must be downloaded first."
        raise NotFound(f"There is no model {base!r}.", field="base", remedy=remedy)

    async def _run_engine(
        self, target: str, spec: dict[str, Any], project: str, *, requires: Sequence[str], limits: Limits = READING_ROWS
    ) -> dict[str, Any]:
        """Run an engine to its result. Raises EngineRefused or ValidationFailed."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._scratch) as folder:
            return await self._run_in(Path(folder), target, spec, project, requires, limits)

    async def _run_in(
        self, folder: Path, target: str, spec: dict[str, Any], project: str, requires: Sequence[str], limits: Limits
    ) -> dict[str, Any]:
        child = await self._engines.launch(
            target, spec, cwd=folder, requires=requires, limits=limits, short_for=project
        )
        last = await child.answer() or {}
        if last.get("kind") == "result":
            return last
        raise _engine_error(last)


def _engine_error(last: dict[str, Any]) -> AnnealError:
    if not last or last["code"] in ("engine_crashed", "out_of_memory", "disk_full"):
        return ValidationFailed(
            last.get("detail", "The engine exited without a result."), remedy="Try again.", cause=last.get("code")
        )
    fields = {name: value for name, value in last.items() if name not in ("kind", "code", "detail")}
    return EngineRefused(last["detail"], cause=last["code"], **fields)
