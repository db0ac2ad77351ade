"""Every event with its durable consumers: queues and the AsyncAPI document are generated from it."""

from collections.abc import Mapping

from shared.events.aliases import (
    AliasCandidateDecided,
    AliasCandidateEvaluated,
    AliasCandidateSubmitted,
    AliasCreated,
    AliasPromoted,
    AliasRolledBack,
)
from shared.events.dataset import DatasetDeleted, DatasetReady, DatasetRejected, ImportFailed, ImportSucceeded
from shared.events.envelope import Envelope, Event
from shared.events.evaluation import (
    EvalRunCanceled,
    EvalRunFailed,
    EvalRunSucceeded,
    EvaluationCompleted,
    EvaluationDeleted,
    EvaluationFailed,
    EvaluationRequested,
)
from shared.events.export import ExportCompleted, ExportDeleted, ExportFailed, ExportRequested
from shared.events.inference import ModelReady, ModelUndeployed
from shared.events.training import (
    BaseModelFailed,
    BaseModelReady,
    CheckpointPublished,
    ModelDeleted,
    ModelRenamed,
    TrainingCancelled,
    TrainingFailed,
    TrainingProgressed,
    TrainingRequested,
    TrainingSucceeded,
)

CONSUMERS: Mapping[type[Event], tuple[str, ...]] = {
    DatasetReady: ("gateway",),
    DatasetRejected: ("gateway",),
    DatasetDeleted: ("training", "gateway"),
    ImportSucceeded: ("gateway",),
    ImportFailed: ("gateway",),
    BaseModelReady: ("gateway",),
    BaseModelFailed: ("gateway",),
    TrainingRequested: ("training", "gateway"),
    TrainingProgressed: (),
    TrainingSucceeded: ("evaluation", "export", "inference", "gateway"),
    CheckpointPublished: ("inference", "gateway"),
    TrainingFailed: ("gateway",),
    TrainingCancelled: ("gateway",),
    ModelRenamed: ("export", "inference", "gateway"),
    ModelDeleted: ("inference", "gateway"),
    EvaluationRequested: ("evaluation",),
    EvaluationCompleted: ("gateway",),
    EvaluationFailed: ("gateway",),
    EvaluationDeleted: ("gateway",),
    EvalRunSucceeded: ("evaluation", "gateway"),
    EvalRunFailed: ("evaluation", "gateway"),
    EvalRunCanceled: ("evaluation", "gateway"),
    ExportRequested: ("export",),
    ExportCompleted: ("gateway",),
    ExportFailed: ("gateway",),
    ExportDeleted: ("gateway",),
    ModelReady: ("gateway",),
    ModelUndeployed: ("gateway",),
    AliasCandidateSubmitted: ("evaluation",),
    AliasCandidateEvaluated: ("inference",),
    AliasCandidateDecided: ("gateway", "evaluation"),
    AliasCreated: ("gateway",),
    AliasPromoted: ("inference", "gateway"),
    AliasRolledBack: ("inference", "gateway"),
}
"""Event class -> durable consumers. An empty tuple marks a broadcast."""

EVENTS: Mapping[str, type[Event]] = {event.type: event for event in CONSUMERS}


def consumers_of(type: str) -> tuple[str, ...]:
    """Return the services with a durable queue for this event type; empty for broadcasts and unknown types."""
    event = EVENTS.get(type)
    return CONSUMERS[event] if event else ()


def parse(envelope: Envelope) -> Event:
    """Parse the event inside an envelope. Raises KeyError for an unregistered type."""
    return EVENTS[envelope.type].model_validate(envelope.data)
