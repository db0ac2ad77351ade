"""Schemas of OpenAI's fine-tuning API: its requests, and how it shows a training job."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.training.errors import Unsupported
from services.training.jobs.requests import TrainingRequest
from services.training.models import Job
from services.training.publications import checkpoint_model_id
from shared.documents.entities import now
from shared.runtime.errors import AnnealError
from shared.runtime.http.display_name import refuse_hidden
from shared.warnings import ReportedWarning

T = TypeVar("T")
Auto = Literal["auto"]
Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
STATUSES: dict[str, Status] = {"publishing": "running", "pausing": "running"}
"""OpenAI's status where it differs from ours."""
LEVELS: dict[str, Literal["info", "warn", "error"]] = {"warning": "warn", "error": "error"}
MAX_BETA = 2
"""OpenAI's limit."""
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
    """Hyperparameters of DPO and KTO."""

    beta: Auto | Annotated[float, Field(gt=0, le=MAX_BETA)] = "auto"


class Preference(BaseModel):
    """The settings of the methods dpo and kto."""

    model_config = ConfigDict(extra="forbid")
    hyperparameters: PreferenceHyperparameters = PreferenceHyperparameters()


class MethodRequest(BaseModel):
    """The method with its hyperparameters, as in newer versions of OpenAI's API, which has no kto."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["supervised", "dpo", "kto", "reinforcement"]
    supervised: Supervised | None = None
    dpo: Preference | None = None
    kto: Preference | None = Field(default=None, description="not in OpenAI's API: answers with labels")
    reinforcement: dict[str, Any] | None = Field(default=None, description="not offered")

    def settings(self) -> Supervised | Preference | None:
        """The settings of this method, where the request has them."""
        return {"supervised": self.supervised, "dpo": self.dpo, "kto": self.kto}.get(self.type)


METHODS = ("supervised", "dpo", "kto")


Suffix = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(refuse_hidden)
]


class FineTuningRequest(BaseModel):
    """A fine-tuning job to queue."""

    model_config = ConfigDict(extra="forbid")
    model: str = Field(min_length=1, max_length=200, description="a base model, or a custom model to continue from")
    training_file: str = Field(min_length=1, max_length=200, description="a file id, which is a dataset's id")
    validation_file: str | None = Field(default=None, min_length=1, max_length=200)
    hyperparameters: Hyperparameters | None = Field(default=None, description="deprecated by OpenAI for `method`")
    method: MethodRequest | None = None
    suffix: Suffix | None = Field(default=None, description="name of the model")
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1)
    metadata: dict[str, Annotated[str, Field(max_length=512)]] | None = Field(default=None, max_length=16)
    integrations: list[dict[str, Any]] | None = None
    unsupported_rows: Literal["refuse", "skip"] | None = Field(
        default=None,
        description="not in OpenAI's API: for rows that the chat template cannot show; refuse is the default",
    )

    def settings(self) -> Hyperparameters:
        """The hyperparameters, from the field that has them."""
        method = self.method.settings() if self.method else None
        if method and (self.hyperparameters is None or "hyperparameters" in method.model_fields_set):
            return method.hyperparameters
        kind = PreferenceHyperparameters if self.method and self.method.type != "supervised" else Hyperparameters
        return kind(**(self.hyperparameters or Hyperparameters()).model_dump())

    def to_training_request(self) -> TrainingRequest:
        """The equivalent training request, which also deploys the model. Raises Unsupported."""
        method = self.method.type if self.method else "supervised"
        if method == "reinforcement":
            remedy = "Use the method supervised, dpo or kto."
            raise Unsupported(f"The method {method} is not offered.", field="method.type", remedy=remedy)
        self._require_one_place()
        if self.integrations:
            remedy = "Leave integrations out; GET /training/jobs/<job-id>/metrics has every value."
            raise Unsupported("Integrations are not offered.", field="integrations", remedy=remedy)
        given = {name: value for name, value in self.settings().model_dump().items() if value != "auto"}
        if "n_epochs" in given:
            given["epochs"] = given.pop("n_epochs")
        if self.unsupported_rows:
            given["unsupported_rows"] = self.unsupported_rows
        return TrainingRequest(
            base=self.model,
            dataset=self.training_file,
            validation=self.validation_file,
            name=self.suffix,
            seed=self.seed,
            objective="sft" if method == "supervised" else method,  # supervised means sft also for preference pairs
            after=["deploy"],
            **given,
        )

    def _require_one_place(self) -> None:
        """Raise Unsupported for hyperparameters in a place that is not used."""
        method = self.method.settings() if self.method else None
        others = [name for name in METHODS if self.method and name != self.method.type and getattr(self.method, name)]
        if self.method and others:
            detail = f"method.{others[0]} has no meaning for the method {self.method.type}."
            remedy = f"Use method.{self.method.type}, or set method.type to {others[0]}."
            raise Unsupported(detail, field=f"method.{others[0]}", remedy=remedy)
        if self.method and method and self.hyperparameters and "hyperparameters" in method.model_fields_set:
            detail = f"There are hyperparameters in method.{self.method.type}, too."
            raise Unsupported(detail, field="hyperparameters", remedy="Give them in one place.")

    def original(self) -> dict[str, Any]:
        """The part of the request that the job stores."""
        return {"hyperparameters": self.settings().model_dump(), "suffix": self.suffix, "metadata": self.metadata}


class JobError(BaseModel):
    """Why a job failed."""

    code: str
    message: str
    param: str | None = None


class MethodView(BaseModel):
    """The training method; OpenAI's API has no kto."""

    type: Literal["supervised", "dpo", "kto"]
    supervised: Supervised | None = None
    dpo: Preference | None = None
    kto: Preference | None = None

    @classmethod
    def of(cls, job: Job) -> "MethodView":
        """The method of a job."""
        requested = job.fine_tuning.get("hyperparameters") or _hyperparameters_of(job)
        preference = Preference(hyperparameters=PreferenceHyperparameters(**requested))
        match job.hyperparameters.get("objective"):
            case "dpo":
                return cls(type="dpo", dpo=preference)
            case "kto":
                return cls(type="kto", kto=preference)
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
    warnings: list[ReportedWarning] = Field(default=[], description="not in OpenAI's API: as in our own job")

    @classmethod
    def of(cls, job: Job, values: Mapping[str, Any]) -> "FineTuningJob":
        """The view of a job and its latest values."""
        method, done = MethodView.of(job), job.state == "succeeded"
        settings = method.supervised or method.dpo or method.kto or Supervised()
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
            warnings=job.warnings,
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
    """A checkpoint of a job, which is a model once it has been published."""

    id: str
    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuning_job_id: str
    fine_tuned_model_checkpoint: str = Field(description="the name to chat with, once it has been published")
    step_number: int
    metrics: CheckpointMetrics
    published: bool = Field(description="not in OpenAI's API: whether it is a model")

    @classmethod
    def of(cls, job: Job, record: Mapping[str, Any], *, published: bool) -> "FineTuningCheckpoint":
        """The view of a checkpoint's record."""
        step = record["step"]
        return cls(
            id=f"ftckpt-{job.id}-{step}",
            created_at=_seconds(datetime.fromisoformat(record["time"])),
            fine_tuning_job_id=job.id,
            fine_tuned_model_checkpoint=checkpoint_model_id(job, step),
            step_number=step,
            metrics=CheckpointMetrics(step=step, full_valid_loss=record.get("loss")),
            published=published,
        )


