"""The use cases of custom models."""

from services.training.base_models.service import refuse_in_use
from services.training.custom_models.requests import CustomModelChange
from services.training.custom_models.views import CustomModelView
from services.training.models import CustomModel
from services.training.store import Stores
from shared.blobs.artifacts import delete_artifact
from shared.blobs.protocol import Blobs
from shared.documents.entities import Page
from shared.events.training import ModelDeleted


class CustomModels:
    """Change, list and delete the models that jobs produced."""

    def __init__(self, blobs: Blobs, stores: Stores) -> None:
        self._blobs, self._stores = blobs, stores

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[CustomModelView]:
        """Newest first."""
        page = await self._stores.custom_models.for_project(project).page(limit=limit, cursor=cursor)
        return Page(items=[CustomModelView.of(model) for model in page.items], next_cursor=page.next_cursor)

    async def get(self, project: str, id: str) -> CustomModelView:
        """One model."""
        return CustomModelView.of(await self._stores.custom_models.for_project(project).get(id))

    async def change(self, project: str, id: str, change: CustomModelChange) -> CustomModelView:
        """Rename it, or write notes."""

        def apply(model: CustomModel) -> None:
            model.name = model.name if change.name is None else change.name
            model.notes = model.notes if change.notes is None else change.notes

        return CustomModelView.of(await self._stores.custom_models.for_project(project).change(id, apply))

    async def delete(self, project: str, id: str) -> None:
        """Delete it and free its disk space. Raises InUse while a job or another model needs it."""
        store = self._stores.custom_models.for_project(project)
        model = await store.get(id)
        await refuse_in_use(self._stores, project, model.model_uri)
        key = f"{project}/models/custom/{id}"
        await self._blobs.delete(f"{key}/manifest.json")
        await store.delete(id, [ModelDeleted(model_id=id)])
        await delete_artifact(self._blobs, key)
