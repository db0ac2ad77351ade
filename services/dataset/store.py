"""The dataset service's collections and queries."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from services.dataset.import_record import DatasetImport
from services.dataset.models import Dataset, DatasetVersion
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.resources import Resources


class TokenCounts(BaseModel):
    """Cached token counts of a dataset version under one tokenizer and chat template, or its duplicates."""

    dataset_version: str = Field(description="id of the version's document")
    counts: dict[str, Any] = Field(
        description="rows counted, rows refused by the template, and sampled token lengths; or the duplicates"
    )


DATASETS = CollectionSpec(
    "dataset.datasets",
    Dataset,
    "DELETE /datasets/{id}, or the refusal of its only upload, makes it a tombstone.",
    (Index(("project", "slot"), unique=True),),
)
VERSIONS = CollectionSpec(
    "dataset.versions",
    DatasetVersion,
    "Becomes a tombstone with its dataset, or when an upload to /v1/files is refused.",
    (Index(("dataset_id",)), Index(("state", "cause"))),
)
STATISTICS = CollectionSpec(
    "dataset.statistics",
    TokenCounts,
    "A cache: removed with its dataset.",
    (Index(("dataset_version",)),),
)
IMPORTS = CollectionSpec(
    "dataset.imports",
    DatasetImport,
    "Stays as a record of where a dataset came from; its secret is removed when the download ends.",
    (Index(("state",)),),
)
COLLECTIONS = (DATASETS, VERSIONS, STATISTICS, IMPORTS)


class DatasetStore(EntityStore[Dataset]):
    """Datasets, with a lookup by name."""

    async def find_by_name(self, name: str) -> Dataset | None:
        """Return the dataset of this name that is not deleted, or None."""
        return next(iter(await self.find({"slot": name}, limit=1)), None)


class VersionStore(EntityStore[DatasetVersion]):
    """Versions of datasets."""

    async def of(self, datasets: Iterable[Dataset]) -> dict[str, DatasetVersion]:
        """Return the versions of these datasets by document id."""
        ids = [dataset.id for dataset in datasets]
        return {version.id: version for version in await self.find({"dataset_id": {"$in": ids}})}


async def open_stores(resources: Resources) -> tuple[DatasetStore, VersionStore]:
    """Open both collections with their indexes."""
    kick = resources.outbox.kick
    datasets = await resources.outbox.open(DATASETS.name, DATASETS.indexes)
    versions = await resources.outbox.open(VERSIONS.name, VERSIONS.indexes)
    return (
        DatasetStore(datasets, Dataset, service="dataset", kick=kick),
        VersionStore(versions, DatasetVersion, service="dataset", kick=kick),
    )


async def open_imports(resources: Resources) -> EntityStore[DatasetImport]:
    """Open the collection of imports with its indexes."""
    collection = await resources.outbox.open(IMPORTS.name, IMPORTS.indexes)
    return EntityStore[DatasetImport](collection, DatasetImport, service="dataset", kick=resources.outbox.kick)
