"""Response model of imports."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from services.dataset.import_record import DatasetImport
from services.dataset.models import DatasetVersion, Options, Origin

ImportState = Literal["downloading", "validating", "ready", "rejected", "failed", "cancelled", "deleted"]


class ImportView(BaseModel):
    """An import and what became of it."""

    id: str
    project: str
    state: ImportState = Field(
        description="downloading, then the state of its version; deleted: the dataset was deleted since"
    )
    created_at: datetime
    finished_at: datetime | None = Field(description="when the download ended")
    origin: Origin
    name: str | None = Field(description="name that was asked for")
    options: Options
    bytes_done: int = Field(description="bytes downloaded")
    bytes_total: int | None = Field(description="bytes to download; null: unknown")
    checked_rows: int = Field(description="rows checked so far, while validating")
    dataset_id: str | None = Field(description="the dataset, once downloaded")
    version: str | None = Field(description="the version, once downloaded")
    code: str | None = Field(description="error code of a failure or rejection")
    detail: str | None


def to_import_view(found: DatasetImport, version: DatasetVersion | None) -> ImportView:
    """Convert an import to its response model; `version` is what it became."""
    state: ImportState = "downloading"
    if found.state in ("failed", "cancelled"):
        state = "failed" if found.state == "failed" else "cancelled"
    elif found.state == "succeeded":
        state = version.dataset_state if version else "deleted"
    fields = ("id", "project", "created_at", "finished_at", "origin", "name", "options", "bytes_done", "bytes_total")
    return ImportView(
        **{field: getattr(found, field) for field in (*fields, "dataset_id")},
        state=state,
        checked_rows=version.checked_rows if version else 0,
        version=version.fingerprint if version else None,
        code=found.cause or (version.cause if version else None),
        detail=found.detail or (version.detail if version else None),
    )
