"""The events that webhooks deliver, by the names that receivers see, and their body as OpenAI's types define it."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from shared.documents.entities import derived_id
from shared.events.aliases import AliasCandidateDecided, AliasCreated, AliasPromoted, AliasRolledBack
from shared.events.dataset import DatasetDeleted, DatasetReady, DatasetRejected, ImportFailed, ImportSucceeded
from shared.events.envelope import Envelope, Event
from shared.events.evaluation import (
    EvalRunCanceled,
    EvalRunFailed,
    EvalRunSucceeded,
    EvaluationCompleted,
    EvaluationDeleted,
    EvaluationFailed,
)
from shared.events.export import ExportCompleted, ExportDeleted, ExportFailed
from shared.events.inference import ModelReady, ModelUndeployed
from shared.events.training import (
    BaseModelFailed,
    BaseModelReady,
    CheckpointPublished,
    ModelDeleted,
    ModelRenamed,
    TrainingCancelled,
    TrainingFailed,
    TrainingRequested,
    TrainingSucceeded,
)

EventType = Literal[
    "fine_tuning.job.succeeded",
    "fine_tuning.job.failed",
    "fine_tuning.job.cancelled",
    "eval.run.succeeded",
    "eval.run.failed",
    "eval.run.canceled",
    "training.requested.v1",
    "training.checkpoint_published.v1",
    "training.model_renamed.v1",
    "training.model_deleted.v1",
    "dataset.ready.v1",
    "dataset.rejected.v1",
    "dataset.deleted.v1",
    "dataset.import_succeeded.v1",
    "dataset.import_failed.v1",
    "training.base_model_ready.v1",
    "training.base_model_failed.v1",
    "evaluation.completed.v1",
    "evaluation.failed.v1",
    "evaluation.deleted.v1",
    "export.completed.v1",
    "export.failed.v1",
    "export.deleted.v1",
    "inference.model_ready.v1",
    "inference.model_undeployed.v1",
    "alias.candidate_decided.v1",
    "alias.created.v1",
    "alias.promoted.v1",
    "alias.rolled_back.v1",
]
TEST_EVENT = "webhook.test"
"""The type of a test delivery, whatever the webhook's event types are; its `data.id` is the webhook's."""

SOURCES: Mapping[EventType, tuple[type[Event], str]] = {
    "fine_tuning.job.succeeded": (TrainingSucceeded, "job_id"),
    "fine_tuning.job.failed": (TrainingFailed, "job_id"),
    "fine_tuning.job.cancelled": (TrainingCancelled, "job_id"),
    "eval.run.succeeded": (EvalRunSucceeded, "run_id"),
    "eval.run.failed": (EvalRunFailed, "run_id"),
    "eval.run.canceled": (EvalRunCanceled, "run_id"),
    "training.requested.v1": (TrainingRequested, "job_id"),
    "training.checkpoint_published.v1": (CheckpointPublished, "model_id"),
    "training.model_renamed.v1": (ModelRenamed, "model_id"),
    "training.model_deleted.v1": (ModelDeleted, "model_id"),
    "dataset.ready.v1": (DatasetReady, "dataset_id"),
    "dataset.rejected.v1": (DatasetRejected, "dataset_id"),
    "dataset.deleted.v1": (DatasetDeleted, "dataset_id"),
    "dataset.import_succeeded.v1": (ImportSucceeded, "import_id"),
    "dataset.import_failed.v1": (ImportFailed, "import_id"),
    "training.base_model_ready.v1": (BaseModelReady, "base_id"),
    "training.base_model_failed.v1": (BaseModelFailed, "base_id"),
    "evaluation.completed.v1": (EvaluationCompleted, "evaluation_id"),
    "evaluation.failed.v1": (EvaluationFailed, "evaluation_id"),
    "evaluation.deleted.v1": (EvaluationDeleted, "evaluation_id"),
    "export.completed.v1": (ExportCompleted, "export_id"),
    "export.failed.v1": (ExportFailed, "export_id"),
    "export.deleted.v1": (ExportDeleted, "export_id"),
    "inference.model_ready.v1": (ModelReady, "deployment_id"),
    "inference.model_undeployed.v1": (ModelUndeployed, "deployment_id"),
    "alias.candidate_decided.v1": (AliasCandidateDecided, "candidate_id"),
    "alias.created.v1": (AliasCreated, "alias_id"),
    "alias.promoted.v1": (AliasPromoted, "alias_id"),
    "alias.rolled_back.v1": (AliasRolledBack, "alias_id"),
}
"""Name that receivers see -> domain event, and its field that becomes `data.id`."""
NAMES: Mapping[type[Event], EventType] = {event: name for name, (event, _) in SOURCES.items()}


class EventData(BaseModel):
    """What the event is about."""

    id: str


class WebhookEvent(BaseModel):
    """The body of a delivery."""

    id: str
    object: Literal["event"] = "event"
    type: str
    created_at: int
    data: EventData

    @classmethod
    def of(cls, event: Event, envelope: Envelope) -> "WebhookEvent":
        """The body for a domain event; the same one for the same envelope."""
        name = NAMES[type(event)]
        data = EventData(id=getattr(event, SOURCES[name][1]))
        created_at = int(envelope.time.timestamp())
        return cls(id=derived_id("evt", envelope.id), type=name, created_at=created_at, data=data)
