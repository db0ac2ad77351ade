"""Events of the export service."""

from typing import ClassVar

from shared.events.envelope import Event


class ExportRequested(Event):
    """An export was queued; only a wake-up."""

    type: ClassVar[str] = "export.requested.v1"
    export_id: str


class ExportCompleted(Event):
    """A checked export lies at `export_uri`."""

    type: ClassVar[str] = "export.completed.v1"
    export_id: str
    model_id: str
    format: str
    export_uri: str
    size: int


class ExportFailed(Event):
    """An export did not pass."""

    type: ClassVar[str] = "export.failed.v1"
    export_id: str
    model_id: str
    format: str
    cause: str
    detail: str


class ExportDeleted(Event):
    """An export and its files were deleted."""

    type: ClassVar[str] = "export.deleted.v1"
    export_id: str
