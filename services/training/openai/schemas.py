"""Schemas of OpenAI's fine-tuning API: its requests, and how it shows a training job."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services.training.errors import Unsupported
from services.training.jobs.requests import TrainingRequest
from services.training.models import Job
from shared.documents.entities import now
from shared.runtime.errors import AnnealError

T = TypeVar("T")
Auto = Literal["auto"]
Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
STATUSES: dict[str, Status] = {"publishing": "running", "pausing": "running"}
"""OpenAI's status where it differs from ours."""
LEVELS: dict[str, Literal["info", "warn", "error"]] = {"warning": "warn", "error": "error"}
FIELDS = {
    "base": "model",
    "dataset": "training_file",
    "validation": "validation_file",
    "epochs": "hyperparameters.n_epochs",
    "batch_size": "hyperparameters.batch_size",
    "name": "suffix",
    "objective": "method.type",
    "beta": "hyperparameters.beta",
}
"""Our field -> the field of OpenAI's request."""


class Hyperparameters(BaseModel):
    """Hyperparameters; `auto` and those that are left out follow from model and data."""

    model_config = ConfigDict(extra="forbid")
    n_epochs: Auto | Annotated[int, Field(ge=1, le=1000)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=1, le=65_536)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, le=1000)] = "auto"


class Supervised(BaseModel):
    """The supervised method's settings."""

    model_config = ConfigDict(extra="forbid")
    hyperparameters: Hyperparameters = Hyperparameters()


class PreferenceHyperparameters(Hyperparameters):
    """Hyperparameters of DPO."""

    beta: Auto | Annotated[float, Field(gt=0, le=2)] = "auto"


class Preference(BaseModel):
    """The dpo method's settings."""

    model_config = ConfigDict(extra="forbid")
    hyperparameters: PreferenceHyperparameters = PreferenceHyperparameters()


class MethodRequest(BaseModel):
    """The method with its hyperparameters, as in newer versions of OpenAI's API."""

    model_config = ConfigDict(extra="allow")
    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: Preference | None = None


class FineTuningRequest(BaseModel):
    """A fine-tuning job to queue."""

    model_config = ConfigDict(extra="forbid")
    model: str = Field(min_length=1, max_length=200, description="a base model, or a custom model to continue from")
    training_file: str = Field(min_length=1, max_length=200, description="a file id, which is a dataset's id")
    validation_file: str | None = Field(default=None, min_length=1, max_length=200)
    hyperparameters: Hyperparameters | None = Field(default=None, description="deprecated by OpenAI for `method`")
    method: MethodRequest | None = None
    suffix: str | None = Field(default=None, min_length=1, max_length=64, description="name of the model")
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1)
    metadata: dict[str, Annotated[str, Field(max_length=512)]] | None = Field(default=None, max_length=16)
    integrations: list[dict[str, Any]] | None = None

    def settings(self) -> Hyperparameters:
        """The hyperparameters, from the field that has them."""
        if self.method and self.method.type == "dpo":
            return (self.method.dpo or Preference()).hyperparameters
        method = self.method.supervised if self.method else None
        return (method.hyperparameters if method else None) or self.hyperparameters or Hyperparameters()

    def to_training_request(self) -> TrainingRequest:
        """The equivalent training request, which also deploys the model. Raises Unsupported."""
        method = self.method.type if self.method else "supervised"
        if method == "reinforcement":
            remedy = "Use the method supervised or dpo."
            raise Unsupported(f"The method {method} is not offered.", field="method.type", remedy=remedy)
        if self.integrations:
            remedy = "Leave integrations out; GET /training/jobs/{id}/metrics has every value."
            raise Unsupported("Integrations are not offered.", field="integrations", remedy=remedy)
        given = {name: value for name, value in self.settings().model_dump().items() if value != "auto"}
        if "n_epochs" in given:
            given["epochs"] = given.pop("n_epochs")
        return TrainingRequest(
            base=self.model,
            dataset=self.training_file,
            validation=self.validation_file,
            name=self.suffix,
            seed=self.seed,
            objective="dpo" if method == "dpo" else "sft",  # supervised means sft also for preference pairs
            after=["deploy"],
            **given,
        )

    def original(self) -> dict[str, Any]:
        """The part of the request that the job stores."""
        return {"hyperparameters": self.settings().model_dump(), "suffix": self.suffix, "metadata": self.metadata}


class JobError(BaseModel):
    """Why a job failed."""

    code: str
    message: str
    param: str | None = None


class MethodView(BaseModel):
    """The training method."""

    type: Literal["supervised", "dpo"]
    supervised: Supervised | None = None
    dpo: Preference | None = None

    @classmethod
    def of(cls, job: Job) -> "MethodView":
        """The method of a job."""
        requested = job.fine_tuning.get("hyperparameters", {})
        if job.hyperparameters.get("objective") == "dpo":
            return cls(type="dpo", dpo=Preference(hyperparameters=PreferenceHyperparameters(**requested)))
        return cls(type="supervised", supervised=Supervised(hyperparameters=Hyperparameters(**requested)))


