"""Exports: formats, the state of a run, and what the API shows of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.blobs.manifests import ArchiveMember, FileEntry
from shared.documents.entities import Public, now
from shared.events.envelope import Event
from shared.events.export import ExportCompleted, ExportFailed, ExportRequested
from shared.runtime.jobs.work import State, Wanted, Work

Format = Literal["torch", "onnx", "adapter"]
ARCHIVE = "export.zip"
"""The one blob of an export beside its manifest."""


class ExportRequest(BaseModel):
    """The body of POST /models/custom/{id}/exports."""

    model_config = ConfigDict(extra="forbid")

    format: Format = Field(
        description="torch: merged safetensors; onnx: with KV cache, for onnxruntime; adapter: the LoRA weights alone"
    )


class Progress(BaseModel):
    """How far the run is."""

    phase: str = Field(description="what is being done, e.g. `tracing to ONNX`")
    done: int = 0
    total: int | None = None
    unit: str = "stages"


class Target(BaseModel):
    """What is exported as what."""

    model_id: str
    name: str = Field(description="the archive's file name")
    format: Format


class Result(BaseModel):
    """What a finished export offers."""

    archive: FileEntry | None = Field(default=None, description="the whole export as one zip")
    members: list[ArchiveMember] = Field(default=[], description="the files in it, each also served on its own")
    check: dict[str, Any] = Field(
        default={}, description="how it was compared with the tuned model, and the largest difference of logits"
    )


class Export(Work):
    """One model in one format. There is one at a time: its id comes from the model and the format."""

    target: Target
    model_uri: str
    job_id: str | None = None
    progress: Progress | None = None
    result: Result = Result()
    export_uri: str | None = None

    def advance(self, progress: Progress) -> None:
        """Note how far it is."""
        self.progress = progress

    def publishing(self) -> None:
        """The engine is done; the files are being stored."""
        self.state = "publishing"

    def succeed(self, result: Result, export_uri: str) -> Sequence[Event]:
        """End with checked files at `export_uri`."""
        assert result.archive is not None
        self.result, self.export_uri = result, export_uri
        self.state, self.finished_at, self.runner, self.progress = "succeeded", now(), None, None
        completed = ExportCompleted(
            export_id=self.id,
            model_id=self.target.model_id,
            format=self.target.format,
            export_uri=export_uri,
            size=result.archive.size,
        )
        return [completed]

    def restart(self) -> Sequence[Event]:
        """Once more after a failure or a cancellation; nothing where it waits, runs or has succeeded."""
        if self.state not in ("failed", "cancelled"):
            return ()
        self.state, self.wanted, self.attempts = "queued", "run", 0
        self.cause = self.detail = self.started_at = self.finished_at = self.progress = None
        return [ExportRequested(export_id=self.id)]

    def on_failed(self) -> Sequence[Event]:
        """Tell that there will be no files."""
        failed = ExportFailed(
            export_id=self.id,
            model_id=self.target.model_id,
            format=self.target.format,
            cause=self.cause or "",
            detail=self.detail or "",
        )
        return [failed]


class ExportView(Public, Target):
    """An export as the API shows it."""

    state: State
    wanted: Wanted
    job_id: str | None = Field(default=None, description="the training job that asked for it in its `after` list")
    progress: Progress | None = None
    attempts: int
    cause: str | None = Field(default=None, description="stable code of a failure")
    detail: str | None = Field(default=None, description="what went wrong, in words")
    started_at: datetime | None = None
    finished_at: datetime | None = None
    archive: FileEntry | None = Field(default=None, description="the whole export as one zip, once it has succeeded")
    files: list[FileEntry] = Field(default=[], description="the files in it, each also served on its own")
    check: dict[str, Any] = Field(
        default={}, description="how it was compared with the tuned model, and the largest difference of logits"
    )

    @classmethod
    def of(cls, export: Export) -> "ExportView":
        """The public side of `export`."""
        parts = export.model_dump(exclude={"target", "result"})
        archive = export.result.archive
        named = FileEntry(**{**archive.model_dump(), "name": export.target.name}) if archive else None
        files = [FileEntry(**member.model_dump(exclude={"offset"})) for member in export.result.members]
        return cls(**parts, **export.target.model_dump(), archive=named, files=files, check=export.result.check)
