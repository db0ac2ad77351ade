"""The dataset service's collections and queries."""

from collections.abc import Iterable

from services.dataset.models import Dataset, DatasetVersion
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.runtime.resources import Resources


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
    datasets = await resources.outbox.open("dataset.datasets", [Index(("project", "slot"), unique=True)])
    versions = await resources.outbox.open("dataset.versions", [Index(("dataset_id",)), Index(("state", "cause"))])
    return (
        DatasetStore(datasets, Dataset, service="dataset", kick=kick),
        VersionStore(versions, DatasetVersion, service="dataset", kick=kick),
    )
