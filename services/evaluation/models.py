"""Evaluations: requests, the entity with its states, and response models."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.evaluation.errors import StillRunning
from shared.documents.entities import Public, now
from shared.documents.spec import Transition
from shared.events.envelope import Event
from shared.events.evaluation import EvaluationCompleted, EvaluationDeleted, EvaluationFailed
from shared.runtime.jobs.work import DesiredState, State, Work
from shared.warnings import ReportedWarning

Metric = Literal[
    "bleu", "rouge", "chrf", "token_f1", "perplexity", "exact_match", "number_match", "json", "classification"
]
GENERAL: tuple[Metric, ...] = ("bleu", "rouge", "chrf", "token_f1", "perplexity", "exact_match")
METRICS: tuple[Metric, ...] = (*GENERAL, "number_match", "json", "classification")
"""The last three are for references of one kind: numbers, JSON, a few labels."""
MAX_ROWS = 20_000
"""Rows of one evaluation: sorting predictions reads all of them into memory, and a CPU takes hours."""


class EvaluationRequest(BaseModel):
    """The body of POST /models/custom/{id}/evaluate; `{}` evaluates on the held-out rows of the training dataset."""

    model_config = ConfigDict(extra="forbid")

    metrics: list[Metric] | None = Field(
        default=None,
        min_length=1,
        description="null: all that fit the references, which for plain text is perplexity only",
    )
    dataset: str | None = Field(
        default=None,
        max_length=200,
        description="`<id>` or `<id>@<version>` of an uploaded dataset; null: the dataset the model was trained on",
    )
    split: str | None = Field(
        default=None, max_length=64, description="test, validation, train …; null: the first of these that has rows"
    )
    rows: int | Literal["all"] = Field(
        default=200,
        description=f"maximum number of rows, sampled with a fixed seed; 0 or `all`: the whole split (≤ {MAX_ROWS})",
    )
    max_new_tokens: int | None = Field(
        default=None,
        ge=1,
        le=32_768,
        description="maximum tokens of an answer; null: twice the longest reference, at least 32, within the context",
    )
    batch_tokens: int = Field(
        default=16_384, ge=256, le=1_048_576, description="tokens in a batch, prompts and answers together"
    )
    compare_base: bool = Field(default=True, description="also score the base model")
    slice_by: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="a further column of the uploaded rows, such as `category`: also score each of its values (≤ 50)",
    )


class Settings(BaseModel):
    """Decoding settings. Decoding is greedy: equal settings on equal rows give equal answers."""

    max_new_tokens: int | None = Field(
        default=None, description="maximum tokens of an answer; null: chosen by the engine"
    )
    batch_tokens: int = Field(default=16_384, description="tokens in a batch")
    max_length: int | None = Field(default=None, description="rows are truncated to this many tokens for perplexity")


class Progress(BaseModel):
    """Progress of a run."""

    phase: str = Field(description="current phase, e.g. `tuned: answers`")
    done: int = Field(default=0, description="units done")
    total: int | None = Field(default=None, description="units in this phase; null: unknown")
    unit: str = Field(default="rows", description="what is counted")


class Sample(BaseModel):
    """A row of the report."""

    row: int = Field(description="index in the split")
    prompt: list[dict[str, Any]] = Field(default=[], description="the messages before the reference answer")
    reference: str = Field(default="", description="the reference answer")
    tuned: str | None = Field(
        default=None, description="the tuned model's answer; null: not requested, or the prompt fills the context"
    )
    base: str | None = Field(default=None, description="the base model's answer")
    scores: dict[str, float] = Field(default={}, description="scores of the tuned model's answer, by metric")
    base_scores: dict[str, float] = Field(default={}, description="scores of the base model's answer, by metric")


class Prediction(Sample):
    """A row of predictions.jsonl."""

    source: str = Field(default="", description="file:line of the row in the upload")
    columns: dict[str, Any] = Field(default={}, description="values of further columns of the upload")


class Comparison(BaseModel):
    """A paired test of two models on the same rows: a score of the one minus that of the other."""

    difference: float = Field(description="the difference of the scores")
    interval: tuple[float, float] | None = Field(
        default=None, description="95 % confidence interval of the difference; null: too few rows for one"
    )
    p_value: float = Field(
        description="two-sided: the probability of a difference this large if both models are equally good"
    )
    test: Literal["mcnemar", "randomization"] = Field(
        description="mcnemar (exact) where each row is right or wrong, otherwise paired approximate randomization"
    )
    verdict: Literal["better", "worse", "no_difference", "too_few_rows"] = Field(
        description="better or worse if p_value < 0.05; for perplexity, lower is better; too_few_rows: no result of so "
        "few rows has such a p_value"
    )


class Slice(BaseModel):
    """The rows with one value in the column `slice_by`."""

    value: str = Field(description="the value")
    rows: int = Field(description="rows with this value")
    scores: dict[str, float] = Field(default={}, description="scores of the tuned model, by metric")
    base_scores: dict[str, float] = Field(default={}, description="scores of the base model, by metric")
    intervals: dict[str, tuple[float, float]] = Field(default={}, description="95 % confidence intervals of scores")
    base_intervals: dict[str, tuple[float, float]] = Field(default={}, description="those of base_scores")
    comparison: dict[str, Comparison] = Field(default={}, description="tuned against base, by metric")


class AnswerStatistics(BaseModel):
    """Length and speed of a model's answers. Rows whose prompt fills the context do not count."""

    tokens_p50: float = Field(description="median of the tokens of an answer")
    tokens_p95: float = Field(description="95 % of the answers have at most this many tokens")
    finish_reasons: dict[str, int] = Field(description="answers by `stop` and `length` (cut at max_new_tokens)")
    seconds: float | None = Field(default=None, description="wall-clock seconds of all answers; null: cached answers")
    tokens_per_second: float | None = Field(default=None, description="over all rows; they are decoded as a batch")


