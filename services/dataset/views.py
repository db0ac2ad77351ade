"""Response models: datasets and versions, previews, statistics, rendered rows, sample datasets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.dataset.models import Dataset, DatasetState, DatasetVersion, Edit, Options, Origin, Report
from shared.blobs.artifacts import artifact_uri

Split = Literal["train", "validation", "test"]


class VersionView(BaseModel):
    """A version of a dataset."""

    version: str = Field(description="hash of the uploaded bytes and the options")
    state: DatasetState
    created_at: datetime
    finished_at: datetime | None
    file_name: str
    size: int = Field(description="bytes uploaded")
    sha256: str = Field(description="of the uploaded bytes")
    options: Options
    origin: Origin | None = Field(description="source, commit and configuration of an import; null: uploaded")
    edit: Edit | None = Field(description="how it was made from another version; null: uploaded or imported")
    checked_rows: int = Field(description="rows checked so far, while validating")
    uri: str | None = Field(description="the artifact; null until ready")
    report: Report | None
    code: str | None = Field(description="error code of a rejection or failure")
    detail: str | None


class DatasetView(BaseModel):
    """A dataset. `version`, `rows` and `report` are those of the current version.

    Without a current version, `report` is that of the latest upload.
    """

    id: str
    project: str
    name: str
    state: DatasetState = Field(
        description="validating until every version is validated and published; else that of the current or latest one"
    )
    created_at: datetime
    updated_at: datetime
    version: str | None = Field(description="the current version: the latest upload that is ready")
    uri: str | None = Field(description="the current version's artifact")
    rows: int = Field(description="usable rows of the current version")
    report: Report | None
    versions: list[VersionView] = Field(description="newest first")


class PreviewRow(BaseModel):
    """A normalized row."""

    row_id: int = Field(description="index in the upload, from 0")
    source: str = Field(description="file:line")
    row: dict[str, Any] = Field(
        description="{text}, {messages}, {messages, chosen, rejected} or {messages, completion, label}, with tools and "
        "chat_template_kwargs where the row has them; a message with `train: false` and the character spans "
        "`untrained` are not trained"
    )


class Preview(BaseModel):
    """Rows [offset, offset + limit) of a split."""

    version: str
    split: str
    total: int = Field(description="rows in this split; with search or where, those that match")
    matches: dict[str, int] | None = Field(
        description="with search or where: rows that match in each split; null: nothing is searched"
    )
    offset: int
    rows: list[PreviewRow]


class Bucket(BaseModel):
    """A histogram bucket: rows with a length in [start, end) tokens."""

    start: int
    end: int
    rows: int


class SplitTokens(BaseModel):
    """The token budget of a split: what one epoch over it reads."""

    split: Split
    rows: int
    counted: int = Field(description="rows that were tokenized")
    tokens: int = Field(description="tokens of all rows; estimated from the counted ones where those are fewer")
    trained_tokens: int = Field(description="those of `tokens` that contribute to the loss")


class Statistics(BaseModel):
    """Lengths in tokens, by the model's tokenizer and chat template, over all splits."""

    version: str
    base: str
    rows: int = Field(description="rows in the version")
    counted: int = Field(description="rows that were tokenized: all, or evenly spaced rows of a large version")
    tokens: int = Field(description="tokens in the counted rows")
    trained_tokens: int = Field(description="those of `tokens` that contribute to the loss")
    mean: float
    p50: int
    p90: int
    p99: int
    max: int
    histogram: list[Bucket]
    max_length: int = Field(description="the limit for `cut` and `untrained`: the requested one, or the suggested one")
    suggested_max_length: int = Field(description="p99 rounded up to a multiple of 64: the default of training")
    cut: int = Field(description="counted rows longer than max_length")
    untrained: int = Field(description="counted rows without a trained token within max_length")
    splits: list[SplitTokens] = Field(description="each split that has rows, without a maximum length")
    refused: int = Field(description="counted rows that the model's chat template rejects")


class Span(BaseModel):
    """A piece of the training text; `trained`: its tokens contribute to the loss."""

    text: str
    trained: bool


class RenderedSample(BaseModel):
    """One training sample."""

    spans: list[Span]
    tokens: int
    trained_tokens: int


class Rendered(BaseModel):
    """A row as the model sees it: one sample, or several where the template rewrites earlier turns."""

    version: str
    base: str
    split: str
    row_id: int
    source: str
    template_hash: str
    not_shown: list[str] = Field(
        default=[],
        description="what the row has and the chat template cannot show, such as tools: training refuses or skips it",
    )
    samples: list[RenderedSample]


class Sample(BaseModel):
    """A sample dataset that comes with the platform."""

    name: str
    size: int = Field(description="bytes")
    rows: int
    url: str = Field(description="path to download it from")


def to_dataset_view(dataset: Dataset, versions: Mapping[str, DatasetVersion]) -> DatasetView:
    """Convert a dataset to its response model. `versions` maps document id -> version."""
    newest_first = [versions[id] for id in reversed(dataset.entries.values()) if id in versions]
    current = next((version for version in newest_first if version.fingerprint == dataset.current), None)
    displayed = current or next(iter(newest_first), None)
    report = displayed.report if displayed else None
    unpublished = current is None and displayed is not None and displayed.dataset_state == "ready"
    validating = unpublished or any(
        version.dataset_state == "validating" or (version.state == "publishing" and version is not current)
        for version in newest_first
    )
    return DatasetView(
        id=dataset.id,
        project=dataset.project,
        name=dataset.name,
        state="validating" if validating or displayed is None else displayed.dataset_state,
        created_at=dataset.created_at,
        updated_at=dataset.updated_at,
        version=current.fingerprint if current else None,
        uri=artifact_uri(*current.artifact) if current else None,
        rows=report.rows if report and current else 0,
        report=report,
        versions=[to_version_view(version) for version in newest_first],
    )


def to_version_view(version: DatasetVersion) -> VersionView:
    """Convert a version to its response model."""
    ready = version.dataset_state == "ready"
    fields: dict[str, Any] = version.model_dump(
        include={
            "created_at",
            "finished_at",
            "file_name",
            "size",
            "sha256",
            "options",
            "origin",
            "edit",
            "checked_rows",
        }
    )
    return VersionView(
        **fields,
        version=version.fingerprint,
        state=version.dataset_state,
        uri=artifact_uri(*version.artifact) if ready else None,
        report=version.report,
        code=version.cause,
        detail=version.detail,
    )
