"""HTTP routes of the export service."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from services.export.models import Export, ExportRequest, ExportView, Format, Quantization
from services.export.service import ExportService
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller

RETRY_AFTER_S = 5
"""An export takes from a few seconds to some minutes."""
IdempotencyKey = Annotated[
    str | None, Header(max_length=200, description="a repeated key does not restart a failed export a second time")
]
FormatQuery = Annotated[
    Format,
    Query(
        description="torch: merged safetensors; onnx: with KV cache; adapter: LoRA only; "
        "gguf: for llama.cpp and Ollama; gguf_adapter: LoRA only, for these"
    ),
]
QuantizationQuery = Annotated[Quantization | None, Query(description="type of the weights in GGUF; f16 by default")]
AcceptDrift = Annotated[bool, Query(description="download an export although its verdict is `drifted`")]
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    206: {"description": "the requested range"},
    304: {"description": "the content is the one that If-None-Match names"},
    416: {"description": "the range starts after the end of the file"},
}


def _accepted(export: Export | None) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    if export is None:
        return Response(status_code=202, headers=headers)
    headers["Location"] = f"/exports/{export.id}"
    return JSONResponse(ExportView.of(export).model_dump(mode="json"), 202, headers)


def routes(service: ExportService) -> APIRouter:
    """Build the service's router."""
    router = APIRouter(tags=["Export"])
    _add_models(router, service)
    _add_exports(router, service)
    _add_files(router, service)
    return router


def _add_models(router: APIRouter, service: ExportService) -> None:
    """Add the routes of a model's exports."""

    @router.get("/models/custom/{id}/export", responses={**FILE, 202: {"model": ExportView}}, response_class=Response)
    async def export_model(
        id: str,
        request: Request,
        caller: Caller,
        format: FormatQuery = "torch",
        quantization: QuantizationQuery = None,
        accept_drift: AcceptDrift = False,
    ) -> Response:
        """Download the model as a zip. Until it is built, respond 202 with Location; the first request builds it."""
        export = await service.ensure(caller.project, id, format, quantization)
        if not export.final:
            return _accepted(export)
        return await service.archive(export, accept_drift=accept_drift).respond(request.headers)

    @router.head("/models/custom/{id}/export", include_in_schema=False)
    async def head_export_model(
        id: str,
        request: Request,
        caller: Caller,
        format: FormatQuery = "torch",
        quantization: QuantizationQuery = None,
        accept_drift: AcceptDrift = False,
    ) -> Response:
        """Return the headers of GET without starting a build."""
        export = await service.find(caller.project, id, format, quantization)
        if export is None or not export.final:
            return _accepted(export)
        return await service.archive(export, accept_drift=accept_drift).respond(request.headers, head=True)

    @router.post("/models/custom/{id}/exports", status_code=202, response_model=ExportView)
    async def start_export(
        id: str, body: ExportRequest, caller: Caller, response: Response, idempotency_key: IdempotencyKey = None
    ) -> ExportView:
        """Start an export, or return the existing one. A failed or cancelled export is restarted."""
        export = await service.start(caller.project, id, body.format, body.quantization, key=idempotency_key)
        response.headers["Location"] = f"/exports/{export.id}"
        return ExportView.of(export)


def _add_exports(router: APIRouter, service: ExportService) -> None:
    """Add the routes of exports."""

    @router.get("/exports", response_model=Page[ExportView])
    async def list_exports(
        caller: Caller,
        model_id: Annotated[str | None, Query(description="only exports of this custom model")] = None,
        limit: Annotated[int, Query(ge=1, le=200, description="maximum number of items")] = 50,
        cursor: Annotated[str | None, Query(description="next_cursor of the previous page")] = None,
    ) -> Page[ExportView]:
        """List the project's exports, newest first."""
        page = await service.page(caller.project, model_id, limit, cursor)
        return Page[ExportView](items=[ExportView.of(export) for export in page.items], next_cursor=page.next_cursor)

    @router.get("/exports/{id}", response_model=ExportView)
    async def show_export(id: str, caller: Caller) -> ExportView:
        """Show state, progress, and the files and verification of a succeeded export."""
        return ExportView.of(await service.get(caller.project, id))

    @router.delete("/exports/{id}", status_code=204)
    async def delete_export(id: str, caller: Caller) -> None:
        """Delete an ended export with its files. A later request builds it again."""
        await service.delete(caller.project, id)

    @router.post("/exports/{id}/cancel", response_model=ExportView)
    async def cancel_export(id: str, caller: Caller) -> ExportView:
        """Cancel a queued or running export. Idempotent."""
        return ExportView.of(await service.cancel(caller.project, id))


def _add_files(router: APIRouter, service: ExportService) -> None:
    """Add the routes of an export's files."""

    @router.get("/exports/{id}/files/{name:path}", responses=FILE, response_class=Response)
    async def download_export_file(
        id: str, name: str, request: Request, caller: Caller, accept_drift: AcceptDrift = False
    ) -> Response:
        """Download one file of an export."""
        export = await service.get(caller.project, id)
        return await service.member(export, name, accept_drift=accept_drift).respond(request.headers)

    @router.head("/exports/{id}/files/{name:path}", include_in_schema=False)
    async def head_export_file(
        id: str, name: str, request: Request, caller: Caller, accept_drift: AcceptDrift = False
    ) -> Response:
        """Return size and ETag of one file."""
        export = await service.get(caller.project, id)
        return await service.member(export, name, accept_drift=accept_drift).respond(request.headers, head=True)