class Outcome(BaseModel):
    """The result of a run. BLEU and chrF are 0–100, the others 0–1; a lower perplexity is better."""

    evaluated: int = Field(default=0, description="rows that were scored")
    too_long: int = Field(default=0, description="rows whose prompt fills the context; their answer counts as empty")
    scores: dict[str, float] = Field(default={}, description="scores of the tuned model, by metric")
    base_scores: dict[str, float] = Field(default={}, description="scores of the base model, by metric")
    difference: dict[str, float] = Field(default={}, description="scores minus base_scores")
    intervals: dict[str, tuple[float, float]] = Field(
        default={}, description="95 % confidence intervals of the scores, by metric"
    )
    base_intervals: dict[str, tuple[float, float]] = Field(default={}, description="those of base_scores")
    comparison: dict[str, Comparison] = Field(default={}, description="paired tests of tuned against base, by metric")
    headline: str = Field(default="", description="what the tests found, in words")
    slices: list[Slice] = Field(default=[], description="results by value of the column `slice_by`, largest first")
    answers: AnswerStatistics | None = Field(default=None, description="the tuned model's answers")
    base_answers: AnswerStatistics | None = Field(default=None, description="the base model's answers")
    signatures: dict[str, str] = Field(
        default={}, description="settings of a score that the references determine, by metric, as sacrebleu names them"
    )
    lower_is_better: list[str] = Field(
        default=[], description="scores of an import of which the lower one is better; perplexity always is one"
    )
    warnings: list[ReportedWarning] = Field(default=[], description="what the scores do not say")
    samples: list[Sample] = Field(default=[], description="the first three rows")
    seconds: float = Field(default=0.0, description="wall-clock seconds in the engine")
    base_cached: bool = Field(default=False, description="the base model's answers are from an earlier evaluation")


class Imported(BaseModel):
    """What marks an evaluation that another tool computed, on rows of a task of its own."""

    source: Literal["lm-eval"] = Field(description="the tool")
    version: str = Field(description="its version")
    task: str = Field(description="its task")
    task_version: str | None = Field(default=None, description="the version of the task")
    task_hash: str = Field(description="hash of all rows, prompts and targets; equal hashes are the same rows")
    num_fewshot: int | None = Field(default=None, description="examples in a prompt")
    model: str = Field(description="what the tool called the model")
    generation: str = Field(default="", description="JSON of how it let the model answer; empty: likelihoods only")

    @property
    def title(self) -> str:
        """The task in words."""
        return f"the {self.source} task {self.task}"


