"""Events of aliases: the inference service owns them, and the evaluation service evaluates their candidates."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from shared.events.envelope import Event
from shared.suites import StoredSuite

CandidateState = Literal["evaluating", "passed", "promoted", "refused", "failed", "cancelled"]


class GraderOutcome(BaseModel):
    """The results of one grader. A row that cannot be graded has the score 0 and does not pass.

    Such a row refuses a candidate: on another scale than 0 to 1, the score 0 may be a good one.
    """

    grader: str = Field(description="name of the testing criterion")
    rows: int
    errored: int = Field(description="rows of the candidate that could not be graded")
    error: str | None = Field(default=None, description="why the first of them could not")
    mean: float = Field(description="mean score of the candidate")
    pass_share: float
    current_mean: float | None = Field(default=None, description="of the current model; null: not evaluated")
    current_pass_share: float | None = None
    current_errored: int = Field(default=0, description="rows of the current model that could not be graded")
    current_error: str | None = Field(default=None, description="why the first of them could not")
    paired_rows: int = Field(default=0, description="rows that could be graded for the current model")
    difference: float | None = Field(default=None, description="mean of candidate - current over the paired rows")
    low: float | None = Field(default=None, description="lower end of its 95 % interval")
    high: float | None = Field(default=None, description="upper end of its 95 % interval")


class RowOutcome(BaseModel):
    """A row that got worse, could not be graded, or failed a grader whose threshold is missed."""

    number: int = Field(description="position in the data source, from 0")
    grader: str
    score: float
    error: str | None = Field(default=None, description="why it could not be graded: its score 0 says nothing")
    current_score: float | None = Field(description="null: the current model was not evaluated, or not graded")
    item_id: str = Field(description="output item of the candidate's run")
    current_item_id: str | None = Field(description="output item of the current model's run")


class SliceOutcome(BaseModel):
    """The results of one grader on the rows with one value of the suite's `slice_by`."""

    value: str = Field(description="the value as JSON, cut to 100 characters")
    grader: str
    rows: int
    mean: float
    current_mean: float | None


class Outcome(BaseModel):
    """The results of a candidate."""

    graders: list[GraderOutcome] = []
    rows: list[RowOutcome] = Field(default=[], description="the 50 with the largest loss")
    rows_total: int = Field(default=0, description="number of such results, of which `rows` lists some")
    slices: list[SliceOutcome] = Field(default=[], description="of the 20 values with the most rows")
    slices_total: int = Field(default=0, description="number of values")


class AliasCandidateSubmitted(Event):
    """A candidate is to be evaluated by the suite, and the current model on the same rows where one is named."""

    type: ClassVar[str] = "alias.candidate_submitted.v1"
    candidate_id: str
    round: int
    alias: str
    model_id: str
    current_model_id: str | None
    suite: StoredSuite


class AliasCandidateEvaluated(Event):
    """The runs of a candidate have ended. `cause` and `detail` say why one did not succeed."""

    type: ClassVar[str] = "alias.candidate_evaluated.v1"
    candidate_id: str
    round: int
    state: Literal["succeeded", "failed", "cancelled"]
    run_id: str | None = None
    current_run_id: str | None = None
    cause: str | None = None
    detail: str | None = None
    outcome: Outcome = Outcome()


class AliasCandidateDecided(Event):
    """A candidate was evaluated, and waits for a person (passed) or is no longer one (refused, failed, cancelled)."""

    type: ClassVar[str] = "alias.candidate_decided.v1"
    candidate_id: str
    alias_id: str
    alias: str
    model_id: str
    state: CandidateState
    reason: str


class AliasCreated(Event):
    """An alias points at its first model."""

    type: ClassVar[str] = "alias.created.v1"
    alias_id: str
    alias: str
    model_id: str
    actor: str


class AliasPromoted(Event):
    """An alias points at the candidate's model."""

    type: ClassVar[str] = "alias.promoted.v1"
    alias_id: str
    alias: str
    model_id: str
    previous_model_id: str
    candidate_id: str
    actor: str
    reason: str | None


class AliasRolledBack(Event):
    """An alias points at the model before again."""

    type: ClassVar[str] = "alias.rolled_back.v1"
    alias_id: str
    alias: str
    model_id: str
    previous_model_id: str
    actor: str
    reason: str | None
