"""Response models of comparisons of evaluations."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from services.evaluation.models import AnswerStatistics, Comparison, Imported
from shared.warnings import ReportedWarning

MAX_COMPARED = 10
Change = Literal["better", "worse", "same"]


class AdjustedComparison(Comparison):
    """A paired test beside others: the verdict follows the adjusted p-value."""

    p_adjusted: float = Field(description="p_value, adjusted by Holm for the number of models that are compared")


class Compared(BaseModel):
    """One of the evaluations that are compared."""

    evaluation_id: str = Field(description="the evaluation")
    model_id: str = Field(description="its custom model")
    base: str | None = Field(default=None, description="name of the base model")
    headline: str = Field(default="", description="what its tests against the first found, in words")
    answers: AnswerStatistics | None = Field(default=None, description="length and speed of its answers")


class Entry(BaseModel):
    """A model in a leaderboard."""

    evaluation_id: str = Field(description="the evaluation")
    model_id: str = Field(description="its custom model")
    score: float = Field(description="the score over all rows")
    interval: tuple[float, float] | None = Field(default=None, description="95 % confidence interval")
    comparison: AdjustedComparison | None = Field(
        default=None, description="paired test against the first evaluation; null for itself"
    )


class Leaderboard(BaseModel):
    """The models by one score, best first."""

    metric: str = Field(description="the score")
    lower_is_better: bool = Field(default=False, description="true for perplexity, and where an import says so")
    entries: list[Entry]


class ComparisonView(BaseModel):
    """A comparison of evaluations of the same rows."""

    baseline: str = Field(description="the first evaluation, against which the others are tested")
    dataset_id: str | None = Field(description="the dataset; null: the rows are those of an import")
    dataset_version: str | None = Field(description="its version")
    imported: Imported | None = Field(default=None, description="what marks the baseline as imported")
    split: str = Field(description="the split")
    rows: int = Field(description="rows that all of them scored")
    correction: Literal["holm"] | None = Field(
        default=None, description="holm: with more than two models, p-values are adjusted for each score"
    )
    evaluations: list[Compared] = Field(description="the evaluations, in the order of the request")
    leaderboards: list[Leaderboard] = Field(description="one for each score that all of them have")
    warnings: list[ReportedWarning] = Field(default=[], description="scores that are left out, and why")


class ChangedRow(BaseModel):
    """A row with the answers of two models."""

    row: int = Field(description="index in the split")
    source: str = Field(default="", description="file:line of the row in the upload")
    prompt: list[dict[str, Any]] = Field(default=[], description="the messages before the reference answer")
    reference: str = Field(default="", description="the reference answer")
    baseline: str | None = Field(default=None, description="the baseline's answer")
    candidate: str | None = Field(default=None, description="the candidate's answer")
    baseline_score: float = Field(description="the baseline's score of the row")
    candidate_score: float = Field(description="the candidate's score of the row")


class ChangePage(BaseModel):
    """Rows [offset, offset + limit) of those that changed as requested, the largest changes first."""

    metric: str = Field(description="the score of a row by which it got better or worse")
    counts: dict[Change, int] = Field(description="rows by change")
    items: list[ChangedRow]
    offset: int
    total: int = Field(description="rows with the requested change")