class DeletedModel(BaseModel):
    """The response to a deletion."""

    id: str
    object: Literal["model"] = "model"
    deleted: Literal[True] = True


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
    """The error, with the field and the methods named as in OpenAI's request."""
    error.field = FIELDS.get(error.field or "", error.field)
    error.remedy = error.remedy and error.remedy.replace("objective sft", "method supervised").replace(
        "objective ", "method "
    )
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


def _hyperparameters_of(job: Job) -> dict[str, Any]:
    """Those that a request of our own API gave, as far as OpenAI's API can show them: passes in whole numbers."""
    given = {name: value for name, value in job.hyperparameters.items() if name not in job.defaulted}
    epochs, beta = given.get("epochs"), given.get("beta")
    shown = {
        "n_epochs": int(epochs) if epochs and epochs == int(epochs) else None,
        "batch_size": given.get("batch_size"),
        "beta": beta if beta and beta <= MAX_BETA else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _short(value: float | None) -> str:
    return "?" if value is None else f"{value:.4f}"


def _estimate(job: Job, values: Mapping[str, Any]) -> int | None:
    left = values.get("progress", {}).get("eta_s")
    return _seconds(now() + timedelta(seconds=left)) if job.state == "running" and left is not None else None


def _seconds(time: datetime) -> int:
    return int(time.timestamp())
