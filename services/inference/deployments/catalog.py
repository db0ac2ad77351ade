"""Resolves model names: custom models by id or unique name, base models by id. A model exists if its manifest does."""

from dataclasses import dataclass

from services.inference.deployments.store import Stores
from services.inference.errors import ModelNotFound
from services.inference.protocol import ModelSpec
from shared.blobs.artifacts import MANIFEST, SHARED, find_model, resolve_model
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import now


@dataclass(frozen=True)
class FoundModel:
    """A model with its manifest and its location."""

    uri: str
    project: str
    manifest: ModelManifest

    @property
    def id(self) -> str:
        """The model id."""
        return self.manifest.model_id


@dataclass(frozen=True)
class ListedModel:
    """An entry of the model list; `created` in seconds since 1970."""

    id: str
    name: str
    created: int
    custom: bool


class Catalog:
    """Looks models up in the blob store and among the custom models announced by events."""

    def __init__(self, blobs: Blobs, stores: Stores) -> None:
        self._blobs, self._models = blobs, stores.models
        self._started_at = int(now().timestamp())

    async def find(self, project: str, name: str) -> FoundModel:
        """Return the model with this id or unique name. Raises ModelNotFound."""
        for owner, folder in ((project, "custom"), (project, "base"), (SHARED, "base")):
            if found := await self._find_in(project, owner, folder, name):
                return found
        namesakes = await self._models.for_project(project).find({"name": name}, limit=2)
        if len(namesakes) == 1 and (found := await self._find_in(project, project, "custom", namesakes[0].id)):
            return found
        detail = f"There is no model {name!r} in this project."
        if len(namesakes) > 1:
            detail = f"{len(namesakes)} or more custom models are named {name!r}."
        raise ModelNotFound(detail, field="model", remedy="Use an id from GET /v1/models.")

    async def spec(self, model: FoundModel) -> ModelSpec:
        """Return what an engine needs to load the model. Raises artifact_gone."""
        ref = await resolve_model(self._blobs, model.uri, model.project)
        return ModelSpec(model.id, model.uri, ref, model.manifest.template_hash, model.manifest.parameters)

    async def list_models(self, project: str) -> list[ListedModel]:
        """List custom models, newest first, then base models by id."""
        custom_models = await self._models.for_project(project).find()
        base_models = {name: None for owner in (SHARED, project) for name in await self._base_model_ids(owner)}
        return [
            *(ListedModel(model.id, model.name, int(model.created_at.timestamp()), True) for model in custom_models),
            *(ListedModel(name, name, self._started_at, False) for name in base_models),
        ]

    async def _base_model_ids(self, owner: str) -> list[str]:
        keys = [info.key.split("/") for info in await self._blobs.list(f"{owner}/models/base")]
        return [parts[3] for parts in keys if len(parts) == 5 and parts[4] == MANIFEST]

    async def _find_in(self, project: str, owner: str, folder: str, id: str) -> FoundModel | None:
        found = await find_model(self._blobs, project, folder, id, owner=owner)
        return FoundModel(found[0], project, found[1]) if found else None
