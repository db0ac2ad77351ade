"""Datasets and their versions: upload options, the validation report, and the entities with their states."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, Field, Json, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from services.dataset.errors import REJECTIONS
from services.dataset.formats import MAX_ARCHIVE_FILES, Encoding
from services.dataset.layouts import MAPPABLE_COLUMNS, MAPPING_SYNTAX, Form, mapping_problem, required_columns
from shared.blobs.manifests import Feature
from shared.documents.entities import Changed, Entity, now
from shared.events.dataset import DatasetDeleted, DatasetReady, DatasetRejected
from shared.events.envelope import Event
from shared.runtime.errors import InvalidInput
from shared.runtime.http.display_name import DisplayName
from shared.runtime.jobs.work import Work
from shared.warnings import ReportedWarning

DatasetState = Literal["validating", "ready", "rejected", "failed"]


class Options(BaseModel):
    """How an upload is read; together with its bytes, what makes a version."""

    mapping: dict[str, str] | None = Field(default=None, description="layout column -> column of the file")
    validation_share: float = Field(default=0.1, description="share of prompts in the validation split")
    max_bad_share: float = Field(default=0.05, description="share of bad rows above which the upload is rejected")
    seed: int = Field(default=0, description="of the split")
    heldout: bool = Field(
        default=False,
        description="every row is in the validation split, unless the upload names its splits: a test set",
    )
    encoding: Encoding = Field(default="utf-8", description="of text files")


def _require_mapping(value: object) -> object:
    """Say what a mapping looks like where the text is none, instead of the JSON parser's words."""
    try:
        TypeAdapter(Json[dict[str, str]]).validate_python(value)
    except ValidationError as error:
        raise PydanticCustomError("mapping", f"a JSON object is expected, such as {MAPPING_SYNTAX}") from error
    return value


Mapping = Annotated[Json[dict[str, str]], BeforeValidator(_require_mapping)]


class UploadForm(BaseModel):
    """The form fields besides `file`."""

    model_config = {"extra": "forbid"}

    name: DisplayName | None = Field(
        default=None,
        min_length=1,
        max_length=120,
        description="the dataset's name, unique in the project; default: the file name without its extension. "
        "An upload with the name of an existing dataset becomes a new version of it.",
    )
    mapping: Mapping | None = Field(
        default=None,
        description=f"JSON, layout column -> column of the file, e.g. {MAPPING_SYNTAX}; columns that are not mapped "
        "are found by their names",
    )
    validation_share: float = Field(
        default=0.1,
        ge=0,
        le=0.9,
        description="share of prompts in the validation split; 0: no validation split. Where the upload has a split of "
        "this name, none is cut",
    )
    max_bad_share: float = Field(
        default=0.05, ge=0, le=1, description="share of bad rows above which the upload is rejected"
    )
    seed: int = Field(default=0, ge=0, le=2**31, description="of the split")
    heldout: bool = Field(
        default=False,
        description="put every row into the validation split: a test set; refused where the upload names rows train",
    )
    encoding: Encoding = Field(
        default="utf-8",
        description="encoding of text files; windows-1252 is what programs call Latin-1 or ANSI",
    )

    def options(self) -> Options:
        """Return the options that are part of the version. Raises InvalidInput for a mapping without a layout."""
        if self.mapping is not None and (problem := mapping_problem(self.mapping)):
            remedy = f"Map our columns to yours, {MAPPING_SYNTAX}. A layout is one of: {'; '.join(required_columns())}."
            raise InvalidInput(problem, field="mapping", limit=MAPPABLE_COLUMNS, remedy=remedy)
        return Options.model_validate(self.model_dump(exclude={"name"}))


class Origin(BaseModel):
    """The source of an imported dataset."""

    source: Literal["hub", "object_store", "url", "feedback"]
    location: str = Field(description="hub id; address, without secrets; or preferences or ratings of feedback")
    revision: str | None = Field(default=None, description="of a hub dataset: the commit, once downloaded")
    config: str | None = Field(default=None, description="configuration of a hub dataset")
    split: str | None = Field(default=None, description="the only split that was asked for")
    splits: list[str] = Field(default=[], description="splits of the hub dataset that were imported")
    unused_files: list[str] = Field(
        default=[],
        description=f"data files of the hub dataset that no split has, where it has one configuration; the first "
        f"{MAX_ARCHIVE_FILES}",
    )
    models: list[str] = Field(default=[], description="ids of the models on whose answers the feedback is")
    left_out: dict[str, int] = Field(
        default={}, description="feedback without a row, by the reason, as GET /feedback/summary has it"
    )


class Edit(BaseModel):
    """How a version was made from another one of its dataset."""

    kind: Literal["exclude", "deduplicate"]
    parent: str = Field(description="the version whose rows it has")
    excluded_ids: int = Field(default=0, description="rows that were excluded by their ids")
    search: str | None = Field(default=None, description="rows with this text were excluded")
    where: str | None = Field(default=None, description="rows with this column=value were excluded")
    split: str | None = Field(default=None, description="where was searched; null: in all splits")
    near: bool = Field(default=False, description="near-duplicates were excluded, too")


