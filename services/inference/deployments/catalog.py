"""Which model a name means: custom models by id or unique name, base models by id; proven by their manifests."""

from dataclasses import dataclass

from services.inference.errors import ModelNotFound
from services.inference.protocol import ModelSpec
from services.inference.store import Stores
from shared.blobs.artifacts import MANIFEST, SHARED, find_model, resolve_model
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import now


@dataclass(frozen=True)
class FoundModel:
    """A model whose manifest was read, and where it lies."""

    uri: str
    project: str
    manifest: ModelManifest

    @property
    def id(self) -> str:
        """Its id."""
        return self.manifest.model_id


@dataclass(frozen=True)
class Listed:
    """A line of the model list; `created` in seconds since 1970."""

    id: str
    name: str
    created: int
    custom: bool


class Catalog:
    """Looks models up, in the blob store and among the custom models that events told of."""

    def __init__(self, blobs: Blobs, stores: Stores) -> None:
        self._blobs, self._models = blobs, stores.models
        self._born = int(now().timestamp())

    async def find(self, project: str, name: str) -> FoundModel:
        """The model of this id or unique name; raises ModelNotFound."""
        for owner, folder in ((project, "custom"), (project, "base"), (SHARED, "base")):
            if found := await self._read(project, owner, folder, name):
                return found
        namesakes = await self._models.for_project(project).find({"name": name}, limit=2)
        if len(namesakes) == 1 and (found := await self._read(project, project, "custom", namesakes[0].id)):
            return found
        detail = f"There is no model {name!r} in this project."
        if len(namesakes) > 1:
            detail = f"{len(namesakes)} or more custom models are called {name!r}."
        raise ModelNotFound(detail, field="model", remedy="GET /v1/models lists what there is; use an id from there.")

    async def spec(self, model: FoundModel) -> ModelSpec:
        """What an engine needs to load it. Raises artifact_gone."""
        ref = await resolve_model(self._blobs, model.uri, model.project)
        return ModelSpec(model.id, model.uri, ref, model.manifest.template_hash, model.manifest.parameters)

    async def listed(self, project: str) -> list[Listed]:
        """Custom models, newest first, then base models by id."""
        customs = await self._models.for_project(project).find()
        bases = {name: None for owner in (SHARED, project) for name in await self._bases(owner)}
        return [
            *(Listed(model.id, model.name, int(model.created_at.timestamp()), True) for model in customs),
            *(Listed(name, name, self._born, False) for name in bases),
        ]

    async def _bases(self, owner: str) -> list[str]:
        keys = [info.key.split("/") for info in await self._blobs.list(f"{owner}/models/base")]
        return [parts[3] for parts in keys if len(parts) == 5 and parts[4] == MANIFEST]

    async def _read(self, project: str, owner: str, folder: str, id: str) -> FoundModel | None:
        found = await find_model(self._blobs, project, folder, id, owner=owner)
        return FoundModel(found[0], project, found[1]) if found else None
