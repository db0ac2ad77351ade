"""Events of the evaluation service."""

from typing import ClassVar

from shared.events.envelope import Event
from shared.warnings import ReportedWarning


class EvaluationRequested(Event):
    """A run was queued; only a wake-up."""

    type: ClassVar[str] = "evaluation.requested.v1"
    evaluation_id: str


class EvaluationCompleted(Event):
    """A run ended; `scores` maps metric name to the tuned model's score, `base_scores` to its base's."""

    type: ClassVar[str] = "evaluation.completed.v1"
    evaluation_id: str
    model_id: str
    report_uri: str
    scores: dict[str, float]
    base_scores: dict[str, float]
    warnings: list[ReportedWarning] = []


class EvaluationFailed(Event):
    """A run ended without scores."""

    type: ClassVar[str] = "evaluation.failed.v1"
    evaluation_id: str
    model_id: str
    cause: str
    detail: str
