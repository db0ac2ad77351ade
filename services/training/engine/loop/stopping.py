"""Why a run is over, in words for its log, its job and its model's record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.training.engine.loop.prepare import Run

Code = Literal["all_steps", "no_gain", "max_minutes", "max_tokens", "diverged"]


@dataclass(frozen=True)
class Ending:
    """A stable `code` and a sentence; `remedy` where the owner of the job had better do something."""

    code: Code
    sentence: str
    remedy: str | None = None


def ending_of(run: Run) -> Ending | None:
    """Why no further step follows; None where one does."""
    position, asked = run.position, run.hyperparameters
    if run.gave_up:
        return Ending("no_gain", "the validation loss stopped falling")
    if not run.over:
        return None
    if position.step < run.settings.total_steps:
        return Ending("max_minutes", f"the budget of {asked.max_minutes:g} minutes is used up")
    if asked.max_tokens and position.step < asked.total_steps(len(run.training)):
        return Ending("max_tokens", f"the budget of {asked.max_tokens:,} tokens is used up")
    return Ending("all_steps", "all steps are done")
