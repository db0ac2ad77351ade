"""Judgements: the request and the views."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from services.evaluation.evals.models import MAX_ITEMS, EvalRun, ModelUsage
from services.evaluation.graders.pairwise import JUDGE_TOKENS
from services.evaluation.json_object import JsonObject
from shared.documents.entities import Public
from shared.runtime.jobs.work import State

Outcome = Literal["candidate", "tie", "baseline"]
OUTCOMES: tuple[Outcome, ...] = ("candidate", "tie", "baseline")
Interval = tuple[float, float]
Values = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=20)]


def _without_slash(url: str) -> str:
    return url.rstrip("/")


class Judge(BaseModel):
    """The model that compares: one of this platform, or with `base_url` one elsewhere."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1, max_length=200, description="id of a model here, or the model's name elsewhere")
    base_url: Annotated[str, AfterValidator(_without_slash)] | None = Field(
        default=None,
        max_length=2048,
        pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$",
        description="address before /chat/completions of an OpenAI-compatible endpoint, such as https://host/v1; the "
        "rows and both answers are sent there",
    )
    api_key: SecretStr | None = Field(
        default=None, min_length=1, description="key of the endpoint; never shown, deleted when the judgement ends"
    )
    max_tokens: int = Field(default=JUDGE_TOKENS, ge=1, le=32_768, description="maximum tokens of an answer")
    parameters: JsonObject = Field(
        default={},
        description="sent to the endpoint, over temperature 0 and max_tokens; a null leaves one out",
    )

    @model_validator(mode="after")
    def _check_elsewhere(self) -> "Judge":
        if self.base_url is None and (self.api_key or self.parameters):
            raise ValueError("api_key and parameters are for base_url only")
        if reserved := {"model", "messages", "stream", "n"} & self.parameters.keys():
            raise ValueError(f"parameters may not have {', '.join(sorted(reserved))}")
        return self


class Votes(BaseModel):
    """Where people have voted: the column, and which of its values stand for whom, in any case."""

    model_config = ConfigDict(extra="forbid")

    column: str = Field(min_length=1, max_length=200, description="a column of the rows")
    baseline: Values = Field(default=["baseline"], description="values that prefer the baseline")
    candidate: Values = Field(default=["candidate"], description="values that prefer the candidate")
    tie: Values = Field(default=["tie"], description="values that prefer neither")

    @model_validator(mode="after")
    def _check_values(self) -> "Votes":
        values = [value.strip().casefold() for value in (*self.baseline, *self.candidate, *self.tie)]
        if len(set(values)) < len(values):
            raise ValueError("a value stands for two outcomes")
        return self

    def meanings(self) -> Mapping[str, Outcome]:
        """Value of the column, in lower case -> what it means."""
        return {value.strip().casefold(): outcome for outcome in OUTCOMES for value in getattr(self, outcome)}


class JudgementRequest(BaseModel):
    """What to compare, and who judges."""

    model_config = ConfigDict(extra="forbid")

    candidate: str = Field(max_length=100, description="a succeeded evaluation, or a completed eval run")
    baseline: str | None = Field(
        default=None,
        max_length=100,
        description="another of the same rows; null: the base model in the candidate's evaluation",
    )
    judge: Judge
    prompt: str | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="template of the judge's prompt, with item.answer_1 and item.answer_2; null: the documented one",
    )
    reference: bool | None = Field(
        default=None,
        description="whether the documented prompt shows the reference answer; null: if every row has one",
    )
    rows: int | None = Field(
        default=None, ge=1, le=MAX_ITEMS, description="a sample of the rows with a fixed seed; null: all of them"
    )
    votes: Votes | None = Field(default=None, description="compare the judge with people's votes in the rows")

    @model_validator(mode="after")
    def _check_prompt(self) -> "JudgementRequest":
        if self.prompt is not None and self.reference is not None:
            raise ValueError("reference is for the documented prompt; write {{ item.reference }} in your own")
        return self


class JudgeView(BaseModel):
    """Who judges."""

    model: str
    base_url: str | None = Field(default=None, description="null: a model of this platform")
    max_tokens: int
    prompt: str = Field(description="the template of its prompt")


class SignTest(BaseModel):
    """Whether wins differ from losses: the exact sign test, which is McNemar's, without ties."""

    difference: float = Field(description="(wins minus losses) / judged rows")
    interval: Interval = Field(description="95 % confidence interval of the difference")
    p_value: float = Field(description="two-sided, exact")
    verdict: Literal["better", "worse", "no_difference", "too_few_rows"] = Field(
        description="better or worse if p_value < 0.05; too_few_rows: no result of so few rows has such a p_value"
    )


