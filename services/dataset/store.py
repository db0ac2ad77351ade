"""The room's queries."""

from collections.abc import Iterable

from services.dataset.models import Dataset, DatasetVersion
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.runtime.resources import Resources


class DatasetStore(EntityStore[Dataset]):
    """Datasets by name."""

    async def named(self, name: str) -> Dataset | None:
        """The living dataset of this name."""
        return next(iter(await self.find({"slot": name}, limit=1)), None)


class VersionStore(EntityStore[DatasetVersion]):
    """Versions of datasets."""

    async def of(self, datasets: Iterable[Dataset]) -> dict[str, DatasetVersion]:
        """The version documents of these datasets, by their ids."""
        ids = [dataset.id for dataset in datasets]
        return {version.id: version for version in await self.find({"dataset_id": {"$in": ids}})}


async def open_stores(resources: Resources) -> tuple[DatasetStore, VersionStore]:
    """Open both collections with their indexes."""
    kick = resources.outbox.kick
    datasets = await resources.outbox.open("dataset.datasets", [Index(("project", "slot"), unique=True)])
    versions = await resources.outbox.open("dataset.versions", [Index(("dataset_id",)), Index(("state", "cause"))])
    return (
        DatasetStore(datasets, Dataset, room="dataset", kick=kick),
        VersionStore(versions, DatasetVersion, room="dataset", kick=kick),
    )
