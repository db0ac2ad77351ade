"""HTTP routes: upload, list, show and delete datasets; download sample datasets."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse

from services.dataset.inspection import Inspector
from services.dataset.models import UploadForm
from services.dataset.sample_datasets import list_samples, sample_path
from services.dataset.service import DatasetService
from services.dataset.upload_form import BODY, receive_form
from services.dataset.views import DatasetView, Sample
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller

VALIDATION_WAIT_S = 30.0
"""How long an upload waits for its validation before it answers 202."""
JSON_LINES = "application/x-ndjson"

PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}


def routes(service: DatasetService, inspector: Inspector) -> APIRouter:
    """Build the router of whole datasets."""
    router = APIRouter(tags=["Dataset"])
    _add_upload(router, service)
    _add_lists(router, service)
    _add_datasets(router, service, inspector)
    return router


def _add_upload(router: APIRouter, service: DatasetService) -> None:
    """Add the upload route."""

    @router.post(
        "/datasets/upload",
        status_code=201,
        openapi_extra=BODY,
        responses={
            200: {"model": DatasetView, "description": "these bytes with these options were uploaded before"},
            202: {"model": DatasetView, "description": "still validating; poll Location"},
            400: {**PROBLEM, "description": "the body is not complete multipart/form-data"},
            413: {**PROBLEM, "description": "the file exceeds the upload limit"},
            415: {**PROBLEM, "description": "unknown file extension"},
            422: {
                **PROBLEM,
                "description": "a field is wrong, or the data was rejected; `report` names rows, "
                "and `dataset_id` is the dataset that shows the reasons",
            },
        },
    )
    async def upload_dataset(
        request: Request,
        response: Response,
        caller: Caller,
        prefer: Annotated[str | None, Header(description="respond-async: do not wait for validation")] = None,
    ) -> DatasetView:
        """Upload a file as a dataset, or as a new version of the dataset of that name.

        An upload is idempotent: the same bytes with the same options are the same version.
        """
        scoped = service.for_project(caller.project)
        upload, form = await receive_form(request, scoped.uploads, caller.project, UploadForm)
        version, created = await scoped.submit(upload, form)
        wait_s = 0.0 if "respond-async" in (prefer or "") else VALIDATION_WAIT_S
        version = await scoped.wait_until_final(version, wait_s)
        if version.dataset_state == "rejected":
            raise scoped.rejection(version)
        if version.final and version.dataset_state != "ready":
            raise await scoped.withdraw(version)
        response.headers["Location"] = f"/datasets/{version.dataset_id}"
        response.status_code = (201 if created else 200) if version.final else 202
        if not version.final:
            response.headers["Retry-After"] = "2"
        return await scoped.show(version.dataset_id)


def _add_lists(router: APIRouter, service: DatasetService) -> None:
    """Add the routes that list datasets and sample datasets."""

    @router.get("/datasets")
    async def list_datasets(
        caller: Caller,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: str | None = None,
        name: Annotated[str | None, Query(description="only the dataset with exactly this name")] = None,
    ) -> Page[DatasetView]:
        """List datasets, newest first."""
        return await service.for_project(caller.project).page(limit, cursor, name)

    @router.get("/datasets/samples")
    async def list_sample_datasets(caller: Caller) -> list[Sample]:
        """List the small datasets that come with the platform."""
        return list_samples()

    @router.get("/datasets/samples/{name}", response_class=FileResponse)
    async def download_sample_dataset(caller: Caller, name: str) -> FileResponse:
        """Download a sample dataset, ready to be uploaded."""
        return FileResponse(sample_path(name), media_type=JSON_LINES, filename=name)


def _add_datasets(router: APIRouter, service: DatasetService, inspector: Inspector) -> None:
    """Add the routes of one dataset. They come after the samples, whose path they would match."""

    @router.get("/datasets/{dataset_id}")
    async def get_dataset(caller: Caller, dataset_id: str) -> DatasetView:
        """Show a dataset with its versions and their reports."""
        return await service.for_project(caller.project).show(dataset_id)

    @router.delete("/datasets/{dataset_id}", status_code=204)
    async def delete_dataset(caller: Caller, dataset_id: str) -> None:
        """Delete a dataset with all its versions."""
        scoped = service.for_project(caller.project)
        versions = await scoped.delete(dataset_id)
        for version in versions:
            await inspector.clear_cache(version)
