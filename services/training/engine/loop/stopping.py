"""When and why a run ends: all steps taken, early stopping, budgets of time and tokens, divergence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from services.training.engine.data.batches import step_rows
from services.training.engine.loop.state import Run, TrainingState
from services.training.engine.spec import Hyperparameters
from shared.engine.process.protocol import EngineError

MEDIAN_WINDOW = 50
"""Steps whose median loss is watched. A spike that recovers within 25 steps does not move it. Shorter runs are only
checked for numbers that are not finite."""
DIVERGENCE_FACTOR, DIVERGENCE_MARGIN = 2.0, 1.0
"""A run diverges when the median loss is twice its lowest value so far, and at least 1 nat above it: small losses vary
by more than a factor of two on their own."""

_REMEDY = "Start again with a lower learning rate, or with more warm-up steps."


@dataclass(frozen=True)
class StopReason:
    """Why a run ended: a stable `code`, a sentence, and a `remedy` where the owner should act."""

    code: Literal["all_steps", "no_gain", "max_minutes", "max_tokens", "diverged"]
    message: str
    remedy: str | None = None


def stop_reason(run: Run) -> StopReason | None:
    """The reason to stop now, or None if another step follows."""
    if run.out_of_patience:
        return StopReason("no_gain", "the validation loss stopped falling")
    if not run.finished:
        return None
    hyperparameters, step = run.hyperparameters, run.state.step
    if step < run.settings.total_steps:
        return StopReason("max_minutes", f"the budget of {hyperparameters.max_minutes:g} minutes is used up")
    if hyperparameters.max_tokens and step < hyperparameters.total_steps(len(run.training)):
        return StopReason("max_tokens", f"the budget of {hyperparameters.max_tokens:,} tokens is used up")
    return StopReason("all_steps", "all steps are done")


def steps_within_token_budget(hyperparameters: Hyperparameters, lengths: Sequence[int], total: int) -> int:
    """How many of `total` steps over rows of these lengths (in tokens) `max_tokens` allows; at least one.

    The answer is known before the first step, so that the learning rate schedule ends where training does.
    """
    if hyperparameters.max_tokens is None:
        return total
    tokens = 0
    for step in range(total):
        rows = step_rows(len(lengths), hyperparameters.batch_size, hyperparameters.seed, step)
        tokens += sum(lengths[row] for row in rows)
        if tokens > hyperparameters.max_tokens:
            return max(1, step)
    return total


def scale_warmup(hyperparameters: Hyperparameters, total: int, rows: int) -> Hyperparameters:
    """Hyperparameters whose warm-up is the same share of `total` steps as it was of the steps without a budget."""
    planned = hyperparameters.total_steps(rows)
    return hyperparameters.model_copy(
        update={"warmup_steps": -(-hyperparameters.warmup(planned) * total // planned)}  # rounded up
    )


class Diverged(Exception):
    """The run has diverged; more steps cannot recover it."""

    def __init__(self, step: int, message: str) -> None:
        super().__init__(message)
        self.step, self.message = step, message

    def stop_reason(self, state: TrainingState) -> StopReason:
        """Stop with the best weights from before. Raises EngineError `diverged` if no step improved on the base."""
        if state.best_step:
            return StopReason("diverged", self.message, _REMEDY)
        raise EngineError("diverged", self.message, step=self.step, field="learning_rate", remedy=_REMEDY)


def check_finite(name: str, value: float, step: int) -> None:
    """Raise Diverged if `value` is NaN or infinite."""
    if not math.isfinite(value):
        raise Diverged(step, f"the {name} became {value} at step {step}")


def check_divergence(state: TrainingState, loss: float) -> None:
    """Record the loss of the step just taken; raise Diverged if the median loss has risen far above its minimum.

    The history is part of the state, so a resumed run decides as an uninterrupted one would.
    """
    state.recent_losses = [*state.recent_losses, loss][-MEDIAN_WINDOW:]
    if len(state.recent_losses) < MEDIAN_WINDOW:
        return
    current = median(state.recent_losses)
    state.lowest_median = lowest = current if state.lowest_median is None else min(current, state.lowest_median)
    if current > max(DIVERGENCE_FACTOR * lowest, lowest + DIVERGENCE_MARGIN):
        message = f"the median loss over {MEDIAN_WINDOW} steps rose from {lowest:.2f} to {current:.2f}"
        raise Diverged(state.step, f"{message} at step {state.step}")
