"""HTTP of the export room."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from services.export.models import Export, ExportRequest, ExportView, Format
from services.export.service import ExportService
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller

RETRY_AFTER = 5
"""Seconds: an export takes from some to some hundreds of them."""
IdempotencyKey = Annotated[
    str | None, Header(max_length=200, description="the same key again does not start a failed export once more")
]
FormatQuery = Annotated[Format, Query(description="torch: merged safetensors; onnx: with KV cache; adapter: LoRA only")]
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    206: {"description": "the range that was asked for"},
    304: {"description": "If-None-Match names this very content"},
    416: {"description": "the range begins behind the end"},
}


def _underway(export: Export | None) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER)}
    if export is None:
        return Response(status_code=202, headers=headers)
    headers["Location"] = f"/exports/{export.id}"
    return JSONResponse(ExportView.of(export).model_dump(mode="json"), 202, headers)


def routes(service: ExportService) -> APIRouter:
    """The room's router."""
    router = APIRouter(tags=["Export"])
    _models(router, service)
    _exports(router, service)
    _files(router, service)
    return router


def _models(router: APIRouter, service: ExportService) -> None:
    """Exports by what is exported."""

    @router.get("/models/custom/{id}/export", responses={**FILE, 202: {"model": ExportView}}, response_class=Response)
    async def export_model(id: str, request: Request, caller: Caller, format: FormatQuery = "torch") -> Response:
        """The model as one zip once it is built; until then 202 with Location, building it if nobody does."""
        export = await service.ensure(caller.project, id, format)
        if not export.final:
            return _underway(export)
        return await service.archive(export).respond(request.headers)

    @router.head("/models/custom/{id}/export", include_in_schema=False)
    async def head_export_model(id: str, request: Request, caller: Caller, format: FormatQuery = "torch") -> Response:
        """What GET would answer; starts nothing."""
        export = await service.find(caller.project, id, format)
        if export is None or not export.final:
            return _underway(export)
        return await service.archive(export).respond(request.headers, head=True)

    @router.post("/models/custom/{id}/exports", status_code=202, response_model=ExportView)
    async def start_export(
        id: str, body: ExportRequest, caller: Caller, response: Response, idempotency_key: IdempotencyKey = None
    ) -> ExportView:
        """Have the model exported; the export that there is, tried again if it failed or was cancelled."""
        export = await service.start(caller.project, id, body.format, key=idempotency_key)
        response.headers["Location"] = f"/exports/{export.id}"
        return ExportView.of(export)


def _exports(router: APIRouter, service: ExportService) -> None:
    """Exports that were asked for."""

    @router.get("/exports", response_model=Page[ExportView])
    async def list_exports(
        caller: Caller,
        model_id: Annotated[str | None, Query(description="only of this custom model")] = None,
        limit: Annotated[int, Query(ge=1, le=200, description="how many at most")] = 50,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Page[ExportView]:
        """Exports of this project, newest first."""
        page = await service.page(caller.project, model_id, limit, cursor)
        return Page[ExportView](items=[ExportView.of(export) for export in page.items], next_cursor=page.next_cursor)

    @router.get("/exports/{id}", response_model=ExportView)
    async def show_export(id: str, caller: Caller) -> ExportView:
        """State, progress, and once it has succeeded the files and how they were checked."""
        return ExportView.of(await service.get(caller.project, id))

    @router.delete("/exports/{id}", status_code=204)
    async def delete_export(id: str, caller: Caller) -> None:
        """Delete an export that has ended, with its files; a later request builds it anew."""
        await service.delete(caller.project, id)

    @router.post("/exports/{id}/cancel", response_model=ExportView)
    async def cancel_export(id: str, caller: Caller) -> ExportView:
        """Stop a queued or running export; repeating it is fine."""
        return ExportView.of(await service.cancel(caller.project, id))


def _files(router: APIRouter, service: ExportService) -> None:
    """The files of an export."""

    @router.get("/exports/{id}/files/{name:path}", responses=FILE, response_class=Response)
    async def download_export_file(id: str, name: str, request: Request, caller: Caller) -> Response:
        """One file of an export."""
        export = await service.get(caller.project, id)
        return await service.member(export, name).respond(request.headers)

    @router.head("/exports/{id}/files/{name:path}", include_in_schema=False)
    async def head_export_file(id: str, name: str, request: Request, caller: Caller) -> Response:
        """Size and ETag of one file."""
        export = await service.get(caller.project, id)
        return await service.member(export, name).respond(request.headers, head=True)
