"""Evaluations: what may be asked, the state of a run, and what the API shows of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.documents.entities import Public, now
from shared.events.envelope import Event
from shared.events.evaluation import EvaluationCompleted, EvaluationFailed
from shared.runtime.jobs.work import State, Wanted, Work

Metric = Literal["bleu", "rouge", "perplexity", "exact_match"]
METRICS: tuple[Metric, ...] = ("bleu", "rouge", "perplexity", "exact_match")
MOST_ROWS = 20_000
"""Rows of one evaluation: predictions of more do not fit one page of a report, nor an evening on a CPU."""


class EvaluationRequest(BaseModel):
    """The body of POST /models/custom/{id}/evaluate; `{}` evaluates on the model's own validation rows."""

    model_config = ConfigDict(extra="forbid")

    metrics: list[Metric] | None = Field(
        default=None,
        min_length=1,
        description="bleu, rouge, perplexity, exact_match; null: all that the dataset's form allows",
    )
    dataset: str | None = Field(
        default=None,
        max_length=200,
        description="`<id>` or `<id>@<version>` of an uploaded dataset; null: the dataset the model was trained on",
    )
    split: str | None = Field(
        default=None, max_length=64, description="train, validation …; null: validation, where the dataset has one"
    )
    rows: int | Literal["all"] = Field(
        default=200,
        description=f"at most so many rows, drawn with a fixed seed; 0 or `all`: the whole split (≤ {MOST_ROWS})",
    )
    max_new_tokens: int | None = Field(
        default=None,
        ge=1,
        le=32_768,
        description="tokens of an answer; null: twice the longest reference, at least 32, as far as the context goes",
    )
    batch_tokens: int = Field(
        default=16_384, ge=256, le=1_048_576, description="tokens of a batch, prompts and answers together"
    )
    compare_base: bool = Field(default=True, description="also score the base model, for the difference")


class Settings(BaseModel):
    """How answers are made; the same settings on the same rows give the same answers (greedy decoding)."""

    max_new_tokens: int | None = None
    batch_tokens: int = 16_384
    max_length: int | None = Field(default=None, description="tokens of a row that count for perplexity")


class Progress(BaseModel):
    """How far the run is."""

    phase: str = Field(description="what is being done, e.g. `tuned: answers`")
    done: int = 0
    total: int | None = None
    unit: str = "rows"


class Sample(BaseModel):
    """One row of the report."""

    row: int
    prompt: list[dict[str, Any]] = Field(default=[], description="the messages before the reference answer")
    reference: str = ""
    tuned: str | None = Field(default=None, description="the tuned model's answer; null: not asked for, or no room")
    base: str | None = Field(default=None, description="the base model's answer")
    scores: dict[str, float] = Field(default={}, description="the tuned answer's scores by metric")
    base_scores: dict[str, float] = {}


class Prediction(Sample):
    """One row of predictions.jsonl."""

    source: str = Field(default="", description="file:line of the row in the upload")


class Outcome(BaseModel):
    """What a finished run found. BLEU is 0–100; ROUGE and exact match are 0–1; perplexity is lower for better."""

    evaluated: int = Field(default=0, description="rows that were scored")
    too_long: int = Field(default=0, description="rows whose prompt fills the context: their answer counts as empty")
    scores: dict[str, float] = {}
    base_scores: dict[str, float] = {}
    difference: dict[str, float] = Field(default={}, description="scores minus base_scores")
    samples: list[Sample] = Field(default=[], description="the first three rows")
    seconds: float = Field(default=0.0, description="wall-clock seconds in the engine")
    base_cached: bool = Field(default=False, description="the base's answers came from an earlier evaluation")


class Scope(BaseModel):
    """What is evaluated on what."""

    model_id: str
    base: str | None = Field(default=None, description="name of the base model")
    dataset_id: str
    dataset_version: str
    split: str
    rows: int = Field(description="rows that will be scored")
    metrics: list[Metric]
    compare_base: bool
    settings: Settings


class Evaluation(Work):
    """One run over one split."""

    scope: Scope
    model_uri: str
    base_uri: str | None = None
    dataset_uri: str
    job_id: str | None = None
    progress: Progress | None = None
    outcome: Outcome = Outcome()
    report_uri: str | None = None

    def advance(self, progress: Progress) -> None:
        """Note how far it is."""
        self.progress = progress

    def publishing(self) -> None:
        """The engine is done; the report is being stored."""
        self.state = "publishing"

    def succeed(self, outcome: Outcome, report_uri: str) -> Sequence[Event]:
        """End with scores; the report lies at `report_uri`."""
        self.outcome, self.report_uri = outcome, report_uri
        self.state, self.finished_at, self.runner, self.progress = "succeeded", now(), None, None
        completed = EvaluationCompleted(
            evaluation_id=self.id,
            model_id=self.scope.model_id,
            report_uri=report_uri,
            scores=outcome.scores,
            base_scores=outcome.base_scores,
        )
        return [completed]

    def on_failed(self) -> Sequence[Event]:
        """Tell that there will be no scores."""
        failed = EvaluationFailed(
            evaluation_id=self.id,
            model_id=self.scope.model_id,
            cause=self.cause or "",
            detail=self.detail or "",
        )
        return [failed]


class EvaluationView(Public, Scope, Outcome):
    """An evaluation as the API shows it."""

    state: State
    wanted: Wanted
    job_id: str | None = Field(default=None, description="the training job that asked for it in its `after` list")
    progress: Progress | None = None
    attempts: int
    cause: str | None = Field(default=None, description="stable code of a failure")
    detail: str | None = Field(default=None, description="what went wrong, in words")
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @classmethod
    def of(cls, evaluation: Evaluation) -> "EvaluationView":
        """The public side of `evaluation`."""
        parts = evaluation.model_dump(exclude={"scope", "outcome"})
        return cls(**parts, **evaluation.scope.model_dump(), **evaluation.outcome.model_dump())


class PredictionPage(BaseModel):
    """A slice of the rows, in the order that was asked for."""

    items: list[Prediction]
    offset: int
    total: int
