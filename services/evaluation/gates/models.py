"""The evaluation of a candidate. Pure."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from shared.documents.entities import Entity
from shared.documents.spec import Transition
from shared.events.aliases import AliasCandidateEvaluated
from shared.events.envelope import Event
from shared.suites import StoredSuite


class Gate(Entity):
    """The evaluation of a candidate for an alias; its id is derived from candidate and round."""

    NOUN: ClassVar[str] = "gate"
    TRANSITIONS: ClassVar[tuple[Transition, ...]] = (
        Transition("", "evaluating", "a candidate is submitted, and its runs are queued"),
        Transition("", "ended", "a candidate is submitted, and the suite cannot be used"),
        Transition("evaluating", "ended", "its runs have ended"),
    )

    candidate_id: str = Field(description="the candidate")
    round: int = Field(description="which evaluation of the candidate it is")
    suite: StoredSuite = Field(description="what it is evaluated by, as JSON text")
    run_id: str | None = Field(default=None, description="the candidate's run")
    current_run_id: str | None = Field(default=None, description="the current model's run; null: not compared")
    state: Literal["evaluating", "ended"] = Field(default="evaluating", description="see the state machine")

    @property
    def run_ids(self) -> list[str]:
        """Its runs, the candidate's first."""
        return [id for id in (self.run_id, self.current_run_id) if id]

    def end(self, event: AliasCandidateEvaluated) -> Sequence[Event]:
        """End it with this event. Idempotent."""
        if self.state == "ended":
            return ()
        self.state = "ended"
        return [event]
