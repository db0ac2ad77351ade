"""HTTP: datasets, uploaded, listed, deleted; and the samples."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse

from services.dataset.bundled import sample_path, samples
from services.dataset.inspection import Inspector
from services.dataset.models import UploadForm
from services.dataset.service import DatasetService
from services.dataset.uploading import BODY, receive_form
from services.dataset.views import DatasetView, Sample
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller

PATIENCE = 30.0
"""Seconds that an upload waits for its validation before it answers 202."""
JSON_LINES = "application/x-ndjson"

PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}


def routes(service: DatasetService, inspector: Inspector) -> APIRouter:
    """The routes of datasets as wholes."""
    router = APIRouter(tags=["Dataset"])
    _uploads(router, service)
    _lists(router, service)
    _datasets(router, service, inspector)
    return router


def _uploads(router: APIRouter, service: DatasetService) -> None:
    """Upload."""

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


def _lists(router: APIRouter, service: DatasetService) -> None:
    """What there is, and samples to begin with."""

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


def _datasets(router: APIRouter, service: DatasetService, inspector: Inspector) -> None:
    """One dataset; after the samples, whose path it would match."""

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