class Scope(BaseModel):
    """Model, dataset and metrics of an evaluation."""

    model_id: str = Field(description="the custom model; of an import, it may be a base model")
    base: str | None = Field(default=None, description="name of the base model")
    dataset_id: str | None = Field(default=None, description="the dataset; null: the rows are those of an import")
    dataset_version: str | None = Field(default=None, description="its version")
    split: str = Field(description="the split")
    rows: int = Field(description="rows to score")
    metrics: list[Metric] = Field(description="metrics to compute")
    detect_metrics: bool = Field(
        default=False,
        description="whether number_match, json or classification is added if the references are of that kind",
    )
    compare_base: bool = Field(description="whether the base model is scored too")
    settings: Settings = Field(description="decoding settings")
    slice_by: str | None = Field(default=None, description="the column by whose values the results are divided")
    imported: Imported | None = Field(default=None, description="null: the platform computed it")


class Evaluation(Work):
    """An evaluation of a model on a split."""

    NOUN: ClassVar[str] = "evaluation"
    LISTED_AT: ClassVar[str] = "/evaluations"
    TRANSITIONS: ClassVar[tuple[Transition, ...]] = (
        *Work.TRANSITIONS,
        Transition("", "succeeded", "it is imported"),
    )

    scope: Scope = Field(description="model, dataset and metrics")
    model_uri: str = Field(description="artifact of the model")
    base_uri: str | None = Field(default=None, description="artifact of its base model")
    dataset_uri: str = Field(default="", description="artifact of the dataset version; empty for an import")
    job_id: str | None = Field(default=None, description="the training job that requested it in its `after` list")
    progress: Progress | None = Field(default=None, description="progress of the current attempt")
    outcome: Outcome = Field(default=Outcome(), description="the result")
    report_uri: str | None = Field(default=None, description="artifact with all predictions")

    def advance(self, progress: Progress) -> None:
        """Record progress."""
        self.progress = progress

    def publishing(self) -> None:
        """Enter the publishing state: the engine is done and the report is being stored."""
        self.state = "publishing"

    def succeed(self, outcome: Outcome, report_uri: str) -> Sequence[Event]:
        """End with scores and the URI of the report."""
        self.outcome, self.report_uri = outcome, report_uri
        self.state, self.finished_at, self.runner, self.progress = "succeeded", now(), None, None
        completed = EvaluationCompleted(
            evaluation_id=self.id,
            model_id=self.scope.model_id,
            dataset_id=self.scope.dataset_id,
            dataset_version=self.scope.dataset_version,
            report_uri=report_uri,
            scores=outcome.scores,
            base_scores=outcome.base_scores,
            warnings=outcome.warnings,
        )
        return [completed]

    def delete(self) -> Sequence[Event]:
        """Become a tombstone. Raises StillRunning."""
        if not self.final:
            remedy = f"POST /evaluations/{self.id}/cancel first."
            raise StillRunning(f"The evaluation is {self.state}.", field="state", limit="ended", remedy=remedy)
        self.deleted_at = now()
        return [EvaluationDeleted(evaluation_id=self.id)]

    def on_failed(self) -> Sequence[Event]:
        """Announce the failure."""
        failed = EvaluationFailed(
            evaluation_id=self.id,
            model_id=self.scope.model_id,
            dataset_id=self.scope.dataset_id,
            dataset_version=self.scope.dataset_version,
            cause=self.cause or "",
            detail=self.detail or "",
        )
        return [failed]


class EvaluationView(Public, Scope, Outcome):
    """An evaluation in the API."""

    state: State
    wanted: DesiredState
    job_id: str | None = Field(default=None, description="the training job that requested it in its `after` list")
    progress: Progress | None = None
    attempts: int
    cause: str | None = Field(default=None, description="error code of a failure")
    detail: str | None = Field(default=None, description="description of a failure")
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @classmethod
    def of(cls, evaluation: Evaluation) -> "EvaluationView":
        """Convert an evaluation to its response model."""
        parts = evaluation.model_dump(exclude={"scope", "outcome"})
        return cls(**parts, **evaluation.scope.model_dump(), **evaluation.outcome.model_dump())


RowKind = Literal["regressed", "improved", "empty", "invalid"]
"""Rows that the tuned model answered worse or better than the base model, not at all, or with neither JSON nor a label
where the references are JSON or labels."""


class PredictionPage(BaseModel):
    """Rows [offset, offset + limit) of the requested kind, in the requested order."""

    items: list[Prediction]
    offset: int
    total: int = Field(description="rows of the requested kind")
    counts: dict[RowKind, int] = Field(description="rows by kind; a row may be of several, or of none")
