"""The use cases of presets: save, list, delete, and merge under the settings of a request."""

from typing import Any

from pydantic import ValidationError

from services.training.errors import InUse
from services.training.models import Preset
from services.training.parameters import body_hash
from services.training.presets.recipes import RECIPES, find_recipe
from services.training.presets.requests import PresetRequest
from services.training.presets.views import PresetView
from services.training.settings import EXCLUSIVE, TrainingSettings
from services.training.store import Stores
from shared.documents.entities import Page, derived_id, new_id
from shared.runtime.errors import InvalidInput, NotFound


class Presets:
    """Save, list, delete and apply presets."""

    def __init__(self, stores: Stores) -> None:
        self._presets = stores.presets

    async def save(self, project: str, owner: str, request: PresetRequest, key: str | None) -> PresetView:
        """Save a preset. Raises InUse for a name that the project has already, since a job may refer to it by name."""
        preset = Preset(
            id=derived_id("preset", project, key) if key else new_id("preset"),
            project=project,
            request_hash=body_hash(request.model_dump(mode="json")) if key else None,
            name=request.name,
            description=request.description,
            settings=request.settings.model_dump(mode="json", exclude_none=True),
            private_to=None if request.shared else owner,
        )
        for other in await self._presets.for_project(project).find({"name": request.name}):
            if other.id != preset.id:
                remedy = "Choose another name, or delete that preset first."
                raise InUse(f"There is a preset {request.name!r} already.", field="name", remedy=remedy)
        return PresetView.of(await self._presets.create(preset))

    async def page(self, project: str, owner: str, limit: int, cursor: str | None) -> Page[PresetView]:
        """The owner's own and the shared ones, newest first."""
        where = {"private_to": {"$in": [None, owner]}}
        page = await self._presets.for_project(project).page(where, limit=limit, cursor=cursor)
        return Page(items=[PresetView.of(preset) for preset in page.items], next_cursor=page.next_cursor)

    async def delete(self, project: str, id: str) -> None:
        """Delete a preset; jobs that used it keep the values."""
        await self._presets.for_project(project).delete(id)

    async def apply(self, project: str, preset: str | None, settings: TrainingSettings) -> TrainingSettings:
        """Merge `settings` over those of the preset with this name or id."""
        own = settings.model_dump(exclude_none=True, include=set(TrainingSettings.model_fields))
        if preset is None:
            return TrainingSettings.model_validate(own)
        saved = await self._settings_of(project, preset)
        try:
            return TrainingSettings.model_validate(_merge(saved, own))
        except ValidationError as error:
            raise InvalidInput(
                f"The request conflicts with preset {preset!r}: {error.errors()[0]['msg']}",
                field="preset",
                remedy="Leave one of the settings out.",
            ) from error

    async def _settings_of(self, project: str, reference: str) -> dict[str, Any]:
        """The settings of a saved preset, or of the recipe with this id. Raises NotFound."""
        store = self._presets.for_project(project)
        if found := await store.find({"name": reference}, limit=1) or await store.find({"_id": reference}, limit=1):
            return found[0].settings
        if recipe := find_recipe(reference):
            return recipe.settings.given()
        known = [*(preset.name for preset in await store.find(limit=20)), *(recipe.id for recipe in RECIPES)]
        remedy = "Name one of these, or save it first: POST /training/presets."
        raise NotFound(f"There is no preset {reference!r}.", field="preset", limit=known, remedy=remedy)


def _merge(saved: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """`own` over `saved`; of two settings that exclude each other, `own` decides which one applies."""
    base = {**saved}
    for pair in EXCLUSIVE:
        if any(name in own for name in pair):
            base = {k: v for k, v in base.items() if k not in pair}
    if own.get("method") == "full":
        base.pop("lora", None)
    nested: dict[str, Any] = {k: {**base.get(k, {}), **own[k]} for k in ("lora", "resources") if k in own}
    return {**base, **own, **nested}
