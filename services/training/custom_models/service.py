"""The use cases of custom models."""

from contextlib import suppress

from services.training.base_models.service import refuse_in_use
from services.training.custom_models.requests import CustomModelChange
from services.training.custom_models.views import CustomModelView
from services.training.errors import AmbiguousModel
from services.training.model_names import require_usable_name
from services.training.models import CustomModel
from services.training.references import MAX_SUGGESTIONS, References
from services.training.store import Stores
from shared.blobs.artifacts import delete_artifact
from shared.blobs.protocol import Blobs
from shared.documents.entities import Page
from shared.events.training import ModelDeleted, ModelRenamed
from shared.runtime.errors import NotFound


class CustomModels:
    """Change, list and delete the models that jobs produced."""

    def __init__(self, blobs: Blobs, stores: Stores, references: References) -> None:
        self._blobs, self._stores, self._references = blobs, stores, references

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[CustomModelView]:
        """Newest first."""
        page = await self._stores.custom_models.for_project(project).page(limit=limit, cursor=cursor)
        return Page(items=[CustomModelView.of(model) for model in page.items], next_cursor=page.next_cursor)

    async def get(self, project: str, id: str) -> CustomModelView:
        """One model."""
        return CustomModelView.of(await self._stores.custom_models.for_project(project).get(id))

    async def change(self, project: str, id: str, change: CustomModelChange) -> CustomModelView:
        """Rename it, or write notes. Raises InvalidInput for a name that requests could not use."""
        known = await self._stores.custom_models.for_project(project).get(id)
        if change.name not in (None, known.name):
            await require_usable_name(self._references, project, change.name, known.model_uri)

        def apply(model: CustomModel) -> list[ModelRenamed]:
            model.notes = model.notes if change.notes is None else change.notes
            if change.name is None:
                return []
            model.name = change.name
            return [ModelRenamed(model_id=id, name=change.name)]

        return CustomModelView.of(await self._stores.custom_models.for_project(project).change(id, apply))

    async def id_of(self, project: str, reference: str) -> str:
        """The id of the model with this id or unique name; `reference` itself where none has it.

        Raises AmbiguousModel."""
        models = self._stores.custom_models.for_project(project)
        if await models.find({"_id": reference}, limit=1):
            return reference
        namesakes = [model.id for model in await models.find({"name": reference}, limit=MAX_SUGGESTIONS)]
        if len(namesakes) > 1:
            detail = f"{len(namesakes)} custom models are named {reference!r}: {', '.join(namesakes)}."
            raise AmbiguousModel(detail, field="model", limit=namesakes, remedy="Give the id of one.")
        return namesakes[0] if namesakes else reference

    async def delete(self, project: str, id: str) -> None:
        """Delete it and free its disk space. Raises InUse while a job or another model needs it."""
        store = self._stores.custom_models.for_project(project)
        model = await store.get(id)
        await refuse_in_use(self._blobs, self._stores, project, model.model_uri)
        if model.step is not None:
            with suppress(NotFound):  # deleted by a request before, which was interrupted
                await self._stores.checkpoint_models.delete(id)
        key = f"{project}/models/custom/{id}"
        await self._blobs.delete(f"{key}/manifest.json")
        await store.delete(id, [ModelDeleted(model_id=id)])
        await delete_artifact(self._blobs, key)
