"""HTTP: what is inside a dataset's version: rows, rejected rows, lengths, the text that is trained on."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from services.dataset.inspection import Inspector
from services.dataset.service import DatasetService
from services.dataset.views import Preview, Rendered, Split, Statistics
from shared.blobs.errors import BlobNotFound
from shared.blobs.protocol import Blobs
from shared.runtime.http.principal import Caller

PATIENCE = 30.0
"""Seconds that a request waits for the engine before it answers 202."""

Version = Annotated[str | None, Query(description="a version; the current one when left out")]


def routes(service: DatasetService, inspector: Inspector, blobs: Blobs) -> APIRouter:
    """The routes of a version's contents."""
    router = APIRouter(prefix="/datasets", tags=["Dataset"])
    _rows(router, service, inspector, blobs)
    _tokens(router, service, inspector)
    return router


def _rows(router: APIRouter, service: DatasetService, inspector: Inspector, blobs: Blobs) -> None:
    """Rows as they were stored, and those that were set aside."""

    @router.get("/{dataset_id}/preview")
    async def preview_dataset(
        caller: Caller,
        dataset_id: str,
        version: Version = None,
        split: Split = "train",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Preview:
        """Normalized rows, as they are trained on."""
        found = await service.for_project(caller.project).ready(dataset_id, version)
        return await inspector.preview(found, split, offset, limit)

    @router.get("/{dataset_id}/rejected", response_class=StreamingResponse)
    async def download_rejected_rows(caller: Caller, dataset_id: str, version: Version = None) -> StreamingResponse:
        """Every row that was set aside, as JSON lines: file, line, reason, row."""
        found = await service.for_project(caller.project).ready(dataset_id, version)
        key = "/".join((*found.artifact, "rejected.jsonl"))
        info = await blobs.stat(key)
        if info is None:
            raise BlobNotFound("The rejected rows are gone.", remedy="Upload the file again.")
        headers = {
            "Content-Disposition": f'attachment; filename="rejected-{found.fingerprint}.jsonl"',
            "Content-Length": str(info.size),
        }
        return StreamingResponse(_chunks(blobs, key), media_type="application/x-ndjson", headers=headers)


def _tokens(router: APIRouter, service: DatasetService, inspector: Inspector) -> None:
    """What a model's tokenizer and template make of them."""

    @router.get(
        "/{dataset_id}/statistics",
        responses={202: {"description": "still counting; ask again after Retry-After seconds"}},
        response_model=Statistics,
    )
    async def dataset_statistics(
        caller: Caller,
        dataset_id: str,
        base: Annotated[str, Query(description="id of a base or custom model whose tokenizer counts")],
        version: Version = None,
        max_length: Annotated[int | None, Query(ge=1, description="tokens; the suggested limit when left out")] = None,
    ) -> Any:
        """Token lengths of the training text: percentiles, a histogram, and what a maximum length would cut."""
        found = await service.for_project(caller.project).ready(dataset_id, version)
        counted = await inspector.statistics(found, base, max_length, PATIENCE)
        return counted or Response(status_code=202, headers={"Retry-After": "5"})

    @router.get("/{dataset_id}/rendered")
    async def render_dataset_row(
        caller: Caller,
        dataset_id: str,
        base: Annotated[str, Query(description="id of a base or custom model whose chat template renders")],
        row: Annotated[int, Query(ge=0, description="ordinal within the split")] = 0,
        split: Split = "train",
        version: Version = None,
    ) -> Rendered:
        """The training text of a row with the trained tokens marked."""
        found = await service.for_project(caller.project).ready(dataset_id, version)
        return await inspector.rendered(found, base, split, row)


async def _chunks(blobs: Blobs, key: str) -> AsyncIterator[bytes]:
    async for chunk in blobs.read(key):
        yield chunk
