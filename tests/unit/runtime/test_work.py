"""The state machine of work: the documented transitions are those that its methods make."""

from collections.abc import Callable
from contextlib import suppress
from typing import get_args

from shared.runtime.errors import Conflict
from shared.runtime.jobs.work import HELD, DesiredState, State, Work

STORED_BY_SUBCLASSES = {"publishing", "succeeded"}

OWNER: list[Callable[[Work], object]] = [Work.request_cancel, Work.request_pause, Work.request_resume]
HOLDER: list[Callable[[Work], object]] = [
    Work.interrupt,
    Work.mark_paused,
    Work.mark_cancelled,
    lambda work: work.hand_back(counts=True),
    lambda work: work.fail("cause", "detail"),
]


def made(state: State, step: Callable[[Work], object], wanted: DesiredState = "run") -> tuple[str, str]:
    work = Work(id="task_1", project="p", state=state, wanted=wanted)
    with suppress(Conflict):
        step(work)
    return state, work.state


def test_transitions_are_the_documented_ones() -> None:
    documented = {
        (source, step.target) for step in Work.TRANSITIONS if step.source for source in step.source.split(", ")
    }
    steps = {made(state, step) for state in get_args(State) for step in [*OWNER, lambda work: work.claim("here")]}
    steps |= {made(state, step, wanted) for state in HELD for step in HOLDER for wanted in get_args(DesiredState)}
    changes = {(source, target) for source, target in steps if source != target}
    assert changes <= documented
    by_subclasses = {(source, target) for source, target in documented if target in STORED_BY_SUBCLASSES}
    assert documented - by_subclasses - changes == {("failed", "queued"), ("cancelled", "queued")}  # Export.restart
