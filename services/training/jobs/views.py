"""What the API shows of training jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.training.models import Allocation, Checkpoint, Job, Method, Serving, merge_warnings
from services.training.publications import checkpoint_model_id
from shared.documents.entities import Public
from shared.events.training import FollowUp
from shared.runtime.jobs.work import State
from shared.warnings import ReportedWarning


class Progress(BaseModel):
    """How far a job is, in optimizer steps."""

    step: int = 0
    total: int = 0
    percent: float = Field(default=0, description="0 to 100")


class TrainingUsage(BaseModel):
    """What the project's jobs use. Hours are counted in steps of 5 s while a worker holds a job."""

    since: datetime = Field(description="start of the month; hours are those of jobs that were created since")
    queued_jobs: int
    cpu_hours: float = Field(description="hours times processor cores")
    gpu_hours: float = Field(description="hours times GPUs")


class CheckpointView(BaseModel):
    """A checkpoint that the job can resume from, and that can be published as a custom model."""

    step: int
    loss: float | None = Field(description="validation loss, nats per token")
    best: bool = Field(description="it has the lowest validation loss so far, and the job's model its weights")
    created_at: datetime
    model_id: str = Field(description="the custom model that it is once it has been published")
    model_state: State | None = Field(
        description="of its publication, POST /training/jobs/{id}/checkpoints/{step}/model; null: not requested"
    )


@dataclass(frozen=True)
class Waiting:
    """A queued job's position, and why it waits."""

    position: int | None
    reason: str | None


NOT_WAITING = Waiting(None, None)


class JobView(Public):
    """A training job in a list."""

    name: str
    state: State
    wanted: Literal["run", "pause", "cancel"]
    base: str = Field(description="id or hub id of the base or custom model that is fine-tuned")
    base_name: str = Field(description="its name at submission")
    base_uri: str
    method: Method
    dataset_id: str
    dataset_version: str
    dataset_name: str
    validation_id: str | None = Field(description="the dataset that it is validated on, where that is another one")
    validation_version: str | None
    preset: str | None
    priority: int
    attempts: int
    resources: Allocation
    hyperparameters: dict[str, Any] = Field(description="every setting as resolved at submit")
    micro_batch_tokens: int | None = Field(
        description="reduced after running out of memory; null: as in hyperparameters"
    )
    recomputes: bool = Field(description="gradient checkpointing was turned on after running out of memory")
    defaulted: list[str] = Field(description="names of the settings that the request left open")
    after: list[FollowUp]
    reproduces: str | None = Field(description="the custom model whose training it repeats")
    serving: Serving | None = Field(description="how vLLM will serve the model, known before it is trained")
    model_id: str | None = Field(description="the custom model, once the job has succeeded")
    cause: str | None = Field(description="why it failed: a stable code")
    detail: str | None = Field(description="why it failed, in words, and what to do")
    ended: str | None = Field(description="why training ended: all_steps, no_gain, max_minutes, max_tokens or diverged")
    warnings: list[ReportedWarning] = Field(
        description="what may not be as it was meant: in the request, the rows or the result"
    )
    started_at: datetime | None
    finished_at: datetime | None
    queue_position: int | None = Field(description="1 is next; null unless queued")
    waits_for: str | None = Field(description="why it has not started; null unless queued")
    progress: Progress
    loss: float | None = Field(description="training loss of the last step, nats per token; null before the first")
    best_validation_loss: float | None = Field(description="lowest so far, nats per token; null without a validation")
    tokens_per_second: float | None = Field(description="trained tokens per second in the last step")
    tags: list[str]
    archived: bool = Field(description="the app and the command line list it only on request")

    @classmethod
    def of(cls, job: Job, values: Mapping[str, Any], waiting: Waiting = NOT_WAITING) -> "JobView":
        """The view of an entity and its snapshot."""
        return cls(**_fields(job, values, waiting))


class JobDetail(JobView):
    """A training job with its latest records."""

    eta_seconds: float | None = Field(description="remaining time, as the engine estimates it")
    logs: list[dict[str, Any]] = Field(description="the last 50 log lines; all: GET /training/jobs/{id}/logs")
    metrics: dict[str, Any] = Field(description="latest values; all: GET /training/jobs/{id}/metrics")
    usage: dict[str, Any] = Field(
        description="usage of the running engine, each second: cpu_percent (100: one core), memory_mb, GPU; else empty"
    )
    evaluations: list[dict[str, Any]] = Field(description="validation losses by step")
    samples: dict[str, Any] | None = Field(description="the latest answers to fixed validation prompts")
    checkpoints: list[CheckpointView]
    checkpoints_until: datetime | None = Field(
        description="when the checkpoints of the ended job are deleted; null: they are not, or there are none"
    )

    @classmethod
    def with_progress(
        cls,
        job: Job,
        values: Mapping[str, Any],
        waiting: Waiting = NOT_WAITING,
        publications: Mapping[int, State] = MappingProxyType({}),
    ) -> "JobDetail":
        """The view of an entity and its snapshot; `publications` are states by step."""
        done = values.get("progress", {})
        running = job.state in ("running", "pausing")
        return cls(
            **{
                **_fields(job, values, waiting),
                "warnings": merge_warnings(job.warnings, values.get("warnings", {}).values()),
            },
            eta_seconds=done.get("eta_s") if running else None,
            logs=values.get("logs", []),
            metrics=values.get("metric", {}),
            usage=values.get("usage", {}) if running else {},
            evaluations=values.get("evaluations", []),
            samples=values.get("samples"),
            checkpoints=[
                _checkpoint(job, c, publications.get(c.step), _best_validation_loss(job, values))
                for c in job.checkpoints
            ],
        )


def _fields(job: Job, values: Mapping[str, Any], waiting: Waiting) -> dict[str, Any]:
    metric = values.get("metric", {})
    return {
        **job.model_dump(exclude={"checkpoints"}),
        "base_name": job.base_name or job.base,
        "model_id": job.model_id if job.state == "succeeded" else None,
        "queue_position": waiting.position,
        "waits_for": waiting.reason,
        "progress": _progress(job, values.get("progress", {})),
        "loss": metric.get("loss"),
        "best_validation_loss": _best_validation_loss(job, values),
        "tokens_per_second": metric.get("tokens_per_second"),
    }


def _best_validation_loss(job: Job, values: Mapping[str, Any]) -> float | None:
    """Of the latest validations and of the best checkpoint, which may be older than those."""
    losses = [evaluation["loss"] for evaluation in values.get("evaluations", [])]
    return min([*losses, *(c.loss for c in job.checkpoints if c.loss is not None)], default=None)


def _progress(job: Job, done: Mapping[str, Any]) -> Progress:
    step, total = done.get("done", 0), done.get("total") or job.total_steps
    if job.state == "succeeded":
        return Progress(step=step, total=total, percent=100)
    return Progress(step=step, total=total, percent=round(100 * step / total, 1) if total else 0)


def _checkpoint(job: Job, checkpoint: Checkpoint, published: State | None, lowest: float | None) -> CheckpointView:
    """`lowest`: validation loss so far; a step without a checkpoint may have had it."""
    id = checkpoint_model_id(job, checkpoint.step)
    best = checkpoint.best and (checkpoint.loss is None or lowest is None or checkpoint.loss <= lowest)
    return CheckpointView(**{**checkpoint.model_dump(), "best": best}, model_id=id, model_state=published)


class Records(BaseModel):
    """Records of a job's stream, in order; pass `next_after` as `after` for the following ones."""

    records: list[dict[str, Any]]
    next_after: int = Field(description="sequence number of the last record read")
