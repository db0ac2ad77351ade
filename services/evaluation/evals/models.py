"""Evals, their runs and output items: the entities."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer

from shared.documents.entities import Entity, now
from shared.events.envelope import Event
from shared.events.evaluation import EvalRunCanceled, EvalRunFailed, EvalRunSucceeded
from shared.runtime.jobs.work import State, Work
from shared.runtime.jobs.worker import MAX_ATTEMPTS

MAX_ITEMS = 10_000
"""Rows of a run, which its worker holds in memory."""
StoredJson = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: json.loads(value) if isinstance(value, str) else value),
    PlainSerializer(json.dumps, return_type=str),
]
"""What users send is stored as text: its names may hold dots and dollars, its numbers exceed 64 bits."""
OWN = "evaluation"
"""Who answered where it is not stored: before inference was asked, the service loaded every model itself."""
ItemStatus = Literal["pending", "pass", "fail", "error"]
RunStatus = Literal["queued", "in_progress", "completed", "canceled", "failed"]
STATUSES: Mapping[State, RunStatus] = {
    "queued": "queued",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "canceled",
}
"""OpenAI's status where it is not in_progress."""


class Eval(Entity):
    """Testing criteria for rows of one schema."""

    NOUN: ClassVar[str] = "eval"
    LISTED_AT: ClassVar[str] = "/v1/evals"

    name: str = Field(description="display name")
    metadata: dict[str, str] | None = Field(default=None, description="key-value pairs of its owner")
    item_schema: StoredJson = Field(description="JSON schema of a row, as text")
    include_sample: bool = Field(description="whether rows have, or runs generate, a sample to grade")
    testing_criteria: list[dict[str, Any]] = Field(description="the graders, as they were sent")


class PinnedModel(BaseModel):
    """A model as it was when the run was created."""

    id: str = Field(description="its id")
    uri: str = Field(description="its artifact")
    template_hash: str = Field(description="hash of its tokenizer and chat template")


class EndpointFailed(Exception):
    """An endpoint gives no answers; `temporary`: it may later."""

    def __init__(self, code: str, detail: str, *, temporary: bool = False) -> None:
        super().__init__(detail)
        self.code, self.detail, self.temporary = code, detail, temporary


class Endpoint(BaseModel):
    """An OpenAI-compatible endpoint whose model judges."""

    base_url: str = Field(description="address before /chat/completions")
    model: str = Field(description="the model there")
    parameters: StoredJson = Field(default={}, description="what is sent beside model and messages, as text")
    secret: str | None = Field(default=None, description="API key, encrypted; removed as soon as the run ends")


class Sides(BaseModel):
    """What a judgement compares: two evaluations, or two eval runs."""

    baseline: str = Field(description="id of an evaluation or an eval run")
    candidate: str = Field(description="id of an evaluation or an eval run")
    baseline_model: str = Field(description="the model that gave the baseline's answers")
    candidate_model: str = Field(description="the model that gave the candidate's answers")
    skipped: int = Field(default=0, description="rows without an answer of both")
    votes: dict[str, Any] | None = Field(default=None, description="the column with votes of people, and its values")


class CriterionCounts(BaseModel):
    """Rows by their result for one testing criterion."""

    testing_criteria: str
    passed: int = 0
    failed: int = 0
    errored: int = Field(default=0, description="not in OpenAI's API: rows that could not be graded")


class ModelUsage(BaseModel):
    """What a model was asked, and its tokens."""

    model_name: str
    invocation_count: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    total_tokens: int = 0
    answered_by: dict[str, int] = Field(
        default={},
        description="not in OpenAI's API: answers by the service whose engine gave them",
    )


class Tally(BaseModel):
    """The results of a run so far."""

    total: int = Field(default=0, description="rows")
    passed: int = Field(default=0, description="rows that pass every criterion")
    failed: int = Field(default=0, description="rows that fail one")
    errored: int = Field(default=0, description="rows without an answer, or with a criterion that could not be graded")
    criteria: list[CriterionCounts] = Field(default=[], description="results by criterion")
    usage: list[ModelUsage] = Field(default=[], description="tokens by model")


class OutputItem(Entity):
    """A row of a run: its answer and its results."""

    NOUN: ClassVar[str] = "output item"

    eval_id: str = Field(description="the eval")
    run_id: str = Field(description="the run")
    number: int = Field(description="position in the data source, from 0")
    status: ItemStatus = Field(default="pending", description="pending until every criterion has its result")
    item: StoredJson = Field(description="the row, as text")
    sample: dict[str, Any] | None = Field(default=None, description="the answer, in OpenAI's format; null: not yet")
    results: list[dict[str, Any]] = Field(default=[], description="results, in the order in which they were found")

    @property
    def output_text(self) -> str | None:
        """The text of the answer; None while there is none."""
        return None if self.sample is None else str(self.sample["output"][0]["content"] or "")

    @property
    def done(self) -> list[str]:
        """The criteria that have a result."""
        return [result["name"] for result in self.results]

    def answer(self, sample: dict[str, Any]) -> None:
        """Keep the answer, unless there is one."""
        self.sample = self.sample or sample

    def grade(self, results: Iterable[dict[str, Any]], criteria: Sequence[str]) -> None:
        """Keep the results of criteria that have none yet; the last one ends the row."""
        self.results += [result for result in results if result["name"] not in self.done]
        if set(criteria) <= set(self.done):
            errored = any("error" in result for result in self.results)
            passed = all(result["passed"] for result in self.results)
            self.status = "error" if errored else "pass" if passed else "fail"


