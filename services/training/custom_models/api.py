"""HTTP: custom models."""

from fastapi import APIRouter

from services.training.custom_models.requests import CustomModelChange
from services.training.custom_models.service import CustomModels
from services.training.custom_models.views import CustomModelView
from services.training.parameters import Cursor, Limit
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller


def routes(models: CustomModels) -> APIRouter:
    """The routes below /models/custom."""
    router = APIRouter(prefix="/models", tags=["Model"])

    @router.get("/custom")
    async def list_custom_models(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Page[CustomModelView]:
        """Models that jobs produced, newest first."""
        return await models.page(caller.project, limit, cursor)

    @router.get("/custom/{id}")
    async def get_custom_model(id: str, caller: Caller) -> CustomModelView:
        """One custom model."""
        return await models.get(caller.project, id)

    @router.patch("/custom/{id}")
    async def change_custom_model(id: str, change: CustomModelChange, caller: Caller) -> CustomModelView:
        """Rename it, or write notes."""
        return await models.change(caller.project, id, change)

    @router.delete("/custom/{id}", status_code=204)
    async def delete_custom_model(id: str, caller: Caller) -> None:
        """Delete it and free its disk space."""
        await models.delete(caller.project, id)

    return router
