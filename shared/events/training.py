"""Events of the training service."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from shared.events.envelope import Event
from shared.warnings import ReportedWarning

CANDIDATE_FOR = "alias:"
"""The follow-up of a job whose model is to be a candidate for an alias begins so, and ends with the alias's name."""
FollowUp = (
    Literal["evaluate", "export_torch", "export_onnx", "deploy"]
    | Annotated[str, Field(pattern=f"^{CANDIDATE_FOR}.", max_length=len(CANDIDATE_FOR) + 120)]
)


def aliases_in(after: Iterable[FollowUp]) -> list[str]:
    """The names of the aliases for which the model is to be a candidate."""
    return [each.removeprefix(CANDIDATE_FOR) for each in after if each.startswith(CANDIDATE_FOR)]


class TrainingRequested(Event):
    """A job was queued; only a wake-up, the document is the queue.

    `base` is the id or hub id of the model that it fine-tunes, `base_id` its id; `reproduces` the custom model whose
    training it repeats.
    """

    type: ClassVar[str] = "training.requested.v1"
    job_id: str
    name: str | None = None
    base: str | None = None
    base_id: str | None = None
    dataset_id: str | None = None
    dataset_version: str | None = None
    validation_id: str | None = None
    validation_version: str | None = None
    reproduces: str | None = None


class TrainingProgressed(Event):
    """New stream records of a job (broadcast, lossy): each has `seq`, `kind` and its values."""

    type: ClassVar[str] = "training.progressed.v1"
    job_id: str
    records: list[dict[str, Any]]


class TrainingSucceeded(Event):
    """A job ended with a custom model at `model_uri`; `after` lists what its owner asked to happen next."""

    type: ClassVar[str] = "training.succeeded.v1"
    job_id: str
    model_id: str
    model_uri: str
    name: str
    base: str
    base_id: str | None = None
    method: str
    dataset_id: str
    dataset_version: str
    after: list[FollowUp] = []
    warnings: list[ReportedWarning] = []


class CheckpointPublished(Event):
    """The checkpoint of a job's `step` is a custom model at `model_uri`."""

    type: ClassVar[str] = "training.checkpoint_published.v1"
    job_id: str
    step: int
    model_id: str
    model_uri: str
    name: str
    base: str
    base_id: str
    method: str
    dataset_id: str
    dataset_version: str


class TrainingFailed(Event):
    """A job ended without a model."""

    type: ClassVar[str] = "training.failed.v1"
    job_id: str
    cause: str
    detail: str


class TrainingCancelled(Event):
    """A job was cancelled by its owner."""

    type: ClassVar[str] = "training.cancelled.v1"
    job_id: str


class BaseModelReady(Event):
    """The download of a base model has ended. `secret`: kind of the one used."""

    type: ClassVar[str] = "training.base_model_ready.v1"
    base_id: str
    secret: str | None = None


class BaseModelFailed(Event):
    """The download of a base model has failed. `secret`: kind of the one that it had."""

    type: ClassVar[str] = "training.base_model_failed.v1"
    base_id: str
    cause: str
    detail: str
    secret: str | None = None


class ModelRenamed(Event):
    """A custom model has a new name. The event with the highest `sequence`, its document's version, is current."""

    type: ClassVar[str] = "training.model_renamed.v1"
    model_id: str
    name: str


class ModelDeleted(Event):
    """A custom model is gone."""

    type: ClassVar[str] = "training.model_deleted.v1"
    model_id: str
