"""Evaluation documents, the manifests of models and datasets, and the cache of base model outputs."""

from dataclasses import dataclass
from pathlib import Path

from services.evaluation.errors import UnknownDataset, UnknownModel
from services.evaluation.models import Evaluation
from shared.blobs.artifacts import find_any_model, find_dataset, find_model
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.jobs.uses import Uses
from shared.runtime.resources import Resources

Evaluations = EntityStore[Evaluation]
EVALUATIONS = CollectionSpec(
    "evaluation.evaluations",
    Evaluation,
    "DELETE /evaluations/{id} makes it a tombstone and deletes its report, which otherwise outlives the model.",
    (Index(("state", "priority", "created_at")), Index(("state", "cause")), Index(("scope.model_id",))),
)
COLLECTIONS = (EVALUATIONS,)
PARTS = ("answers", "losses")
"""What the cache holds, in separate files: an evaluation may need only one of them."""


async def open_evaluations(resources: Resources) -> Evaluations:
    """Open the collection, over all projects; `for_project` selects one."""
    return await resources.outbox.store(EVALUATIONS)


def open_uses(blobs: Blobs, evaluations: Evaluations) -> Uses[Evaluation]:
    """Keep the model and the dataset of an evaluation that has not ended from being deleted."""

    def needs(evaluation: Evaluation) -> list[str]:
        return [id for id in (evaluation.scope.model_id, evaluation.scope.dataset_id) if id]

    return Uses(blobs, evaluations, "evaluation", needs)


@dataclass(frozen=True)
class Artifacts:
    """Finds models and datasets of one project by their manifests."""

    blobs: Blobs
    project: str

    async def model(self, model_id: str) -> tuple[str, ModelManifest]:
        """Return URI and manifest of a custom model. Raises UnknownModel."""
        if found := await find_model(self.blobs, self.project, "custom", model_id):
            return found
        remedy = "GET /models/custom lists the models of this project."
        raise UnknownModel(f"There is no custom model {model_id!r}.", field="id", remedy=remedy)

    async def any_model(self, name: str) -> tuple[str, ModelManifest]:
        """Return URI and manifest of a custom model by its id, or of a base model by id, name or hub id.

        Raises UnknownModel. Names of custom models are known to the services that rename and serve them, not here.
        """
        if found := await find_any_model(self.blobs, self.project, name):
            return found
        remedy = "Use the id of a custom model, or the id or name of a base model; GET /v1/models lists them."
        raise UnknownModel(f"There is no model {name!r} in this project.", field="model", remedy=remedy)

    async def dataset(self, reference: str) -> tuple[str, DatasetManifest]:
        """Return URI and manifest of `<id>` (its latest version) or `<id>@<version>`. Raises UnknownDataset."""
        if found := await find_dataset(self.blobs, self.project, reference):
            return found
        detail = f"There is no dataset {reference!r}, or it is not ready."
        remedy = "GET /datasets lists the datasets of this project; use <id> or <id>@<version>."
        raise UnknownDataset(detail, field="dataset", remedy=remedy)


@dataclass(frozen=True)
class BaseCache:
    """Cached answers and losses of a base model on some rows, for later evaluations of the same rows."""

    blobs: Blobs
    key: str

    async def local_files(self) -> dict[str, str]:
        """Return part (`answers`, `losses`) -> local file, for the cached parts."""
        cached = [part for part in PARTS if await self.blobs.stat(f"{self.key}/{part}.jsonl")]
        folder = await self.blobs.local_folder(self.key) if cached else None
        return {part: f"{folder}/{part}.jsonl" for part in cached}

    async def save(self, folder: Path) -> None:
        """Store the parts that an engine has written to `folder`."""
        for part in PARTS:
            if (path := folder / f"base-{part}.jsonl").exists():
                await self.blobs.put(f"{self.key}/{part}.jsonl", path)
