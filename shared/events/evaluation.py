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
    dataset_id: str | None = None
    dataset_version: str | None = None
    report_uri: str
    scores: dict[str, float]
    base_scores: dict[str, float]
    warnings: list[ReportedWarning] = []


class EvaluationDeleted(Event):
    """An evaluation and its report were deleted."""

    type: ClassVar[str] = "evaluation.deleted.v1"
    evaluation_id: str


class EvaluationFailed(Event):
    """A run ended without scores."""

    type: ClassVar[str] = "evaluation.failed.v1"
    evaluation_id: str
    model_id: str
    dataset_id: str | None = None
    dataset_version: str | None = None
    cause: str
    detail: str


class EvalRunSucceeded(Event):
    """A run of an eval ended with the results of all its rows."""

    type: ClassVar[str] = "evaluation.eval_run_succeeded.v1"
    run_id: str
    eval_id: str


class EvalRunFailed(Event):
    """A run of an eval ended without all results."""

    type: ClassVar[str] = "evaluation.eval_run_failed.v1"
    run_id: str
    eval_id: str
    cause: str
    detail: str


class EvalRunCanceled(Event):
    """A run of an eval was canceled by its owner."""

    type: ClassVar[str] = "evaluation.eval_run_canceled.v1"
    run_id: str
    eval_id: str
