"""Datasets and their versions: upload options, the validation report, and the entities with their states."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, Json

from services.dataset.errors import REJECTIONS
from services.dataset.layouts import MAPPABLE_COLUMNS, MAPPING_SYNTAX, Form, find_layout, required_columns
from shared.documents.entities import Changed, Entity, now
from shared.events.dataset import DatasetDeleted, DatasetReady, DatasetRejected
from shared.events.envelope import Event
from shared.runtime.errors import InvalidInput
from shared.runtime.jobs.work import Work

DatasetState = Literal["validating", "ready", "rejected", "failed"]


class Options(BaseModel):
    """How an upload is read; together with its bytes, what makes a version."""

    mapping: dict[str, str] | None = Field(default=None, description="layout column -> column of the file")
    validation_share: float = Field(default=0.1, description="share of prompts in the validation split")
    max_bad_share: float = Field(default=0.05, description="share of bad rows above which the upload is rejected")
    seed: int = Field(default=0, description="of the split")
    heldout: bool = Field(default=False, description="every row is in the validation split: a test set")


class UploadForm(BaseModel):
    """The form fields besides `file`."""

    model_config = {"extra": "forbid"}

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=120,
        description="the dataset's name, unique in the project; default: the file name without its extension. "
        "An upload with the name of an existing dataset becomes a new version of it.",
    )
    mapping: Json[dict[str, str]] | None = Field(
        default=None, description=f"JSON, layout column -> column of the file, e.g. {MAPPING_SYNTAX}"
    )
    validation_share: float = Field(
        default=0.1, ge=0, le=0.9, description="share of prompts in the validation split; 0: no validation split"
    )
    max_bad_share: float = Field(
        default=0.05, ge=0, le=1, description="share of bad rows above which the upload is rejected"
    )
    seed: int = Field(default=0, ge=0, le=2**31, description="of the split")
    heldout: bool = Field(default=False, description="put every row into the validation split: a test set")

    def options(self) -> Options:
        """Return the options that are part of the version. Raises InvalidInput for a mapping without a layout."""
        if self.mapping is not None:
            unknown = sorted(set(self.mapping) - set(MAPPABLE_COLUMNS))
            if unknown or find_layout(self.mapping) is None:
                detail = f"No layout has a column {unknown[0]!r}." if unknown else "The mapped columns match no layout."
                remedy = f"Map your columns to one of: {'; '.join(required_columns())}. E.g. {MAPPING_SYNTAX}"
                raise InvalidInput(detail, field="mapping", limit=MAPPABLE_COLUMNS, remedy=remedy)
        return Options.model_validate(self.model_dump(exclude={"name"}))


class RejectedRow(BaseModel):
    """A rejected row."""

    file: str = Field(description="name of the file")
    line: int = Field(description="line in the file, from 1; in a Parquet file the row")
    reason: str = Field(description="what is wrong with the row")


class FileReport(BaseModel):
    """Counts of one file of the upload."""

    name: str = Field(description="file name")
    rows: int = Field(description="usable rows")
    rejected: int = Field(description="rejected rows")


class Report(BaseModel):
    """The result of a validation."""

    rows: int = Field(description="usable rows, duplicates included")
    rejected: int = Field(description="rejected rows; GET /datasets/{id}/rejected returns all of them")
    rejected_rows: list[RejectedRow] = Field(default=[], description="the first 20 rejected rows")
    duplicates: int = Field(
        description="rows equal to an earlier one after normalization; kept, and always in the same split"
    )
    form: Form = Field(description="form of the normalized rows")
    layout: str = Field(description="the recognized layout")
    columns: list[str] = Field(default=[], description="columns of the upload")
    splits: dict[str, int] = Field(description="rows by split")
    characters: int = Field(description="characters of text in all usable rows")
    files: list[FileReport] = Field(default=[], description="counts of each file")
    ignored_files: list[str] = Field(default=[], description="members of the archive that are not data files")


def version_of(sha256: str, extension: str, options: Options) -> str:
    """Return the version of these bytes with these options: the first 16 hex digits of a SHA-256 over both."""
    parts = [sha256, extension, options.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


class Dataset(Entity):
    """A named dataset. `entries` maps version -> id of its document, in order of upload.

    `slot` is the name, and after a deletion the id. It is unique in the project, so a deleted name can be used again.
    """

    name: str = Field(description="display name")
    slot: str = Field(
        description="the name, and after a deletion the id: unique in the project, so a deleted name is free again"
    )
    entries: dict[str, str] = Field(default={}, description="version -> id of its document, in order of upload")
    current: str | None = Field(
        default=None, description="the version that the bare dataset id means; null until one is ready"
    )

    def add(self, version: str, id: str) -> None:
        """Add a version, or replace the document of a failed one."""
        self.entries = {**{v: i for v, i in self.entries.items() if v != version}, version: id}

    def drop(self, version: str, id: str) -> None:
        """Remove a version that never became ready. Deletes a dataset without versions."""
        if self.entries.get(version) == id:
            self.entries = {v: i for v, i in self.entries.items() if v != version}
        if not self.entries:
            self.mark_deleted()

    def publish(self, version: "DatasetVersion", uri: str, rows: int) -> Sequence[Event]:
        """Make a ready version the current one."""
        self.current = version.fingerprint
        return [
            DatasetReady(dataset_id=self.id, version=version.fingerprint, name=self.name, dataset_uri=uri, rows=rows)
        ]

    def delete(self) -> Sequence[Event]:
        """Delete the dataset with all its versions."""
        self.mark_deleted()
        return [DatasetDeleted(dataset_id=self.id)]

    def mark_deleted(self) -> None:
        """Keep the document as a tombstone and free the name."""
        self.deleted_at, self.slot = now(), self.id


class DatasetVersion(Work):
    """A version of a dataset: its upload, the validation job and the report.

    `fingerprint` is the version in the API (`version` counts the document's writes).
    The API shows the states as validating, ready, rejected and failed.
    """

    dataset_id: str = Field(description="the dataset")
    name: str = Field(description="the dataset's name at the upload")
    fingerprint: str = Field(description="the version in the API: 16 hex digits of a hash of bytes and options")
    file_name: str = Field(description="name of the uploaded file")
    size: int = Field(description="bytes of the upload")
    sha256: str = Field(description="of the upload, in hex")
    options: Options = Field(description="how the upload is read")
    upload_key: str = Field(description="blob key of the raw upload, deleted when the validation ends")
    checked_rows: int = Field(default=0, description="rows checked so far")
    report: Report | None = Field(default=None, description="result of the validation")
    problem: dict[str, Any] = Field(default={}, description="further members of the problem of a rejected upload")

    @property
    def artifact(self) -> tuple[str, str, str, str]:
        """The segments of the artifact's key."""
        return self.project, "datasets", self.dataset_id, self.fingerprint

    @property
    def dataset_state(self) -> DatasetState:
        """The state in the API, derived from the job's state."""
        if self.state == "succeeded" or (self.state == "publishing" and self.report is not None):
            return "ready"
        if self.final:
            return "rejected" if self.cause in REJECTIONS else "failed"
        return "validating"

    def make_readable(self, report: Report) -> None:
        """Record the report: the artifact is complete and can be read, before the event announces it."""
        self.report, self.finished_at = report, now()

    def succeed(self) -> None:
        """End the job."""
        self.state, self.runner = "succeeded", None

    def reject(self, code: str, detail: str, fields: dict[str, Any]) -> Changed:
        """Fail the job: the data is bad, or validation itself failed. `fields` are added to the problem response."""
        self.problem = fields
        if report := fields.get("report"):
            self.report = Report.model_validate(report)
        return self.fail(code, detail)

    def on_failed(self) -> Sequence[Event]:
        """Announce the rejection."""
        reason = self.detail or self.cause or ""
        return [DatasetRejected(dataset_id=self.dataset_id, version=self.fingerprint, name=self.name, reason=reason)]
