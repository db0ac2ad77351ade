"""Resolves ids and unique names of models, and hub ids of base models. A model exists if its manifest does."""

import re
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import structlog
from pydantic import ValidationError

from services.inference.deployments.store import Stores
from services.inference.errors import AmbiguousModel, ModelNotFound
from services.inference.protocol import ModelSpec
from shared.blobs.artifacts import MANIFEST, SHARED, find_model, resolve_model
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import now

log = structlog.get_logger(__name__)


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

    @property
    def weights(self) -> tuple[str, str | None]:
        """Equal for downloads of the same revision of a hub model."""
        hub_id = self.manifest.hub_id
        return (hub_id, self.manifest.provenance.get("revision")) if hub_id else (self.uri, None)


@dataclass(frozen=True)
class ListedModel:
    """An entry of the model list; `created` in seconds since 1970. Requests may use `id` and `name` alike."""

    id: str
    name: str
    created: int
    owner: Literal["alias", "base", "custom"]


class Named(Protocol):
    """An alias, as far as it is looked up here."""

    @property
    def name(self) -> str:
        """What requests say."""

    @property
    def model_id(self) -> str:
        """The model that they mean by it."""

    @property
    def created_at(self) -> datetime:
        """When it was created."""


class Aliases(Protocol):
    """The aliases of projects."""

    async def named(self, project: str, name: str) -> Named | None:
        """The alias of this name, or None."""

    async def listed(self, project: str) -> Sequence[Named]:
        """All of the project's."""


CHECKPOINT = re.compile(r"-ckpt-step-[0-9]+$")
"""In the ids of models that are checkpoints of jobs."""
MAX_NAMESAKES = 20
"""How many models an error lists."""
RECENT_S, MAX_RECENT = 1.0, 256
"""For so long a request trusts what one before it has read; of so many models."""


class Catalog:
    """Looks models up in the blob store and among the custom models announced by events."""

    def __init__(self, blobs: Blobs, stores: Stores, aliases: Aliases) -> None:
        self._blobs, self._models, self._aliases = blobs, stores.models, aliases
        self._known: dict[tuple[str, str], FoundModel] = {}
        """Base models by owner and id, whose manifests do not change."""
        self._recent: OrderedDict[tuple[str, str], tuple[float, tuple[FoundModel, ModelSpec]]] = OrderedDict()
        """By project and id: when it was read, and what."""
        self._started_at = int(now().timestamp())

    async def resolve(self, project: str, name: str) -> tuple[FoundModel, ModelSpec]:
        """What a request needs of the model that it calls `name`. Raises the errors of `find` and `spec`.

        Of many requests for one id, one per RECENT_S reads the manifests and checks the files. Names and aliases may
        mean another model at any time, and are always looked up.
        """
        if (recent := self._recent.get((project, name))) and time.monotonic() - recent[0] < RECENT_S:
            return recent[1]
        found = await self.find(project, name)
        resolved = found, await self.spec(found)
        if found.id == name:
            self._recent.pop((project, name), None)
            self._recent[project, name] = time.monotonic(), resolved
            while len(self._recent) > MAX_RECENT:
                self._recent.popitem(last=False)
        return resolved

    def forget(self, project: str, id: str) -> None:
        """Read a model again at its next request: it was deleted."""
        self._recent.pop((project, id), None)

    async def find(self, project: str, name: str) -> FoundModel:
        """Return the model with this id, that this alias points at, or with this unique name.

        Raises ModelNotFound or AmbiguousModel. A model that got an alias's name later is called by its id.
        """
        if found := await self._find_by_id(project, name):
            return found
        alias = await self._aliases.named(project, name)
        return await self.find_model(project, alias.model_id if alias else name)

    async def find_model(self, project: str, name: str) -> FoundModel:
        """Return the model with this id or unique name, not by an alias. Raises ModelNotFound or AmbiguousModel."""
        if found := await self._find_by_id(project, name):
            return found
        custom = await self._models.for_project(project).find({"name": name}, limit=MAX_NAMESAKES)
        base = [
            model for model in await self._base_models(project) if name in (model.manifest.name, model.manifest.hub_id)
        ]
        ids = [*(model.id for model in custom), *(model.id for model in base)]
        if len(ids) > 1:
            detail = f"{len(ids)} models are named {name!r}: {', '.join(ids)}."
            raise AmbiguousModel(detail, field="model", limit=ids, remedy="Use the id of one, or rename the others.")
        if base:
            return base[0]
        if custom and (found := await self._find_in(project, project, "custom", custom[0].id)):
            return found
        detail = f"There is no model {name!r} in this project."
        remedy = "Use an id from GET /v1/models."
        if CHECKPOINT.search(name):
            remedy = "Publish the checkpoint first: POST /training/jobs/<job-id>/checkpoints/<step>/model."
        raise ModelNotFound(detail, field="model", remedy=remedy)

    async def _find_by_id(self, project: str, id: str) -> FoundModel | None:
        for owner, folder in ((project, "custom"), (project, "base"), (SHARED, "base")):
            if found := await self._find_in(project, owner, folder, id):
                return found
        return None

    async def spec(self, model: FoundModel) -> ModelSpec:
        """Return what an engine needs to load the model. Raises artifact_gone."""
        ref = await resolve_model(self._blobs, model.uri, model.project)
        return ModelSpec(model.id, model.uri, ref, model.manifest.template_hash, model.manifest.parameters)

    async def list_models(self, project: str) -> list[ListedModel]:
        """List aliases and custom models, newest first, then base models by id.

        A name that is not unique is not listed.
        """
        aliases = await self._aliases.listed(project)
        custom_models = await self._models.for_project(project).find()
        base_models = {model.id: model.manifest.name for model in await self._base_models(project)}
        uses = Counter([*base_models, *(model.id for model in custom_models), *(model.name for model in custom_models)])
        uses.update(name for id, name in base_models.items() if name != id)
        uses.update(alias.name for alias in aliases)
        return [
            *(ListedModel(a.name, a.name, int(a.created_at.timestamp()), "alias") for a in aliases),
            *(
                ListedModel(
                    model.id,
                    model.name if uses[model.name] == 1 else model.id,
                    int(model.created_at.timestamp()),
                    "custom",
                )
                for model in custom_models
            ),
            *(
                ListedModel(id, name if uses[name] == 1 else id, self._started_at, "base")
                for id, name in base_models.items()
            ),
        ]

    async def _base_models(self, project: str) -> list[FoundModel]:
        """The base models that the project may use; of the same revision of a hub model, one."""
        found: dict[tuple[str, str | None], FoundModel] = {}
        for owner in (SHARED, project):
            for id in await self._base_model_ids(owner):
                try:
                    model = self._known.get((owner, id)) or await self._find_in(project, owner, "base", id)
                except ValidationError as error:
                    log.warning("base_model_not_listed", model_id=id, reason=str(error))
                    continue
                if model:
                    self._known[owner, id] = model
                    found.setdefault(model.weights, model)
        return list(found.values())

    async def _base_model_ids(self, owner: str) -> list[str]:
        keys = [info.key.split("/") for info in await self._blobs.list(f"{owner}/models/base")]
        return [parts[3] for parts in keys if len(parts) == 5 and parts[4] == MANIFEST]

    async def _find_in(self, project: str, owner: str, folder: str, id: str) -> FoundModel | None:
        found = await find_model(self._blobs, project, folder, id, owner=owner)
        return FoundModel(found[0], project, found[1]) if found else None
