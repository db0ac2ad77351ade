"""HTTP: OpenAI's files API. A file for fine-tuning is a dataset of its own, and every dataset is such a file."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.dataset.inspection import Inspector
from services.dataset.models import Dataset, DatasetState, DatasetVersion, Options, UploadForm
from services.dataset.service import DatasetService
from services.dataset.uploading import FILE, receive_form
from shared.documents.entities import new_id
from shared.runtime.http.principal import Caller

PATIENCE = 600.0
"""Seconds that an upload waits for validation: OpenAI's clients know no other answer than a file."""
JSON_LINES = "application/jsonl"
Status = Literal["uploaded", "processed", "error"]
STATUSES: dict[DatasetState, Status] = {
    "validating": "uploaded",
    "ready": "processed",
    "rejected": "error",
    "failed": "error",
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {"file": FILE, "purpose": {"type": "string", "enum": ["fine-tune"]}},
                }
            }
        },
    }
}


class FileForm(BaseModel):
    """The form fields beside `file`."""

    model_config = {"extra": "forbid"}
    purpose: Literal["fine-tune"] = "fine-tune"

    def options(self) -> Options:
        """Read as any upload is: a tenth goes to the validation split."""
        return Options()


class FileObject(BaseModel):
    """A file, as OpenAI's clients know it; its id is the dataset's."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int = Field(description="seconds since 1970")
    filename: str
    purpose: Literal["fine-tune"] = "fine-tune"
    status: Status
    status_details: str | None = None
    expires_at: None = None


class FileList(BaseModel):
    """Files, newest first."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedFile(BaseModel):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


def routes(service: DatasetService, inspector: Inspector) -> APIRouter:
    """The routes below /v1/files."""
    router = APIRouter(prefix="/v1/files", tags=["Dataset"])
    _uploads(router, service)
    _lists(router, service)
    _files(router, service, inspector)
    return router


def _uploads(router: APIRouter, service: DatasetService) -> None:
    """Upload."""

    @router.post("", openapi_extra=BODY)
    async def create_file(request: Request, caller: Caller) -> FileObject:
        """Upload training data. Every row is checked now; a refusal names the first bad lines."""
        own = service.for_project(caller.project)
        upload, _ = await receive_form(request, own.intake, caller.project, FileForm, extension=".jsonl")
        name = f"{upload.file_name.rpartition('.')[0][:100]} ({new_id('file')[-6:]})"
        version, _ = await own.submit(upload, UploadForm(name=name))
        version = await own.finished(version, PATIENCE)
        if version.final and version.shown_state != "ready":
            raise await own.refuse(version)
        return _shown(await own.datasets.get(version.dataset_id), version)


def _lists(router: APIRouter, service: DatasetService) -> None:
    """What there is."""

    @router.get("")
    async def list_files(
        caller: Caller,
        purpose: str = "fine-tune",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        after: Annotated[str | None, Query(description="id of the last file of the page before")] = None,
        order: Literal["desc"] = "desc",
    ) -> FileList:
        """Files, newest first."""
        own = service.for_project(caller.project)
        page = await own.datasets.after(after, limit)
        versions = await own.versions.of(page.items)
        files = [
            _shown(dataset, version)
            for dataset in page.items
            if purpose == "fine-tune" and (version := _current(dataset, versions))
        ]
        ends = (files[0].id, files[-1].id) if files else (None, None)
        more = bool(files and page.next_cursor)
        return FileList(data=files, first_id=ends[0], last_id=ends[1], has_more=more)

    @router.get("/{file_id}")
    async def get_file(file_id: str, caller: Caller) -> FileObject:
        """One file."""
        own = service.for_project(caller.project)
        dataset = await own.datasets.get(file_id)
        version = _current(dataset, await own.versions.of([dataset]))
        return _shown(dataset, version or await own.ready(file_id))


def _files(router: APIRouter, service: DatasetService, inspector: Inspector) -> None:
    """What can be done with a file."""

    @router.delete("/{file_id}")
    async def delete_file(file_id: str, caller: Caller) -> DeletedFile:
        """Delete the dataset."""
        for version in await service.for_project(caller.project).delete(file_id):
            await inspector.forget(version)
        return DeletedFile(id=file_id)

    @router.get("/{file_id}/content", response_class=StreamingResponse)
    async def get_file_content(file_id: str, caller: Caller) -> StreamingResponse:
        """The usable rows as JSON lines, normalized, in the order of the upload."""
        content = inspector.content(await service.for_project(caller.project).ready(file_id))
        first = await anext(content)  # a failure still gets its own status
        return StreamingResponse(_from(first, content), media_type=JSON_LINES)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _current(dataset: Dataset, versions: dict[str, DatasetVersion]) -> DatasetVersion | None:
    """The version that the bare dataset means; before there is one, the last upload."""
    ids = (
        [dataset.entries[dataset.current]] if dataset.current in dataset.entries else reversed(dataset.entries.values())
    )
    return next((versions[id] for id in ids if id in versions), None)


def _shown(dataset: Dataset, version: DatasetVersion) -> FileObject:
    return FileObject(
        id=dataset.id,
        bytes=version.size,
        created_at=int(dataset.created_at.timestamp()),
        filename=version.file_name,
        status=STATUSES[version.shown_state],
        status_details=version.detail,
    )
