"""HTTP of the dataset room."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from services.dataset.bundled import sample_path, samples
from services.dataset.inspection import Inspector
from services.dataset.models import UploadForm
from services.dataset.service import DatasetService
from services.dataset.uploading import BODY, receive_form
from services.dataset.views import DatasetView, Preview, Rendered, Sample, Split, Statistics
from shared.blobs.errors import BlobNotFound
from shared.blobs.protocol import Blobs
from shared.documents.entities import Page
from shared.runtime.principal import Caller

PATIENCE = 30.0
"""Seconds that a request waits for the engine before it answers 202."""
JSON_LINES = "application/x-ndjson"

Version = Annotated[str | None, Query(description="a version; the current one when left out")]
PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}


def routes(service: DatasetService, inspector: Inspector, blobs: Blobs) -> APIRouter:
    """The room's routes."""
    router = APIRouter(tags=["Dataset"])

    @router.post(
        "/datasets/upload",
        status_code=201,
        openapi_extra=BODY,
        responses={
            200: {"model": DatasetView, "description": "these bytes, read this way, were here already"},
            202: {"model": DatasetView, "description": "still validating; look at Location"},
            400: {**PROBLEM, "description": "the body is not complete multipart/form-data"},
            413: {**PROBLEM, "description": "the file exceeds the upload limit"},
            415: {**PROBLEM, "description": "unknown file extension"},
            422: {**PROBLEM, "description": "a field is wrong, or the data was rejected; `report` names rows"},
        },
    )
    async def upload_dataset(
        request: Request,
        response: Response,
        caller: Caller,
        prefer: Annotated[str | None, Header(description="respond-async: do not wait for validation")] = None,
    ) -> DatasetView:
        """Upload a file as a dataset, or as a new version of the dataset of that name.

        Repeating an upload is harmless: the same bytes with the same options are the same version.
        """
        own = service.for_project(caller.project)
        upload, form = await receive_form(request, own.intake, caller.project, UploadForm)
        version, created = await own.submit(upload, form)
        wait = 0.0 if "respond-async" in (prefer or "") else PATIENCE
        version = await own.finished(version, wait)
        if version.final and version.shown_state != "ready":
            raise await own.refuse(version)
        response.headers["Location"] = f"/datasets/{version.dataset_id}"
        response.status_code = (201 if created else 200) if version.final else 202
        if not version.final:
            response.headers["Retry-After"] = "2"
        return await own.show(version.dataset_id)

    @router.get("/datasets")
    async def list_datasets(
        caller: Caller,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: str | None = None,
        name: Annotated[str | None, Query(description="only the dataset of exactly this name")] = None,
    ) -> Page[DatasetView]:
        """Datasets, newest first."""
        return await service.for_project(caller.project).page(limit, cursor, name)

    @router.get("/datasets/samples")
    async def list_sample_datasets(caller: Caller) -> list[Sample]:
        """Small datasets that come with the platform."""
        return samples()

    @router.get("/datasets/samples/{name}", response_class=FileResponse)
    async def download_sample_dataset(caller: Caller, name: str) -> FileResponse:
        """A bundled sample, ready to be uploaded."""
        return FileResponse(sample_path(name), media_type=JSON_LINES, filename=name)

    @router.get("/datasets/{dataset_id}")
    async def get_dataset(caller: Caller, dataset_id: str) -> DatasetView:
        """A dataset with its versions and their reports."""
        return await service.for_project(caller.project).show(dataset_id)

    @router.delete("/datasets/{dataset_id}", status_code=204)
    async def delete_dataset(caller: Caller, dataset_id: str) -> None:
        """Delete a dataset with all its versions."""
        own = service.for_project(caller.project)
        versions = await own.delete(dataset_id)
        for version in versions:
            await inspector.forget(version)

    @router.get("/datasets/{dataset_id}/preview")
    async def preview_dataset(
        caller: Caller,
        dataset_id: str,
        version: Version = None,
        split: Split = "train",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Preview:
        """Normalised rows, as they are trained on."""
        found = await service.for_project(caller.project).ready(dataset_id, version)
        return await inspector.preview(found, split, offset, limit)

    @router.get("/datasets/{dataset_id}/rejected", response_class=StreamingResponse)
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
        return StreamingResponse(_chunks(blobs, key), media_type=JSON_LINES, headers=headers)

    @router.get(
        "/datasets/{dataset_id}/statistics",
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

    @router.get("/datasets/{dataset_id}/rendered")
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

    return router


async def _chunks(blobs: Blobs, key: str) -> AsyncIterator[bytes]:
    async for chunk in blobs.read(key):
        yield chunk
