"""Aliases and candidates, with their state machines. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from services.inference.aliases.errors import CandidateOutdated, NothingToRollBackTo, NotPromotable
from shared.documents.entities import Entity, now
from shared.documents.spec import Transition
from shared.events.aliases import (
    AliasCandidateDecided,
    AliasCandidateEvaluated,
    AliasCandidateSubmitted,
    AliasPromoted,
    AliasRolledBack,
    CandidateState,
    GraderOutcome,
    Outcome,
)
from shared.events.envelope import Event
from shared.runtime.errors import Conflict
from shared.suites import StoredSuite, Suite

HISTORY_LIMIT = 100
"""Latest changes that an alias lists; the audit log has all."""
PREVIOUS_LIMIT = 20
MIN_PAIRED_ROWS = 20
"""Fewer rows say too little about a difference: the bootstrap's interval is then too narrow."""


class Change(BaseModel):
    """A change of the model that an alias points at."""

    action: Literal["created", "promoted", "rolled_back"]
    at: datetime = Field(default_factory=now, description="UTC")
    actor: str = Field(description="who: a key, `operator`, or `anneal/inference` where auto_promote did")
    reason: str | None = Field(default=None, description="as its actor gave it")
    model_id: str = Field(description="from then on")
    previous_model_id: str | None = Field(default=None, description="until then")
    candidate_id: str | None = Field(default=None, description="the promoted candidate")


class Alias(Entity):
    """A name that applications call, and the model that answers."""

    NOUN: ClassVar[str] = "alias"
    LISTED_AT: ClassVar[str] = "/aliases"

    name: str = Field(description="what requests name as their model")
    model_id: str = Field(description="the model that answers")
    previous: list[str] = Field(default=[], description="the models before it, the latest last; rollback goes back")
    suite: StoredSuite | None = Field(default=None, description="what evaluates candidates, as JSON text")
    auto_promote: bool = Field(default=False, description="promote a candidate that passes without a person")
    description: str = Field(default="", description="its owner's note")
    history: list[Change] = Field(default=[], description="the latest 100 changes of the model, oldest first")

    @property
    def kept(self) -> list[str]:
        """The models that stay loaded: the current one, and that to which a rollback goes."""
        return list(dict.fromkeys([self.model_id, *self.previous[-1:]]))

    def has_promoted(self, candidate_id: str) -> bool:
        """Whether it has pointed at the candidate's model, which the candidate may not know yet."""
        return any(change.candidate_id == candidate_id for change in self.history)

    def changed_since(self, time: datetime) -> bool:
        """Whether its model has changed since then."""
        return self.history[-1].at > time

    def promote(self, candidate: "Candidate", actor: str, reason: str | None) -> Sequence[Event]:
        """Point at the candidate's model. Idempotent. Raises NotPromotable and CandidateOutdated."""
        if self.has_promoted(candidate.id):
            return ()
        candidate.require_passed()
        candidate.require_current(self.model_id)
        self.require_other(candidate.model_id)
        before = self.model_id
        self.previous = [*self.previous, before][-PREVIOUS_LIMIT:]
        self._point("promoted", candidate.model_id, actor, reason, candidate.id)
        return [
            AliasPromoted(
                alias_id=self.id,
                alias=self.name,
                model_id=self.model_id,
                previous_model_id=before,
                candidate_id=candidate.id,
                actor=actor,
                reason=reason,
            )
        ]

    def require_other(self, model_id: str) -> None:
        """Raise Conflict for the model that it points at: promoted again, a rollback would go back to it."""
        if model_id == self.model_id:
            detail = f"{model_id} is the alias's model already."
            raise Conflict(detail, field="model", remedy="Submit another model.")

    def roll_back(self, seen: list[str], existing: list[str], actor: str, reason: str | None) -> Sequence[Event]:
        """Point at the last that exists of the models before.

        Raises NothingToRollBackTo, and Conflict where the models before are not those that were `seen`.
        """
        existing = _before(self.model_id, existing)
        if not existing:
            remedy = "Submit a model as a candidate, and promote it."
            raise NothingToRollBackTo("The alias has no model before this one.", field="name", remedy=remedy)
        if self.previous != seen:
            remedy = "GET the alias, and send the rollback again if it is still what you want."
            raise Conflict("The alias was changed by another request.", field="name", remedy=remedy)
        before, target = self.model_id, existing[-1]
        self.previous = _before(target, existing)
        self._point("rolled_back", target, actor, reason)
        change = {"model_id": target, "previous_model_id": before}
        return [AliasRolledBack(alias_id=self.id, alias=self.name, actor=actor, reason=reason, **change)]

    def _point(
        self,
        action: Literal["promoted", "rolled_back"],
        model_id: str,
        actor: str,
        reason: str | None,
        candidate_id: str | None = None,
    ) -> None:
        change = Change(
            action=action,
            actor=actor,
            reason=reason,
            model_id=model_id,
            previous_model_id=self.model_id,
            candidate_id=candidate_id,
        )
        self.model_id, self.history = model_id, [*self.history, change][-HISTORY_LIMIT:]


