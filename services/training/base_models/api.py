"""HTTP: base models, and everything that can be trained."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.training.base_models.catalog import Catalog
from services.training.base_models.requests import BaseRequest
from services.training.base_models.service import BaseModels
from services.training.base_models.views import AvailableModels, BaseView
from services.training.parameters import Cursor, Key, Limit
from shared.documents.entities import Page
from shared.runtime.http.json_keys import check_keys
from shared.runtime.http.multipart import Multipart, drain
from shared.runtime.http.principal import Caller
from shared.runtime.http.secrets import KIND_HEADER, secret_kind

UPLOAD_OR_JSON: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": BaseRequest.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "zip of a safetensors folder"},
                        "name": {"type": "string"},
                    },
                }
            },
        },
    }
}


def routes(catalog: Catalog, base_models: BaseModels) -> APIRouter:
    """The routes /models/available and below /models/base."""
    router = APIRouter(prefix="/models", tags=["Model"])

    @router.get("/available")
    async def list_available_models(caller: Caller) -> AvailableModels:
        """Models that can be trained: the bundled one, your own, and well-known ones to download. Downloads nothing."""
        return await catalog.available(caller.project)

    downloading: dict[int | str, dict[str, Any]] = {
        202: {"model": BaseView, "description": "a download has begun; its state shows the progress"}
    }

    @router.post("/base", status_code=201, responses=downloading, openapi_extra=UPLOAD_OR_JSON)
    async def add_base_model(request: Request, response: Response, caller: Caller, key: Key = None) -> BaseView:
        """Upload a zip, register a folder of the server, or request a download (202; its state shows the progress)."""
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            return await _upload(base_models, request, caller.project, key)
        parsed = await _parse(request)
        added = await base_models.register(caller, parsed, key)
        if kind := secret_kind(parsed.token, parsed.uri):
            response.headers[KIND_HEADER] = kind
        response.status_code = 201 if added.state == "succeeded" else 202
        return added

    @router.get("/base")
    async def list_base_models(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Page[BaseView]:
        """Base models that this project added, newest first."""
        page = await base_models.page(caller.project, limit, cursor)
        return Page(items=[base.shown_to(caller) for base in page.items], next_cursor=page.next_cursor)

    @router.get("/base/{id}")
    async def get_base_model(id: str, caller: Caller) -> BaseView:
        """One base model, with the progress of its download."""
        return (await base_models.get(caller.project, id)).shown_to(caller)

    @router.delete("/base/{id}", status_code=204)
    async def delete_base_model(id: str, caller: Caller) -> None:
        """Stop its download, delete the base model and free its disk space."""
        await base_models.delete(caller.project, id)

    return router


async def _upload(base_models: BaseModels, request: Request, project: str, key: str | None) -> BaseView:
    base_models.refuse_length(int(request.headers.get("content-length") or 0))
    body = request.stream()
    try:
        return await base_models.upload(project, Multipart(request.headers.get("content-type", ""), body), key)
    except Exception:
        await drain(body)
        raise


async def _parse(request: Request) -> BaseRequest:
    body = await request.body()
    check_keys(body)
    try:
        return BaseRequest.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False)) from error
