"""The evaluation room's documents, and the manifests it reads of other rooms' artifacts."""

from dataclasses import dataclass
from pathlib import Path

from services.evaluation.errors import UnknownDataset, UnknownModel
from services.evaluation.models import Evaluation
from shared.blobs.lookup import find_dataset, find_model
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.runtime.resources import Resources

Evaluations = EntityStore[Evaluation]
PARTS = ("answers", "losses")
"""What is kept of a base, each on its own: an evaluation may ask for one only."""


async def open_evaluations(resources: Resources) -> Evaluations:
    """The collection of all projects; bind it with `for_project`."""
    indexes = (Index(("state", "priority", "created_at")), Index(("state", "cause")), Index(("scope.model_id",)))
    collection = await resources.outbox.open("evaluation.evaluations", indexes)
    return EntityStore(collection, Evaluation, room="evaluation", kick=resources.outbox.kick)


@dataclass(frozen=True)
class Artifacts:
    """Models and datasets of one project, as their manifests describe them."""

    blobs: Blobs
    project: str

    async def model(self, model_id: str) -> tuple[str, ModelManifest]:
        """URI and manifest of a custom model; raises UnknownModel."""
        if found := await find_model(self.blobs, self.project, "custom", model_id):
            return found
        remedy = "GET /models/custom lists the models of this project."
        raise UnknownModel(f"There is no custom model {model_id!r}.", field="id", remedy=remedy)

    async def dataset(self, reference: str) -> tuple[str, DatasetManifest]:
        """URI and manifest of `<id>` (its latest version) or `<id>@<version>`; raises UnknownDataset."""
        if found := await find_dataset(self.blobs, self.project, reference):
            return found
        detail = f"There is no dataset {reference!r}, or it is not ready."
        remedy = "GET /datasets lists the datasets of this project; name one as <id> or <id>@<version>."
        raise UnknownDataset(detail, field="dataset", remedy=remedy)


@dataclass(frozen=True)
class BaseCache:
    """A base model's output on some rows, kept so that the next evaluation need not make it again."""

    blobs: Blobs
    key: str

    async def parts(self) -> dict[str, str]:
        """Local files of what is there: `answers`, `losses`."""
        found = [part for part in PARTS if await self.blobs.stat(f"{self.key}/{part}.jsonl")]
        folder = await self.blobs.checkout(self.key) if found else None
        return {part: f"{folder}/{part}.jsonl" for part in found}

    async def keep(self, folder: Path) -> None:
        """Store what an engine made anew in `folder`."""
        for part in PARTS:
            if (made := folder / f"base-{part}.jsonl").exists():
                await self.blobs.put(f"{self.key}/{part}.jsonl", made)
