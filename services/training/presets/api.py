"""HTTP: presets and recipes."""

from fastapi import APIRouter

from services.training.parameters import Cursor, Key, Limit
from services.training.presets.recipes import RECIPES, Recipes
from services.training.presets.requests import PresetRequest
from services.training.presets.service import Presets
from services.training.presets.views import PresetView
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller


def routes(presets: Presets) -> APIRouter:
    """The routes of presets and recipes."""
    router = APIRouter(prefix="/training", tags=["Training"])

    @router.get("/recipes")
    async def list_training_recipes(caller: Caller) -> Recipes:
        """Presets that come with the platform; a job uses one with its id as `preset`."""
        return Recipes(items=list(RECIPES))

    @router.post("/presets", status_code=201)
    async def create_training_preset(request: PresetRequest, caller: Caller, key: Key = None) -> PresetView:
        """Save settings under a name; a job uses them with `preset`."""
        return await presets.save(caller.project, caller.subject, request, key)

    @router.get("/presets")
    async def list_training_presets(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Page[PresetView]:
        """Your own presets and the shared ones, newest first."""
        return await presets.page(caller.project, caller.subject, limit, cursor)

    @router.delete("/presets/{id}", status_code=204)
    async def delete_training_preset(id: str, caller: Caller) -> None:
        """Delete a preset; jobs that used it keep the values."""
        await presets.delete(caller.project, id)

    return router
