"""Use cases of curation: make a version from another one, compare versions, find duplicates."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from services.dataset.curation.models import DeduplicateRequest, Difference, Duplicates, ExcludeRequest, Kind
from services.dataset.inspection import COUNTING, Inspector
from services.dataset.models import DatasetVersion, Edit, UploadForm
from services.dataset.service import DatasetService, require_kept
from shared.documents.entities import derived_id
from shared.documents.protocol import Collection
from shared.runtime.errors import InvalidInput

DIFF, DUPLICATES = (f"services.dataset.engine.curation.{name}:main" for name in ("compare", "duplicates"))
DUPLICATES_VERSION = "2"
"""Part of a cache key; incremented when duplicates are found differently."""


class Curator:
    """Versions from versions."""

    def __init__(self, inspector: Inspector, cache: Collection) -> None:
        self._inspector, self._cache = inspector, cache
        self._searching: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def exclude(self, datasets: DatasetService, id: str, request: ExcludeRequest) -> tuple[DatasetVersion, bool]:
        """Queue a version without these rows."""
        if request.split and request.search is None and request.where is None:
            remedy = "Leave split out: row ids are unique in all splits. Or give search or where, which it limits."
            raise InvalidInput("split limits only search and where.", field="split", remedy=remedy)
        parent = await datasets.require_ready(id, request.version)
        require_kept(parent, request.where)
        fields = request.model_dump(exclude={"version", "rows"})
        rows = sorted(set(request.rows))
        edit = Edit(kind="exclude", parent=parent.fingerprint, excluded_ids=len(rows), **fields)
        return await self._submit(datasets, parent, edit, rows)

    async def deduplicate(
        self, datasets: DatasetService, id: str, request: DeduplicateRequest
    ) -> tuple[DatasetVersion, bool]:
        """Queue a version without repetitions."""
        parent = await datasets.require_ready(id, request.version)
        edit = Edit(kind="deduplicate", parent=parent.fingerprint, near=request.near)
        return await self._submit(datasets, parent, edit, [])

    async def difference(
        self, before: DatasetVersion, after: DatasetVersion, kind: Kind | None, offset: int, limit: int
    ) -> Difference:
        """Compare two versions."""
        splits = {"before": await self._inspector.splits(before), "after": await self._inspector.splits(after)}
        spec = {**splits, "kind": kind, "offset": offset, "limit": limit}
        result = await self._inspector.run(DIFF, spec, after.project, limits=COUNTING)
        return Difference.model_validate(result | {"before": before.fingerprint, "after": after.fingerprint})

    async def duplicates(self, version: DatasetVersion, wait_s: float) -> Duplicates | None:
        """Return the repetitions of a version, or None while they are searched (in the background, past `wait_s`)."""
        id = derived_id("stat", "duplicates", DUPLICATES_VERSION, version.id)
        if cached := await self._cache.get(id):
            return Duplicates.model_validate(cached["counts"])
        task = self._searching.get(id)
        if task is None:
            task = self._searching[id] = asyncio.create_task(self._search(id, version))
            task.add_done_callback(lambda _: self._searching.pop(id))
        await asyncio.wait([task], timeout=wait_s)
        return Duplicates.model_validate(task.result()) if task.done() else None

    async def _search(self, id: str, version: DatasetVersion) -> dict[str, Any]:
        rows = version.report.rows if version.report else 0
        spec = {"splits": await self._inspector.splits(version), "rows": rows}
        result = await self._inspector.run(DUPLICATES, spec, version.project, limits=COUNTING)
        found = Duplicates.model_validate(result | {"version": version.fingerprint}).model_dump(mode="json")
        await self._cache.insert({"_id": id, "version": 1, "dataset_version": version.id, "counts": found})
        return found

    async def _submit(
        self, datasets: DatasetService, parent: DatasetVersion, edit: Edit, rows: list[int]
    ) -> tuple[DatasetVersion, bool]:
        """Store the recipe in place of an upload, and queue it: the same recipe is the same version."""
        report = parent.report.model_dump(mode="json") if parent.report else {}
        recipe = {"edit": edit.model_dump(mode="json") | {"rows": rows}, "report": report}
        upload = await datasets.uploads.save(datasets.project, parent.file_name, _content(recipe))
        form = UploadForm.model_construct(name=parent.name, **parent.options.model_dump())
        return await datasets.submit(upload, form, parent.origin, edit)


async def _content(recipe: dict[str, Any]) -> AsyncIterator[bytes]:
    yield json.dumps(recipe, sort_keys=True).encode()