class PositionBias(BaseModel):
    """How often the judge preferred what it read first; without bias half of the time."""

    first: int = Field(description="verdicts for the answer that came first")
    second: int = Field(description="verdicts for the answer that came second")
    ties: int = Field(description="verdicts for neither")
    first_share: float | None = Field(description="first / (first + second)")
    interval: Interval | None = Field(description="95 % confidence interval of first_share")
    always_first: int = Field(description="rows whose first answer was preferred in both orders")
    always_second: int = Field(description="rows whose second answer was preferred in both orders")
    p_value: float = Field(description="exact test of always_first against always_second, two-sided")


class Agreement(BaseModel):
    """The judge beside people's votes."""

    column: str
    rows: int = Field(description="rows with a vote and an outcome")
    agreement: float | None = Field(description="share of equal outcomes")
    kappa: float | None = Field(description="Cohen's kappa of candidate, tie and baseline; null: undefined")
    interval: Interval | None = Field(description="95 % confidence interval of kappa, by the bootstrap over rows")
    table: dict[Outcome, dict[Outcome, int]] = Field(description="vote -> outcome -> rows")
    unknown_values: dict[str, int] = Field(description="values of the column without a meaning, at most 20, with rows")


class JudgementResult(BaseModel):
    """The rows that are judged so far."""

    judged: int = Field(description="rows with a verdict in both orders, or with equal answers")
    wins: int = Field(description="the candidate was preferred in both orders")
    losses: int = Field(description="the baseline was preferred in both orders")
    ties: int = Field(description="all others: inconsistent ones, and those that were ties in both orders")
    inconsistent: int = Field(description="of the ties: the two orders disagree")
    identical: int = Field(description="of the ties: equal answers, about which the judge was not asked")
    errors: dict[str, int] = Field(description="rows without an outcome, by the code of the reason")
    win_rate: float | None = Field(description="(wins + ties / 2) / judged")
    interval: Interval | None = Field(description="95 % confidence interval of win_rate")
    test: SignTest | None = Field(description="wins against losses")
    consistency: float | None = Field(description="share of the rows asked about whose orders agree")
    consistency_interval: Interval | None = Field(description="95 % confidence interval of consistency")
    position: PositionBias | None = Field(description="the judge's bias to a position")
    votes: Agreement | None = Field(default=None, description="agreement with people's votes")
    headline: str = Field(description="the result in a sentence")


class JudgementView(Public):
    """A judgement."""

    state: State
    eval_id: str = Field(description="the eval of which it is a run, for /v1/evals")
    baseline: str = Field(description="id of the evaluation or eval run")
    candidate: str = Field(description="id of the evaluation or eval run")
    baseline_model: str
    candidate_model: str
    judge: JudgeView
    rows: int = Field(description="rows to judge")
    done: int = Field(description="rows with an outcome or an error")
    skipped: int = Field(description="rows that are not judged: a model gave no answer")
    items: str = Field(description="path of the rows: prompts as they were sent, answers, and verdicts")
    usage: list[ModelUsage] = Field(description="the judge's tokens")
    result: JudgementResult | None = Field(default=None, description="null in lists, and before the first row")
    cause: str | None = Field(default=None, description="error code of a failure")
    detail: str | None = Field(default=None, description="description of a failure")
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @classmethod
    def of(cls, run: EvalRun, result: JudgementResult | None = None) -> "JudgementView":
        """The view of a judgement's run."""
        assert run.judged
        criterion, tally = run.criteria[0], run.tally
        return cls(
            **run.model_dump(include={"id", "project", "created_at", "updated_at", "state", "eval_id", "cause"}),
            **run.model_dump(include={"detail", "started_at", "finished_at"}),
            **run.judged.model_dump(exclude={"votes"}),
            judge=JudgeView(
                model=criterion["model"],
                base_url=criterion["base_url"],
                max_tokens=criterion["max_tokens"],
                prompt=criterion["input"][0]["content"],
            ),
            rows=tally.total,
            done=tally.passed + tally.failed + tally.errored,
            items=f"/v1/evals/{run.eval_id}/runs/{run.id}/output_items",
            usage=tally.usage,
            result=result,
        )