class EvalRun(Work):
    """A run of an eval over rows, whose answers a model gives or the rows hold."""

    NOUN: ClassVar[str] = "eval run"

    eval_id: str = Field(description="the eval")
    name: str = Field(description="display name")
    metadata: dict[str, str] | None = Field(default=None, description="key-value pairs of its owner")
    data_source: StoredJson = Field(description="rows, model and sampling parameters as they were sent, as text")
    criteria: list[dict[str, Any]] = Field(description="the eval's testing criteria")
    item_schema: StoredJson = Field(description="the eval's schema of a row, as text")
    models: dict[str, PinnedModel] = Field(
        default={}, description="the models that it asks, by the name in the request"
    )
    dataset_id: str | None = Field(default=None, description="the dataset of its rows")
    dataset_uri: str | None = Field(default=None, description="its version")
    not_served: list[str] = Field(default=[], description="the models of these names that inference does not serve")
    judged: Sides | None = Field(default=None, description="what a judgement compares; null: a run of another eval")
    endpoint: Endpoint | None = Field(default=None, description="where the judge answers, if not here")
    tally: Tally = Field(default=Tally(), description="results so far")

    def loaded_models(self, *, reachable: bool) -> set[str]:
        """Names of the models that the service loads itself: all if inference is not `reachable`."""
        return labelled(self.criteria) | set(self.not_served) if reachable else set(self.models)

    def served_models(self, *, reachable: bool) -> list[str]:
        """Names of the models whose answers inference, or the endpoint, gives."""
        if self.endpoint:
            return [self.endpoint.model]
        return sorted(set(self.models) - set(self.not_served)) if reachable else []

    def load_here(self, model: str) -> None:
        """Return it to the queue, to go on with a model that inference does not serve."""
        self.not_served = [*self.not_served, model]
        self.hand_back(counts=False)

    def lose_endpoint(self, failure: EndpointFailed, tally: Tally) -> Sequence[Event]:
        """Try again where that may help; without attempts left, fail. What is graded stays."""
        self.tally = tally
        if self.wanted == "cancel":
            return self.mark_cancelled()
        if failure.temporary and self.attempts < MAX_ATTEMPTS:
            self.hand_back(counts=True)
            return ()
        return self.fail(failure.code, failure.detail)

    def _forget_key(self) -> None:
        if self.endpoint:
            self.endpoint.secret = None

    @property
    def status(self) -> RunStatus:
        """OpenAI's status."""
        return STATUSES.get(self.state, "in_progress")

    @property
    def model(self) -> str:
        """The model that answers; empty where the rows hold the answers."""
        return str(self.data_source.get("model") or "")

    @property
    def criterion_names(self) -> list[str]:
        """The names of its criteria."""
        return [criterion["name"] for criterion in self.criteria]

    def record(self, tally: Tally) -> None:
        """Record the results so far."""
        self.tally = tally

    def expect(self, rows: int) -> None:
        """Count the rows that are to be graded."""
        counts = [CriterionCounts(testing_criteria=name) for name in self.criterion_names]
        self.tally = Tally(total=rows, criteria=counts)

    def succeed(self, tally: Tally) -> Sequence[Event]:
        """End it with all results."""
        self.tally, self.state, self.finished_at, self.runner = tally, "succeeded", now(), None
        self._forget_key()
        return [EvalRunSucceeded(run_id=self.id, eval_id=self.eval_id)]

    def on_failed(self) -> Sequence[Event]:
        """The event of a failure."""
        self._forget_key()
        failure = {"cause": self.cause or "", "detail": self.detail or ""}
        return [EvalRunFailed(run_id=self.id, eval_id=self.eval_id, **failure)]

    def on_cancelled(self) -> Sequence[Event]:
        """The event of a cancellation."""
        self._forget_key()
        return [EvalRunCanceled(run_id=self.id, eval_id=self.eval_id)]


def labelled(definitions: Iterable[Mapping[str, Any]]) -> set[str]:
    """The models of graders that choose a label, by its likelihood, which inference does not tell."""
    parts = [part for each in definitions for part in (each, *each.get("graders", {}).values())]
    return {part["model"] for part in parts if part["type"] == "label_model"}


def count(run: EvalRun, items: Iterable[OutputItem]) -> Tally:
    """Count the results of a run's rows; in plain counters, since it is done every second for all rows."""
    statuses: Counter[str] = Counter()
    outcomes: Counter[tuple[str, str]] = Counter()
    tokens: dict[str, Counter[str]] = {}
    answered: dict[str, Counter[str]] = {}
    for item in items:
        statuses[item.status] += 1
        for result in item.results:
            outcomes[
                result["name"], "errored" if "error" in result else "passed" if result["passed"] else "failed"
            ] += 1
        for model, usage, answered_by in _usages(run, item):
            tokens.setdefault(model, Counter()).update(usage)
            answered.setdefault(model, Counter())[answered_by] += 1
    names = ("passed", "failed", "errored")
    return Tally(
        total=statuses.total(),
        passed=statuses["pass"],
        failed=statuses["fail"],
        errored=statuses["error"],
        criteria=[
            CriterionCounts(testing_criteria=criterion, **{name: outcomes[criterion, name] for name in names})
            for criterion in run.criterion_names
        ],
        usage=[
            ModelUsage(model_name=name, invocation_count=by.total(), answered_by=dict(by), **tokens[name])
            for name, by in answered.items()
        ],
    )


def _usages(run: EvalRun, item: OutputItem) -> Iterable[tuple[str, Mapping[str, int], str]]:
    """The answers of a row: model, tokens, and the service that answered."""
    if item.sample and item.sample["usage"] and run.model:
        yield run.model, item.sample["usage"], item.sample.get("answered_by", OWN)
    for result in item.results:
        details = result["sample"] or {}
        for part in details.get("parts", [details]):
            if "usage" in part:
                yield part["model"], part["usage"], part.get("answered_by", OWN)
