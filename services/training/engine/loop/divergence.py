"""When a run leaves its road: numbers that are not finite, or a loss that stays far above where it was."""

from __future__ import annotations

import math
from statistics import median

from services.training.engine.loop.checkpoint import Position
from services.training.engine.loop.stopping import Ending
from shared.engine.process.protocol import EngineError

WINDOW = 50
"""Steps whose median counts: a spike that comes down again within 25 steps does not. Shorter runs are only watched
for numbers that are not finite."""
FACTOR, MARGIN = 2.0, 1.0
"""The median is far off at twice its lowest so far, and at least a nat above it: small losses vary by
more."""

_REMEDY = "Start again with a lower learning rate, or with more warm-up steps."


class Diverged(Exception):
    """No later step brings this run back."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(what)
        self.step, self.what = step, what

    def ending(self, position: Position) -> Ending:
        """How the run ends: with the best weights before. Raises EngineError `diverged` where none are worth having.

        Those of step 0 are not: they are the base.
        """
        if position.best_step:
            return Ending("diverged", self.what, _REMEDY)
        raise EngineError("diverged", self.what, step=self.step, field="learning_rate", remedy=_REMEDY)


def check_finite(what: str, value: float, step: int) -> None:
    """Raises Diverged where `value` is none."""
    if not math.isfinite(value):
        raise Diverged(step, f"the {what} became {value} at step {step}")


def watch(position: Position, loss: float) -> None:
    """Take the loss of the step that was done. Raises Diverged once the losses have left where they were for good.

    What it remembers is in the position, and so in every checkpoint.
    """
    position.recent_losses = [*position.recent_losses, loss][-WINDOW:]
    if len(position.recent_losses) < WINDOW:
        return
    now = median(position.recent_losses)
    position.lowest_median = lowest = now if position.lowest_median is None else min(now, position.lowest_median)
    if now > max(FACTOR * lowest, lowest + MARGIN):
        what = f"the loss, whose median over {WINDOW} steps was down to {lowest:.2f}, is back at {now:.2f}"
        raise Diverged(position.step, f"{what} at step {position.step}")
