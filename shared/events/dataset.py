"""Events of the dataset service."""

from typing import ClassVar

from shared.events.envelope import Event
from shared.warnings import ReportedWarning


class DatasetReady(Event):
    """A version was validated and published at `dataset_uri`.

    `models`: on whose answers the feedback in it is. `parent`: the version that it was made from.
    """

    type: ClassVar[str] = "dataset.ready.v1"
    dataset_id: str
    version: str
    name: str
    dataset_uri: str
    rows: int
    models: list[str] = []
    warnings: list[ReportedWarning] = []
    parent: str | None = None


class DatasetRejected(Event):
    """An upload could not become a dataset."""

    type: ClassVar[str] = "dataset.rejected.v1"
    dataset_id: str
    version: str
    name: str
    reason: str


class ImportSucceeded(Event):
    """An import's download has ended, and is validated as this version of a dataset. `secret`: kind of the one used."""

    type: ClassVar[str] = "dataset.import_succeeded.v1"
    import_id: str
    dataset_id: str
    secret: str | None = None


class ImportFailed(Event):
    """An import ended without a file. `secret`: kind of the one that it had."""

    type: ClassVar[str] = "dataset.import_failed.v1"
    import_id: str
    cause: str
    detail: str
    secret: str | None = None


class DatasetDeleted(Event):
    """A dataset is gone, with all its versions."""

    type: ClassVar[str] = "dataset.deleted.v1"
    dataset_id: str
