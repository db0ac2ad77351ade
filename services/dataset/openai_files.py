"""HTTP routes of OpenAI's files API: a file for fine-tuning is a dataset, and every dataset is such a file."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.dataset.inspection import Inspector
from services.dataset.models import Dataset, DatasetState, DatasetVersion, Options, UploadForm
from services.dataset.service import DatasetService
from services.dataset.upload_form import FILE, receive_form
from shared.documents.entities import new_id
from shared.runtime.errors import NotFound
from shared.runtime.http.principal import Caller

VALIDATION_WAIT_S = 600.0
"""How long an upload waits for its validation: OpenAI's clients expect a file, not a 202."""
JSON_LINES = "application/jsonl"
Status = Literal["uploaded", "processed", "error"]
Purpose = Literal[
    "fine-tune",
    "fine-tune-results",
    "assistants",
    "assistants_output",
    "batch",
    "batch_output",
    "evals",
    "user_data",
    "vision",
]
"""OpenAI's purposes; only files of the first one exist here."""
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
    """The form fields besides `file`."""

    model_config = {"extra": "forbid"}
    purpose: Literal["fine-tune"] = "fine-tune"

    def options(self) -> Options:
        """Return the default options: a tenth of the prompts is the validation split."""
        return Options()


class FileObject(BaseModel):
    """A file in OpenAI's format; its id is the dataset's."""

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
    """A page of files."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedFile(BaseModel):
    """The response to a deletion."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


def routes(service: DatasetService, inspector: Inspector) -> APIRouter:
    """Build the router of /v1/files."""
    router = APIRouter(prefix="/v1/files", tags=["Dataset"])
    _add_upload(router, service)
    _add_lists(router, service)
    _add_files(router, service, inspector)
    return router


def _add_upload(router: APIRouter, service: DatasetService) -> None:
    """Add the upload route."""

    @router.post("", openapi_extra=BODY)
    async def create_file(request: Request, caller: Caller) -> FileObject:
        """Upload training data. Every row is checked before the response; an error names the first bad lines."""
        scoped = service.for_project(caller.project)
        upload, _ = await receive_form(request, scoped.uploads, caller.project, FileForm, extension=".jsonl")
        name = f"{upload.file_name.rpartition('.')[0][:100]} ({new_id('file')[-6:]})"
        version, _ = await scoped.submit(upload, UploadForm(name=name))
        version = await scoped.wait_until_final(version, VALIDATION_WAIT_S)
        if version.final and version.dataset_state != "ready":
            raise await scoped.withdraw(version)
        return _to_file(await scoped.datasets.get(version.dataset_id), version)


def _add_lists(router: APIRouter, service: DatasetService) -> None:
    """Add the routes that list and show files."""

    @router.get("")
    async def list_files(
        caller: Caller,
        purpose: Purpose = "fine-tune",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        after: Annotated[str | None, Query(description="id of the last file of the previous page")] = None,
        order: Annotated[Literal["asc", "desc"], Query(description="asc: oldest first")] = "desc",
    ) -> FileList:
        """List files, newest first by default. Files of other purposes than fine-tune do not exist here."""
        scoped = service.for_project(caller.project)
        page = await scoped.datasets.page_after(after, limit, oldest_first=order == "asc")
        versions = await scoped.versions.of(page.items)
        files = [
            _to_file(dataset, version)
            for dataset in page.items
            if purpose == "fine-tune" and (version := _current_version(dataset, versions))
        ]
        ends = (files[0].id, files[-1].id) if files else (None, None)
        has_more = bool(files and page.next_cursor)
        return FileList(data=files, first_id=ends[0], last_id=ends[1], has_more=has_more)

    @router.get("/{file_id}")
    async def get_file(file_id: str, caller: Caller) -> FileObject:
        """Show a file."""
        scoped = service.for_project(caller.project)
        dataset = await _file(scoped, file_id)
        version = _current_version(dataset, await scoped.versions.of([dataset]))
        return _to_file(dataset, version or await scoped.require_ready(file_id))


def _add_files(router: APIRouter, service: DatasetService, inspector: Inspector) -> None:
    """Add the routes that delete and download a file."""

    @router.delete("/{file_id}")
    async def delete_file(file_id: str, caller: Caller) -> DeletedFile:
        """Delete the file, which is a dataset."""
        scoped = service.for_project(caller.project)
        await _file(scoped, file_id)
        for version in await scoped.delete(file_id):
            await inspector.clear_cache(version)
        return DeletedFile(id=file_id)

    @router.get("/{file_id}/content", response_class=StreamingResponse)
    async def get_file_content(file_id: str, caller: Caller) -> StreamingResponse:
        """Download the usable rows as JSON lines, normalized, in the order of the upload; untrained turns: weight 0."""
        scoped = service.for_project(caller.project)
        await _file(scoped, file_id)
        content = inspector.content(await scoped.require_ready(file_id))
        first = await anext(content)  # before the response starts, so that an error has its own status
        return StreamingResponse(_prepend(first, content), media_type=JSON_LINES)


async def _file(scoped: DatasetService, file_id: str) -> Dataset:
    """Return the file. Raises NotFound in OpenAI's terms."""
    try:
        return await scoped.datasets.get(file_id)
    except NotFound as error:
        detail = f"There is no file {file_id!r} in this project."
        raise NotFound(detail, field="file_id", remedy="GET /v1/files lists those of the project.") from error


async def _prepend(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _current_version(dataset: Dataset, versions: dict[str, DatasetVersion]) -> DatasetVersion | None:
    """Return the current version; the latest upload while none is ready."""
    ids = (
        [dataset.entries[dataset.current]] if dataset.current in dataset.entries else reversed(dataset.entries.values())
    )
    return next((versions[id] for id in ids if id in versions), None)


def _to_file(dataset: Dataset, version: DatasetVersion) -> FileObject:
    return FileObject(
        id=dataset.id,
        bytes=version.size,
        created_at=int(dataset.created_at.timestamp()),
        filename=version.file_name,
        status=STATUSES[version.dataset_state],
        status_details=version.detail,
    )
