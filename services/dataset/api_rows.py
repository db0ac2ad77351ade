"""HTTP routes for the contents of a version: rows, rejected rows, token lengths, rendered training text."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from services.dataset.curation.models import WHERE
from services.dataset.inspection import Inspector
from services.dataset.service import DatasetService
from services.dataset.views import Preview, Rendered, Split, Statistics
from shared.blobs.errors import BlobNotFound
from shared.blobs.protocol import Blobs
from shared.runtime.http.principal import Caller

COUNTING_WAIT_S = 30.0
"""How long a request waits for token counts before it answers 202."""

Version = Annotated[str | None, Query(description="a version; default: the current one")]


def routes(service: DatasetService, inspector: Inspector, blobs: Blobs) -> APIRouter:
    """Build the router of a version's contents."""
    router = APIRouter(prefix="/datasets", tags=["Dataset"])
    _add_rows(router, service, inspector, blobs)
    _add_tokens(router, service, inspector)
    return router


def _add_rows(router: APIRouter, service: DatasetService, inspector: Inspector, blobs: Blobs) -> None:
    """Add the routes of stored and rejected rows."""

    @router.get("/{dataset_id}/preview")
    async def preview_dataset(
        caller: Caller,
        dataset_id: str,
        version: Version = None,
        split: Split = "train",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        search: Annotated[str | None, Query(min_length=1, max_length=500, description="rows with this text")] = None,
        where: Annotated[
            str | None, Query(pattern=WHERE, description="column=value: rows with this value in one of `kept_columns`")
        ] = None,
    ) -> Preview:
        """Show a page of normalized rows, as they are trained on. `total` counts those that match."""
        dataset_version = await service.for_project(caller.project).require_ready(dataset_id, version)
        return await inspector.preview(dataset_version, split, offset, limit, search, where)

    @router.get("/{dataset_id}/rejected", response_class=StreamingResponse)
    async def download_rejected_rows(caller: Caller, dataset_id: str, version: Version = None) -> StreamingResponse:
        """Download every rejected row as JSON lines: file, line, reason, row."""
        dataset_version = await service.for_project(caller.project).require_ready(dataset_id, version)
        key = "/".join((*dataset_version.artifact, "rejected.jsonl"))
        info = await blobs.stat(key)
        if info is None:
            raise BlobNotFound("The rejected rows no longer exist.", remedy="Upload the file again.")
        headers = {
            "Content-Disposition": f'attachment; filename="rejected-{dataset_version.fingerprint}.jsonl"',
            "Content-Length": str(info.size),
        }
        return StreamingResponse(_chunks(blobs, key), media_type="application/x-ndjson", headers=headers)


def _add_tokens(router: APIRouter, service: DatasetService, inspector: Inspector) -> None:
    """Add the routes that need a model's tokenizer."""

    @router.get(
        "/{dataset_id}/statistics",
        responses={202: {"description": "still counting; retry after Retry-After seconds"}},
        response_model=Statistics,
    )
    async def dataset_statistics(
        caller: Caller,
        dataset_id: str,
        base: Annotated[str, Query(description="base model (id or name) or custom model (id) whose tokenizer is used")],
        version: Version = None,
        max_length: Annotated[int | None, Query(ge=1, description="tokens; default: the suggested limit")] = None,
    ) -> Any:
        """Show the token lengths of the training text: percentiles, a histogram, the effect of a maximum length."""
        dataset_version = await service.for_project(caller.project).require_ready(dataset_id, version)
        statistics = await inspector.statistics(dataset_version, base, max_length, COUNTING_WAIT_S)
        return statistics or Response(status_code=202, headers={"Retry-After": "5"})

    @router.get("/{dataset_id}/rendered")
    async def render_dataset_row(
        caller: Caller,
        dataset_id: str,
        base: Annotated[
            str, Query(description="base model (id or name) or custom model (id) whose chat template is used")
        ],
        row: Annotated[int, Query(ge=0, description="index within the split")] = 0,
        split: Split = "train",
        version: Version = None,
    ) -> Rendered:
        """Show the training text of a row with the trained tokens marked."""
        dataset_version = await service.for_project(caller.project).require_ready(dataset_id, version)
        return await inspector.render(dataset_version, base, split, row)


async def _chunks(blobs: Blobs, key: str) -> AsyncIterator[bytes]:
    async for chunk in blobs.read(key):
        yield chunk
