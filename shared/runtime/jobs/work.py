"""The state machine of long-running work, without I/O. The documents are the queue (ADR 3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from shared.documents.entities import Entity, now
from shared.documents.spec import Transition
from shared.events.envelope import Event
from shared.runtime.errors import Conflict

State = Literal["queued", "running", "pausing", "paused", "publishing", "succeeded", "failed", "cancelled"]
DesiredState = Literal["run", "pause", "cancel"]
HELD: tuple[State, ...] = ("running", "pausing", "publishing")
FINAL: tuple[State, ...] = ("succeeded", "failed", "cancelled")


class Work(Entity):
    """A long-running piece of work.

    While a worker holds it, the API writes only `wanted`; `state` belongs to the token's holder and the sweeper.
    """

    TRANSITIONS: ClassVar[tuple[Transition, ...]] = (
        Transition("", "queued", "it is created"),
        Transition("queued", "running", "a worker claims it"),
        Transition("queued", "paused", "its owner pauses it"),
        Transition("running", "pausing", "its owner pauses it; the engine is asked to stop"),
        Transition("pausing", "running", "its owner resumes it before the engine has stopped"),
        Transition("running, pausing", "publishing", "the engine has finished; its results are being stored"),
        Transition("running, publishing", "succeeded", "its results are stored"),
        Transition("running, pausing, publishing", "queued", "its worker stops, or dies with attempts left"),
        Transition("running, pausing, publishing", "paused", "the engine has stopped at a checkpoint"),
        Transition("running, pausing, publishing", "failed", "the engine fails, or the last attempt dies"),
        Transition("queued, running, pausing, publishing, paused", "cancelled", "its owner cancels it"),
        Transition("paused", "queued", "its owner resumes it"),
        Transition("failed, cancelled", "queued", "an export or a checkpoint's model is requested again"),
    )
    """Only training jobs can be paused."""

    state: State = Field(default="queued", description="see the state machine")
    wanted: DesiredState = Field(default="run", description="desired state; only its owner's requests set it")
    token: int = Field(
        default=0,
        description="fencing token: a claim or takeover raises it; the holder's writes are guarded by it",
    )
    beat: int = Field(
        default=0, description="heartbeats of the holder; a lease whose beat stands still for 15 s is taken over"
    )
    attempts: int = Field(
        default=0, description="attempts so far; work that stopped through no fault of its own is not charged"
    )
    priority: int = Field(default=0, description="higher is claimed first; equal priorities in order of creation")
    runner: str | None = Field(default=None, description="host:pid of the worker that holds it")
    cause: str | None = Field(default=None, description="error code of a failure")
    detail: str | None = Field(default=None, description="description of a failure")
    started_at: datetime | None = Field(default=None, description="first claim")
    finished_at: datetime | None = Field(default=None, description="when it reached a final state")

    def on_failed(self) -> Sequence[Event]:
        """Events of a failure."""
        return ()

    def on_cancelled(self) -> Sequence[Event]:
        """Events of a cancellation."""
        return ()

    @property
    def final(self) -> bool:
        """Whether its state is final."""
        return self.state in FINAL

    def claim(self, runner: str) -> None:
        """Assign it to a worker. Raises Conflict unless it is queued."""
        if self.state != "queued":
            raise Conflict(f"It is {self.state}.")
        self.state, self.runner, self.token, self.attempts = (
            "running",
            runner,
            self.token + 1,
            self.attempts + 1,
        )
        self.started_at = self.started_at or now()

    def hand_back(self, *, counts: bool) -> None:
        """Return it to the queue; `counts` says whether the attempt counts."""
        self.state, self.runner = "queued", None
        if not counts:
            self.attempts -= 1

    def interrupt(self) -> Sequence[Event]:
        """Stop it through no fault of its own: cancel or pause it as requested, else requeue it without counting."""
        if self.wanted == "cancel":
            return self.mark_cancelled()
        if self.wanted == "pause":
            self.mark_paused()
        else:
            self.hand_back(counts=False)
        return ()

    def fail(self, cause: str, detail: str) -> Sequence[Event]:
        """Fail it, unless it is final already."""
        if self.final:
            return ()
        self.state, self.cause, self.detail, self.finished_at, self.runner = (
            "failed",
            cause,
            detail,
            now(),
            None,
        )
        return self.on_failed()

    def mark_cancelled(self) -> Sequence[Event]:
        """Cancel it, unless it is final already."""
        if self.final:
            return ()
        self.state, self.finished_at, self.runner = "cancelled", now(), None
        return self.on_cancelled()

    def mark_paused(self) -> None:
        """Pause it, to be resumed later."""
        self.state, self.runner, self.wanted = "paused", None, "run"
        self.attempts = 0

    def request_cancel(self) -> Sequence[Event]:
        """Request a cancellation: immediate where no worker holds it, else through `wanted`. Idempotent."""
        if self.state in ("succeeded", "failed"):
            raise Conflict(f"The {self.NOUN} has already {self.state}.", field="state", limit="not finished")
        self.wanted = "cancel"
        return self.mark_cancelled() if self.state in ("queued", "paused") else ()

    def request_pause(self) -> None:
        """Request a pause."""
        if self.final:
            ended = "was cancelled" if self.state == "cancelled" else f"has already {self.state}"
            raise Conflict(f"The {self.NOUN} {ended}.", field="state", limit="not finished")
        if self.state == "queued":
            self.mark_paused()
        elif self.state == "running":
            self.wanted, self.state = "pause", "pausing"

    def request_resume(self) -> None:
        """Request a resumption. Raises Conflict unless it is paused or pausing."""
        if self.state not in ("paused", "pausing"):
            remedy = f"Only a paused {self.NOUN} can be resumed."
            raise Conflict(f"The {self.NOUN} is {self.state}.", field="state", limit="paused", remedy=remedy)
        self.wanted = "run"
        self.state = "queued" if self.state == "paused" else "running"