def _before(model_id: str, previous: list[str]) -> list[str]:
    """The models before `model_id`: where one between them was deleted, it may follow itself."""
    while previous and previous[-1] == model_id:
        previous = previous[:-1]
    return previous


class Candidate(Entity):
    """A model that may become an alias's, and what its evaluation found."""

    NOUN: ClassVar[str] = "candidate"
    LISTED_AT: ClassVar[str] = "/aliases/{name}/candidates"

    TRANSITIONS: ClassVar[tuple[Transition, ...]] = (
        Transition("", "evaluating", "it is submitted"),
        Transition("", "passed", "it is submitted to an alias without a suite"),
        Transition(
            "evaluating, passed", "evaluating", "the alias's model has changed: it is compared with the new one"
        ),
        Transition("evaluating", "passed", "its results are what the suite demands"),
        Transition("evaluating", "refused", "they are not"),
        Transition("evaluating", "failed", "a run fails, or the suite cannot be used"),
        Transition("evaluating", "cancelled", "a run is cancelled, or the alias is deleted"),
        Transition("passed", "promoted", "a person promotes it, or the alias's auto_promote does"),
    )

    alias_id: str = Field(description="the alias")
    alias: str = Field(description="its name")
    model_id: str = Field(description="the model")
    state: CandidateState = Field(default="evaluating", description="see the state machine")
    reasons: list[str] = Field(default=[], description="why it has this state")
    submitted_by: str = Field(description="who: a key, `operator`, or `anneal/training` for a job's `after`")
    suite: StoredSuite | None = Field(default=None, description="the alias's when it was submitted, as JSON text")
    round: int = Field(default=1, description="evaluations so far")
    current_model_id: str | None = Field(default=None, description="what it is compared with; null: with nothing")
    run_id: str | None = Field(default=None, description="its run of the eval")
    current_run_id: str | None = Field(default=None, description="the current model's run on the same rows")
    outcome: Outcome = Field(default=Outcome(), description="the results")
    decided_at: datetime | None = Field(default=None, description="end of its evaluation")

    def submitted(self) -> Sequence[Event]:
        """The event that starts its evaluation; none without a suite."""
        if self.suite is None:
            return ()
        event = AliasCandidateSubmitted(
            candidate_id=self.id,
            round=self.round,
            alias=self.alias,
            model_id=self.model_id,
            current_model_id=self.current_model_id,
            suite=self.suite,
        )
        return [event]

    def compare_again(self, current_model_id: str) -> Sequence[Event]:
        """Compare it with the alias's new model. Idempotent."""
        if self.state not in ("evaluating", "passed") or self.current_model_id in (None, current_model_id):
            return ()
        self.state, self.reasons, self.decided_at = "evaluating", [], None
        self.round, self.current_model_id = self.round + 1, current_model_id
        return self.submitted()

    def decide(self, event: AliasCandidateEvaluated) -> Sequence[Event]:
        """Keep the results, and what they mean. Idempotent; results of an earlier round are ignored."""
        if self.state != "evaluating" or event.round != self.round or self.suite is None:
            return ()
        self.run_id, self.current_run_id, self.outcome = event.run_id, event.current_run_id, event.outcome
        if event.state != "succeeded":
            return self._end(event.state, [f"{event.cause}: {event.detail}" if event.cause else event.detail or ""])
        missed = missed_by(self.suite, event.outcome)
        if missed:
            return self._end("refused", missed)
        notes = not_compared(self.suite, event.outcome)
        return self._end("passed", ["The results are what the suite demands.", *notes])

    def cancel(self, reason: str) -> Sequence[Event]:
        """End its evaluation without a decision. Idempotent."""
        return self._end("cancelled", [reason]) if self.state == "evaluating" else ()

    def _end(self, state: CandidateState, reasons: list[str]) -> Sequence[Event]:
        self.state, self.reasons, self.decided_at = state, reasons, now()
        named = {"alias_id": self.alias_id, "alias": self.alias, "model_id": self.model_id}
        return [AliasCandidateDecided(candidate_id=self.id, state=state, reason=" ".join(reasons)[:1000], **named)]

    def note(self, reason: str) -> None:
        """Add a reason. Idempotent."""
        self.reasons = [*self.reasons, *({reason} - {*self.reasons})]

    def mark_promoted(self) -> None:
        """The alias points at its model. Idempotent."""
        self.state = "promoted"

    def require_passed(self) -> None:
        """Raise NotPromotable in another state."""
        if self.state != "passed":
            remedy = "Wait until it has passed." if self.state == "evaluating" else "Submit another model, or it again."
            detail = f"The candidate is {self.state}. {' '.join(self.reasons)}".strip()
            raise NotPromotable(detail, field="candidate_id", limit="passed", remedy=remedy)

    def require_still_current(self, model_id: str) -> None:
        """Raise NotPromotable for a promoted candidate whose model the alias has left since, such as by a rollback."""
        if self.model_id != model_id:
            detail = f"The candidate was promoted, and the alias now has {model_id}."
            raise NotPromotable(detail, field="candidate_id", limit=model_id, remedy="Submit the model again.")

    def require_current(self, model_id: str) -> None:
        """Raise CandidateOutdated where it was compared with another model than this one."""
        if self.current_model_id not in (None, model_id):
            detail = f"The candidate was compared with {self.current_model_id}, and the alias now has {model_id}."
            remedy = "Submit the model again: it is then compared with that one."
            raise CandidateOutdated(detail, field="candidate_id", limit=self.current_model_id, remedy=remedy)


