"""What the API shows of datasets: views of the entities, previews, statistics, rendered rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.dataset.models import Dataset, DatasetState, DatasetVersion, Options, Report
from shared.blobs.artifacts import artifact_uri

Split = Literal["train", "validation"]


class VersionView(BaseModel):
    """A version of a dataset."""

    version: str = Field(description="hash of the uploaded bytes and of how they are read")
    state: DatasetState
    created_at: datetime
    finished_at: datetime | None
    file_name: str
    size: int = Field(description="bytes uploaded")
    sha256: str = Field(description="of the uploaded bytes")
    options: Options
    checked_rows: int = Field(description="rows checked so far, while validating")
    uri: str | None = Field(description="the artifact, once ready")
    report: Report | None
    code: str | None = Field(description="why it was rejected or failed")
    detail: str | None


class DatasetView(BaseModel):
    """A dataset. `version`, `rows`, `report` are its current version's; without one, the last upload's report shows."""

    id: str
    project: str
    name: str
    state: DatasetState = Field(description="validating while any version is; else ready if one is")
    created_at: datetime
    updated_at: datetime
    version: str | None = Field(description="the current version: the last upload that became ready")
    uri: str | None = Field(description="the current version's artifact")
    rows: int = Field(description="usable rows of the current version")
    report: Report | None
    versions: list[VersionView] = Field(description="newest upload first")


class PreviewRow(BaseModel):
    """A normalized row."""

    row_id: int = Field(description="ordinal in the upload, from 0")
    source: str = Field(description="file:line")
    row: dict[str, Any] = Field(description="{text}, {messages, tools?} or {messages, chosen, rejected, tools?}")


class Preview(BaseModel):
    """Rows [offset, offset + limit) of a split."""

    version: str
    split: str
    total: int = Field(description="rows in this split")
    offset: int
    rows: list[PreviewRow]


class Bucket(BaseModel):
    """Rows whose length lies in [start, end) tokens."""

    start: int
    end: int
    rows: int


class Statistics(BaseModel):
    """Lengths in tokens of the base's own tokenizer and chat template, over all splits."""

    version: str
    base: str
    rows: int = Field(description="rows in the version")
    counted: int = Field(description="rows that were tokenized: all, or an even sample of a large version")
    tokens: int = Field(description="tokens in the counted rows")
    trained_tokens: int = Field(description="of these, how many a model learns from")
    mean: float
    p50: int
    p90: int
    p99: int
    max: int
    histogram: list[Bucket]
    max_length: int = Field(description="the limit that `cut` and `untrained` speak of: yours, or the default")
    suggested_max_length: int = Field(description="p99 rounded up to a multiple of 64: what training takes by default")
    cut: int = Field(description="counted rows longer than max_length")
    untrained: int = Field(description="counted rows that max_length leaves without a trained token")
    refused: int = Field(description="counted rows that the base's chat template refuses")


class Span(BaseModel):
    """A piece of the training text; `trained` tells whether the model learns to write it."""

    text: str
    trained: bool


class RenderedSample(BaseModel):
    """One training sample."""

    spans: list[Span]
    tokens: int
    trained_tokens: int


class Rendered(BaseModel):
    """A row as the model will see it: one sample, or several where the template rewrites earlier turns."""

    version: str
    base: str
    split: str
    row_id: int
    source: str
    template_hash: str
    samples: list[RenderedSample]


class Sample(BaseModel):
    """A small dataset that comes with the platform."""

    name: str
    size: int = Field(description="bytes")
    rows: int
    url: str = Field(description="where to download it")


def view_of(dataset: Dataset, versions: Mapping[str, DatasetVersion]) -> DatasetView:
    """What the API shows of a dataset."""
    own = [versions[id] for id in reversed(dataset.entries.values()) if id in versions]
    current = next((version for version in own if version.fingerprint == dataset.current), None)
    shown = current or next(iter(own), None)
    report = shown.report if shown else None
    busy = any(version.shown_state == "validating" for version in own)
    return DatasetView(
        id=dataset.id,
        project=dataset.project,
        name=dataset.name,
        state="validating" if busy or shown is None else shown.shown_state,
        created_at=dataset.created_at,
        updated_at=dataset.updated_at,
        version=current.fingerprint if current else None,
        uri=artifact_uri(*current.artifact) if current else None,
        rows=report.rows if report and current else 0,
        report=report,
        versions=[version_view(version) for version in own],
    )


def version_view(version: DatasetVersion) -> VersionView:
    """What the API shows of a version."""
    ready = version.shown_state == "ready"
    known: dict[str, Any] = version.model_dump(
        include={"created_at", "finished_at", "file_name", "size", "sha256", "options", "checked_rows"}
    )
    return VersionView(
        **known,
        version=version.fingerprint,
        state=version.shown_state,
        uri=artifact_uri(*version.artifact) if ready else None,
        report=version.report,
        code=version.cause,
        detail=version.detail,
    )