class FineTuningJob(BaseModel):
    """A training job in OpenAI's schema."""

    id: str
    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    created_at: int = Field(description="seconds since 1970")
    finished_at: int | None
    estimated_finish: int | None
    model: str
    fine_tuned_model: str | None = Field(description="the name to chat with, once it has succeeded")
    organization_id: str
    status: Status
    hyperparameters: Hyperparameters
    method: MethodView
    training_file: str
    validation_file: str | None
    result_files: list[str] = []
    trained_tokens: int | None
    seed: int
    error: JobError | None
    integrations: list[str] = []
    metadata: dict[str, str] | None
    user_provided_suffix: str | None

    @classmethod
    def of(cls, job: Job, values: Mapping[str, Any]) -> "FineTuningJob":
        """The view of a job and its latest values."""
        method, done = MethodView.of(job), job.state == "succeeded"
        settings = method.supervised or method.dpo or Supervised()
        return cls(
            id=job.id,
            created_at=_seconds(job.created_at),
            finished_at=_seconds(job.finished_at) if job.finished_at else None,
            estimated_finish=_estimate(job, values),
            model=job.base,
            fine_tuned_model=job.model_id if done else None,
            organization_id=job.project,
            status=STATUSES.get(job.state, job.state),
            hyperparameters=settings.hyperparameters,
            method=method,
            training_file=job.dataset_id,
            validation_file=job.validation_id,
            trained_tokens=values.get("metric", {}).get("tokens") if done else None,
            seed=job.hyperparameters.get("seed") or 0,
            error=JobError(code=job.cause or "failed", message=job.detail or "") if job.state == "failed" else None,
            metadata=job.fine_tuning.get("metadata"),
            user_provided_suffix=job.fine_tuning.get("suffix"),
        )


class FineTuningEvent(BaseModel):
    """An event of a job."""

    id: str
    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, Any] | None = None

    @classmethod
    def of(cls, job_id: str, record: Mapping[str, Any]) -> "FineTuningEvent":
        """The view of a stream's record: a log line, a step's values, a validation loss, a change of state."""
        data = {name: value for name, value in record.items() if name not in ("seq", "time", "kind", "level")}
        return cls(
            id=event_id(job_id, record["seq"]),
            created_at=_seconds(datetime.fromisoformat(record["time"])),
            level=LEVELS.get(record.get("level", ""), "info"),
            message=_sentence(record),
            type="metrics" if record["kind"] in ("metric", "evaluation") else "message",
            data=None if record["kind"] == "log" else data,
        )


class CheckpointMetrics(BaseModel):
    """Losses in nats per token."""

    step: int
    full_valid_loss: float | None


class FineTuningCheckpoint(BaseModel):
    """A checkpoint of a job. It is not a model that can be deployed; only the delivered model is."""

    id: str
    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuning_job_id: str
    fine_tuned_model_checkpoint: str
    step_number: int
    metrics: CheckpointMetrics

    @classmethod
    def of(cls, job: Job, record: Mapping[str, Any]) -> "FineTuningCheckpoint":
        """The view of a checkpoint's record."""
        step = record["step"]
        return cls(
            id=f"ftckpt-{job.id}-{step}",
            created_at=_seconds(datetime.fromisoformat(record["time"])),
            fine_tuning_job_id=job.id,
            fine_tuned_model_checkpoint=f"{job.model_id}:step-{step}",
            step_number=step,
            metrics=CheckpointMetrics(step=step, full_valid_loss=record.get("loss")),
        )


class Listing(BaseModel, Generic[T]):
    """A page, newest first; `after` with the last id gives the next one."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool
    first_id: str | None = None
    last_id: str | None = None


def event_id(job_id: str, seq: int) -> str:
    """The id of an event, as in `after`."""
    return f"ftevent-{job_id}-{seq}"


def with_openai_field(error: AnnealError) -> AnnealError:
    """The error, with the field named as in OpenAI's request."""
    error.field = FIELDS.get(error.field or "", error.field)
    return error


def _sentence(record: Mapping[str, Any]) -> str:
    match record["kind"]:
        case "metric":
            return f"Step {record['step']}: training loss={_short(record.get('loss'))}"
        case "evaluation":
            return f"Step {record['step']}: validation loss={_short(record.get('loss'))}"
        case "state":
            return f"The job is {record['state']}."
        case "checkpoint":
            return f"Checkpoint created at step {record['step']}."
    return str(record.get("message", record["kind"]))


def _short(value: float | None) -> str:
    return "?" if value is None else f"{value:.4f}"


def _estimate(job: Job, values: Mapping[str, Any]) -> int | None:
    left = values.get("progress", {}).get("eta_s")
    return _seconds(now() + timedelta(seconds=left)) if job.state == "running" and left is not None else None


def _seconds(time: datetime) -> int:
    return int(time.timestamp())