def missed_by(suite: Suite, outcome: Outcome) -> list[str]:
    """What of the suite's demands the results do not meet, in words; empty if they meet all."""
    missed = []
    for each in outcome.graders:
        threshold = suite.thresholds.get(each.grader)
        if each.errored and (threshold or suite.max_regression is not None):
            missed.append(
                f"{each.grader}: {each.errored} of {each.rows} rows could not be graded, so that nothing says how good "
                f"they are; the first: {each.error}"
            )
            continue
        if threshold:
            missed += [f"{each.grader}: {miss}." for miss in threshold.misses(each.mean, each.pass_share)]
        if suite.max_regression is not None and not _is_incomparable(suite, each):
            missed += _regression(each, suite.max_regression)
    return missed


def not_compared(suite: Suite, outcome: Outcome) -> list[str]:
    """The comparisons that max_regression does without, in words: the current model is broken, a threshold decides."""
    return [
        f"{each.grader}: not compared, as {each.current_errored} of {each.rows} rows could not be graded for the "
        f"current model (the first: {each.current_error}); its threshold decided alone."
        for each in outcome.graders
        if _is_incomparable(suite, each)
    ]


def _is_incomparable(suite: Suite, found: GraderOutcome) -> bool:
    """Whether the current model has too few graded rows for a comparison, and a threshold decides without one."""
    has_enough_rows = found.rows >= MIN_PAIRED_ROWS > found.paired_rows
    return has_enough_rows and found.current_errored > 0 and found.grader in suite.thresholds


def _regression(found: GraderOutcome, allowed: float) -> list[str]:
    """How the difference to the current model exceeds what is allowed."""
    if found.paired_rows < MIN_PAIRED_ROWS or found.low is None:
        few = f"{found.grader}: {found.paired_rows} rows can be compared with the current model, of at least "
        few += f"{MIN_PAIRED_ROWS} that max_regression needs."
        if found.current_errored:
            few += (
                f" {found.current_errored} of its {found.rows} rows could not be graded (the first: "
                f"{found.current_error}). With a threshold for this criterion, the suite decides without it."
            )
        return [few]
    if found.low >= -allowed:
        return []
    return [
        f"{found.grader}: the mean may be lower than the current model's by {-found.low:.3g}, and {allowed:g} is "
        f"allowed (difference {found.difference:.3g}, 95 % interval {found.low:.3g} to {found.high:.3g}, "
        f"{found.paired_rows} rows)."
    ]
