"""Exports: formats, the entity with its states, and response models."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.blobs.manifests import ArchiveMember, FileEntry
from shared.documents.entities import Entity, Public, now
from shared.events.envelope import Event
from shared.events.export import ExportCompleted, ExportFailed, ExportRequested
from shared.runtime.jobs.work import DesiredState, State, Work
from shared.warnings import ReportedWarning

Format = Literal["torch", "onnx", "adapter", "gguf", "gguf_adapter"]
Quantization = Literal["f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m"]
Verdict = Literal["verified", "drifted", "unverified"]
GGUF_FORMATS: tuple[Format, ...] = ("gguf", "gguf_adapter")
ADAPTER_FORMATS: tuple[Format, ...] = ("adapter", "gguf_adapter")
K_QUANTS: tuple[Quantization, ...] = ("q6_k", "q5_k_m", "q4_k_m")
"""Made by llama.cpp."""
CHECK = "how the export was compared with the tuned model, with all figures and their limits"
ARCHIVE = "export.zip"
"""The only blob of an export besides its manifest."""


class ExportRequest(BaseModel):
    """The body of POST /models/custom/{id}/exports."""

    model_config = ConfigDict(extra="forbid")

    format: Format = Field(
        description="torch: merged safetensors; onnx: with KV cache, for onnxruntime; adapter: the LoRA weights alone; "
        "gguf: for llama.cpp and Ollama; gguf_adapter: the LoRA weights for these"
    )
    quantization: Quantization | None = Field(default=None, description="type of the weights in GGUF; null: f16")


class Progress(BaseModel):
    """Progress of a run."""

    phase: str = Field(description="current phase, e.g. `tracing to ONNX`")
    done: int = Field(default=0, description="units done")
    total: int | None = Field(default=None, description="units in this phase; null: unknown")
    unit: str = Field(default="stages", description="what is counted")


class Target(BaseModel):
    """Model and format of an export."""

    model_id: str = Field(description="the custom model")
    name: str = Field(description="the archive's file name")
    format: Format = Field(description="torch, onnx, adapter, gguf or gguf_adapter")
    quantization: Quantization | None = Field(default=None, description="type of the weights in GGUF")


class Result(BaseModel):
    """The files of a succeeded export."""

    archive: FileEntry | None = Field(default=None, description="the whole export as one zip")
    members: list[ArchiveMember] = Field(
        default=[], description="the files in the archive; each can be downloaded on its own"
    )
    check: dict[str, Any] = Field(default={}, description=CHECK)

    @property
    def verdict(self) -> Verdict:
        """What the check found; exports of older versions failed unless they were equal."""
        verdict: Verdict = self.check.get("verdict", "verified")
        return verdict


class ModelName(Entity):
    """A renamed model's name, since its manifest keeps the first; its id is the model's."""

    name: str = Field(description="the model's current name")
    name_version: int = Field(
        default=0, description="version of the training service's document with this name; older names are ignored"
    )

    def rename(self, name: str, version: int) -> None:
        """Apply a newer name. Idempotent, in any order."""
        if version > self.name_version:
            self.name, self.name_version = name, version


class Export(Work):
    """A model in one format. There is one at a time, since its id is derived from model and format."""

    NOUN: ClassVar[str] = "export"
    LISTED_AT: ClassVar[str] = "/exports"

    target: Target = Field(description="model and format")
    model_uri: str = Field(description="artifact of the model")
    model_name: str | None = Field(default=None, description="the model's name at the request; null: its manifest's")
    job_id: str | None = Field(default=None, description="the training job that requested it in its `after` list")
    progress: Progress | None = Field(default=None, description="progress of the current attempt")
    result: Result = Field(default=Result(), description="the files")
    export_uri: str | None = Field(default=None, description="artifact that holds them")

    def advance(self, progress: Progress) -> None:
        """Record progress."""
        self.progress = progress

    def publishing(self) -> None:
        """Enter the publishing state: the engine is done and the files are being stored."""
        self.state = "publishing"

    def succeed(self, result: Result, export_uri: str) -> Sequence[Event]:
        """End with verified files at `export_uri`."""
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
        """Queue a failed or cancelled export again. Does nothing in other states."""
        if self.state not in ("failed", "cancelled"):
            return ()
        self.state, self.wanted, self.attempts = "queued", "run", 0
        self.cause = self.detail = self.started_at = self.finished_at = self.progress = None
        return [ExportRequested(export_id=self.id)]

    def on_failed(self) -> Sequence[Event]:
        """Announce the failure."""
        failed = ExportFailed(
            export_id=self.id,
            model_id=self.target.model_id,
            format=self.target.format,
            cause=self.cause or "",
            detail=self.detail or "",
        )
        return [failed]


class ExportView(Public, Target):
    """An export in the API."""

    state: State
    wanted: DesiredState
    job_id: str | None = Field(default=None, description="the training job that requested it in its `after` list")
    progress: Progress | None = None
    attempts: int
    cause: str | None = Field(default=None, description="error code of a failure")
    detail: str | None = Field(default=None, description="description of a failure")
    started_at: datetime | None = None
    finished_at: datetime | None = None
    archive: FileEntry | None = Field(
        default=None, description="the whole export as one zip; null until it has succeeded"
    )
    files: list[FileEntry] = Field(
        default=[], description="the files in the archive; each can be downloaded on its own"
    )
    check: dict[str, Any] = Field(default={}, description=CHECK)
    verdict: Verdict | None = Field(
        default=None,
        description="verified: equal to the tuned model within the limits of `check`; drifted: not, so that a download "
        "needs accept_drift=true; unverified: the runtime for it is not installed; null until it has succeeded",
    )
    warnings: list[ReportedWarning] = Field(default=[], description="what to know before using the files")

    @classmethod
    def of(cls, export: Export) -> "ExportView":
        """Convert an export to its response model."""
        parts = export.model_dump(exclude={"target", "result"})
        archive = export.result.archive
        named = FileEntry(**{**archive.model_dump(), "name": export.target.name}) if archive else None
        files = [FileEntry(**member.model_dump(exclude={"offset"})) for member in export.result.members]
        verdict = export.result.verdict if archive else None
        return cls(
            **parts,
            **export.target.model_dump(),
            archive=named,
            files=files,
            check=export.result.check,
            verdict=verdict,
            warnings=_warnings(export.result.check, verdict),
        )


def _warnings(check: dict[str, Any], verdict: Verdict | None) -> list[ReportedWarning]:
    if verdict == "drifted":
        causes = "; ".join(check.get("causes", []))
        remedy = "Choose a format or quantization with more precision, or download it with accept_drift=true."
        return [
            ReportedWarning(code="export_drifted", detail=f"It differs from the tuned model: {causes}.", remedy=remedy)
        ]
    if verdict == "unverified":
        detail = "It was not compared with the tuned model: llama.cpp is not installed."
        remedy = "Run `make llama-cpp`, set ANNEAL_LLAMA_CPP_PYTHON, delete this export and request it again."
        return [ReportedWarning(code="export_unverified", detail=detail, remedy=remedy)]
    return []