class RejectedRow(BaseModel):
    """A rejected row."""

    file: str = Field(description="name of the file")
    line: int = Field(description="line in the file, from 1; in a Parquet file the row")
    reason: str = Field(description="what is wrong with the row")


class FileReport(BaseModel):
    """Counts of one file of the upload."""

    name: str = Field(description="file name")
    split: str | None = Field(
        default=None, description="the split that the file's name says; null: train, and validation where it is cut"
    )
    rows: int = Field(description="usable rows")
    rejected: int = Field(description="rejected rows")


class ColumnUse(BaseModel):
    """What became of a column of the upload."""

    name: str = Field(description="the column as the file names it; `messages[].weight` for a field of a message")
    use: Literal["used", "ignored", "not_understood"] = Field(
        description="ignored: known, but without an effect here; not_understood: no meaning is known for the name"
    )
    detail: str = Field(description="what it is used for, or why it is not used")
    rows: int = Field(description="rows that have a value in it")


class Report(BaseModel):
    """The result of a validation."""

    rows: int = Field(description="usable rows, duplicates included")
    rejected: int = Field(
        description="rejected rows; GET /datasets/{id}/rejected returns all of them. In a CSV file, a row whose quote "
        "is not closed counts for all lines that it takes in"
    )
    rejected_rows: list[RejectedRow] = Field(default=[], description="the first 20 rejected rows")
    duplicates: int = Field(
        description="rows equal to an earlier one after normalization; kept, and in the same split, unless the upload "
        "names its splits"
    )
    form: Form = Field(description="form of the normalized rows")
    layout: str = Field(description="the recognized layout")
    columns: list[str] = Field(default=[], description="columns of the upload")
    column_uses: list[ColumnUse] = Field(
        default=[],
        description="what became of every column, over all rows of the upload; "
        "a version made from another one has its counts",
    )
    kept_columns: list[str] = Field(
        default=[],
        description="columns without a use whose short values rows keep, at most 20: evaluations slice by them",
    )
    features: dict[str, Feature] = Field(
        default={},
        description="what rows outside the test split need from a chat template (shared/engine/text/features.py), by "
        "name: system, tools, tool_calls, tool_results, reasoning, consecutive_roles, assistant_first …",
    )
    warnings: list[ReportedWarning] = Field(default=[], description="what may not be used as it was meant")
    splits: dict[str, int] = Field(description="rows by split: train, validation and, where the upload has one, test")
    characters: int = Field(description="characters of text in all usable rows")
    files: list[FileReport] = Field(default=[], description="counts of each file")
    ignored_files: list[str] = Field(
        default=[], description="files of the archive or hub dataset that were not read; a warning gives the reasons"
    )


READER = 3
"""Part of a version; incremented when the same bytes are read differently: uploading them again then has an effect."""


def version_of(sha256: str, extension: str, options: Options) -> str:
    """Return the version of these bytes with these options: the first 16 hex digits of a SHA-256 over both."""
    later = {name for name in ("encoding",) if getattr(options, name) == Options.model_fields[name].default}
    parts = [READER, sha256, extension, options.model_dump(mode="json", exclude=later)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


class Dataset(Entity):
    """A named dataset. `entries` maps version -> id of its document, in order of upload.

    `slot` is the name, and after a deletion the id. It is unique in the project, so a deleted name can be used again.
    """

    NOUN: ClassVar[str] = "dataset"
    LISTED_AT: ClassVar[str] = "/datasets"

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

    def publish(self, version: "DatasetVersion", uri: str, report: Report) -> Sequence[Event]:
        """Make a ready version the current one."""
        self.current = version.fingerprint
        return [
            DatasetReady(
                dataset_id=self.id,
                version=version.fingerprint,
                name=self.name,
                dataset_uri=uri,
                rows=report.rows,
                models=version.origin.models if version.origin else [],
                warnings=report.warnings,
                parent=version.edit.parent if version.edit else None,
            )
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

    NOUN: ClassVar[str] = "dataset version"

    dataset_id: str = Field(description="the dataset")
    name: str = Field(description="the dataset's name at the upload")
    fingerprint: str = Field(description="the version in the API: 16 hex digits of a hash of bytes and options")
    file_name: str = Field(description="name of the uploaded file")
    size: int = Field(description="bytes of the upload")
    sha256: str = Field(description="of the upload, in hex")
    options: Options = Field(description="how the upload is read")
    origin: Origin | None = Field(default=None, description="source of an import; null: uploaded")
    edit: Edit | None = Field(
        default=None, description="how it was made from another version; the upload is then the recipe. null: uploaded"
    )
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
        """Announce the rejection of an upload. A refused edit leaves the dataset as it is."""
        if self.edit:
            return ()
        reason = self.detail or self.cause or ""
        return [DatasetRejected(dataset_id=self.dataset_id, version=self.fingerprint, name=self.name, reason=reason)]
