"""Events of the dataset service."""

from typing import ClassVar

from shared.events.envelope import Event
from shared.warnings import ReportedWarning


class DatasetReady(Event):
    """A version was validated and published at `dataset_uri`."""

    type: ClassVar[str] = "dataset.ready.v1"
    dataset_id: str
    version: str
    name: str
    dataset_uri: str
    rows: int
    warnings: list[ReportedWarning] = []


class DatasetRejected(Event):
    """An upload could not become a dataset."""

    type: ClassVar[str] = "dataset.rejected.v1"
    dataset_id: str
    version: str
    name: str
    reason: str


class DatasetDeleted(Event):
    """A dataset is gone, with all its versions."""

    type: ClassVar[str] = "dataset.deleted.v1"
    dataset_id: str
