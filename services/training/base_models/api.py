"""HTTP: base models, and everything that can be trained."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.training.base_models.catalog import Catalog
from services.training.base_models.requests import BaseRequest
from services.training.base_models.service import Bases
from services.training.base_models.views import AvailableModels, BaseView
from services.training.parameters import Cursor, Key, Limit
from shared.documents.entities import Page
from shared.runtime.http.multipart import Multipart, drain
from shared.runtime.http.principal import Caller

EITHER: dict[str, Any] = {
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


def routes(catalog: Catalog, bases: Bases) -> APIRouter:
    """The routes /models/available and below /models/base."""
    router = APIRouter(prefix="/models", tags=["Model"])

    @router.get("/available")
    async def list_available_models(caller: Caller) -> AvailableModels:
        """What can be trained: bundled, your own, and well-known ones to download. Looking downloads nothing."""
        return await catalog.available(caller.project)

    @router.post("/base", status_code=201, openapi_extra=EITHER)
    async def add_base_model(request: Request, response: Response, caller: Caller, key: Key = None) -> BaseView:
        """Upload a zip, register a folder of the server, or ask for a download (202; its state tells the rest)."""
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            return await _uploaded(bases, request, caller.project, key)
        added = await bases.register(caller, await _parsed(request), key)
        response.status_code = 201 if added.state == "succeeded" else 202
        return added

    @router.get("/base")
    async def list_base_models(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Page[BaseView]:
        """Base models that this project brought, newest first."""
        return await bases.page(caller.project, limit, cursor)

    @router.get("/base/{id}")
    async def get_base_model(id: str, caller: Caller) -> BaseView:
        """One base model, with how far its download is."""
        return await bases.get(caller.project, id)

    @router.delete("/base/{id}", status_code=204)
    async def delete_base_model(id: str, caller: Caller) -> None:
        """Stop fetching it, forget it, free its bytes."""
        await bases.delete(caller.project, id)

    return router


async def _uploaded(bases: Bases, request: Request, project: str, key: str | None) -> BaseView:
    bases.refuse_length(int(request.headers.get("content-length") or 0))
    body = request.stream()
    try:
        return await bases.upload(project, Multipart(request.headers.get("content-type", ""), body), key)
    except Exception:
        await drain(body)
        raise


async def _parsed(request: Request) -> BaseRequest:
    try:
        return BaseRequest.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False)) from error
