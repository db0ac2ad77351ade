"""Datasets and their versions: what is asked of an upload, what is found, and the entities with their states."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, Json

from services.dataset.errors import REJECTIONS
from services.dataset.formats import MAPPABLE, MAPPING_SYNTAX, Form, layout_of, recognised
from shared.documents.entities import Changed, Entity, now
from shared.events.dataset import DatasetDeleted, DatasetReady, DatasetRejected
from shared.events.envelope import Event
from shared.runtime.errors import InvalidInput
from shared.runtime.jobs.work import Work

DatasetState = Literal["validating", "ready", "rejected", "failed"]


class Options(BaseModel):
    """How an upload is read; together with its bytes they make the version."""

    mapping: dict[str, str] | None = Field(default=None, description="our column name -> the name in the file")
    validation_share: float = Field(default=0.1, description="share of prompts that go to the validation split")
    max_bad_share: float = Field(default=0.05, description="share of bad rows above which the upload is rejected")
    seed: int = Field(default=0, description="of the split")
    heldout: bool = Field(default=False, description="every row is validation: a test set")


class UploadForm(BaseModel):
    """The form fields beside `file`."""

    model_config = {"extra": "forbid"}

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=120,
        description="a dataset's name, unique in the project; the file's name without extension when left out. "
        "An upload under the name of an existing dataset becomes a new version of it.",
    )
    mapping: Json[dict[str, str]] | None = Field(
        default=None, description=f"JSON, our column names -> the file's, e.g. {MAPPING_SYNTAX}"
    )
    validation_share: float = Field(
        default=0.1, ge=0, le=0.9, description="share of prompts for validation; 0 makes no validation split"
    )
    max_bad_share: float = Field(
        default=0.05, ge=0, le=1, description="share of bad rows above which the upload is rejected"
    )
    seed: int = Field(default=0, ge=0, le=2**31, description="of the split")
    heldout: bool = Field(default=False, description="put every row into the validation split: a test set")

    def options(self) -> Options:
        """What shapes the version; raises InvalidInput for a mapping that makes no layout."""
        if self.mapping is not None:
            unknown = sorted(set(self.mapping) - set(MAPPABLE))
            if unknown or layout_of(self.mapping) is None:
                detail = f"The mapping has no column {unknown[0]!r}." if unknown else "The mapping makes no layout."
                remedy = f"Map your columns to one of: {'; '.join(recognised())}. E.g. {MAPPING_SYNTAX}"
                raise InvalidInput(detail, field="mapping", limit=MAPPABLE, remedy=remedy)
        return Options.model_validate(self.model_dump(exclude={"name"}))


class RejectedRow(BaseModel):
    """A row that was set aside."""

    file: str
    line: int = Field(description="in the file, from 1; the row's number in Parquet files")
    reason: str


class FileReport(BaseModel):
    """One file of the upload."""

    name: str
    rows: int
    rejected: int


class Report(BaseModel):
    """What validation found."""

    rows: int = Field(description="usable rows, duplicates included")
    rejected: int = Field(description="rows set aside; GET /datasets/{id}/rejected has all of them")
    rejected_rows: list[RejectedRow] = Field(default=[], description="the first 20 rejected rows")
    duplicates: int = Field(description="rows equal to an earlier one after normalization; kept, and never split apart")
    form: Form = Field(description="what the rows were normalized to")
    layout: str = Field(description="the recognised layout")
    columns: list[str] = Field(default=[], description="columns of the upload")
    splits: dict[str, int] = Field(description="rows by split")
    characters: int = Field(description="characters of text in all usable rows")
    files: list[FileReport] = []
    ignored_files: list[str] = Field(default=[], description="members of the archive that hold no rows")


def version_of(sha256: str, extension: str, options: Options) -> str:
    """The same bytes read the same way are the same version: 16 hex digits of a hash over both."""
    parts = [sha256, extension, options.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


class Dataset(Entity):
    """A name with versions. `entries` maps version -> id of its document, in order of upload.

    `slot` is the name while the dataset lives, and its id afterwards: unique in the project, so that a deleted name is
    free again.
    """

    name: str
    slot: str
    entries: dict[str, str] = {}
    current: str | None = None

    def add(self, version: str, id: str) -> None:
        """Take in a new version, or put a new document in the place of a failed one."""
        self.entries = {**{v: i for v, i in self.entries.items() if v != version}, version: id}

    def drop(self, version: str, id: str) -> None:
        """Forget a version that never became ready; a dataset without any is gone."""
        if self.entries.get(version) == id:
            self.entries = {v: i for v, i in self.entries.items() if v != version}
        if not self.entries:
            self.bury()

    def publish(self, version: "DatasetVersion", uri: str, rows: int) -> Sequence[Event]:
        """A version is ready, and what the bare dataset means from now on."""
        self.current = version.fingerprint
        return [
            DatasetReady(dataset_id=self.id, version=version.fingerprint, name=self.name, dataset_uri=uri, rows=rows)
        ]

    def delete(self) -> Sequence[Event]:
        """Gone with all its versions."""
        self.bury()
        return [DatasetDeleted(dataset_id=self.id)]

    def bury(self) -> None:
        """Become a tombstone and free the name."""
        self.deleted_at, self.slot = now(), self.id


class DatasetVersion(Work):
    """One upload on its way to a version, and then that version's report.

    `fingerprint` is what the API calls the version (`version` counts the document's writes).
    """

    dataset_id: str
    name: str
    fingerprint: str
    file_name: str
    size: int
    sha256: str
    options: Options
    upload_key: str
    checked_rows: int = 0
    report: Report | None = None
    problem: dict[str, Any] = {}

    @property
    def artifact(self) -> tuple[str, str, str, str]:
        """Segments of its artifact key."""
        return self.project, "datasets", self.dataset_id, self.fingerprint

    @property
    def shown_state(self) -> DatasetState:
        """The lease's states as a reader of datasets knows them."""
        if self.state == "succeeded" or (self.state == "publishing" and self.report is not None):
            return "ready"
        if self.final:
            return "rejected" if self.cause in REJECTIONS else "failed"
        return "validating"

    def present(self, report: Report) -> None:
        """Its artifact is complete: from now on it can be read; before the event that says so, not after it."""
        self.report, self.finished_at = report, now()

    def succeed(self) -> None:
        """Nothing is left to do."""
        self.state, self.runner = "succeeded", None

    def reject(self, code: str, detail: str, fields: dict[str, Any]) -> Changed:
        """The upload cannot become a dataset, or validation broke down; `fields` join the problem."""
        self.problem = fields
        if report := fields.get("report"):
            self.report = Report.model_validate(report)
        return self.fail(code, detail)

    def on_failed(self) -> Sequence[Event]:
        """Everyone may know that this upload led nowhere."""
        reason = self.detail or self.cause or ""
        return [DatasetRejected(dataset_id=self.dataset_id, version=self.fingerprint, name=self.name, reason=reason)]
