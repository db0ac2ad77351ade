"""What a run may spend: a budget of tokens fixes its last step beforehand, one of minutes ends it on its way."""

from __future__ import annotations

from collections.abc import Sequence

from services.training.engine.data.batches import step_rows
from services.training.engine.loop.checkpoint import Position
from services.training.engine.spec import Hyperparameters


def steps_within(asked: Hyperparameters, lengths: Sequence[int], total: int) -> int:
    """How many of `total` steps the token budget pays for, at least one, for rows of these lengths.

    Known before the first step, so that the learning rate's schedule ends where training does.
    """
    if asked.max_tokens is None:
        return total
    spent = 0
    for step in range(total):
        spent += sum(lengths[row] for row in step_rows(len(lengths), asked.batch_size, asked.seed, step))
        if spent > asked.max_tokens:
            return max(1, step)
    return total


def shortened(asked: Hyperparameters, total: int, rows: int) -> Hyperparameters:
    """The same with a warm-up that is as large a share of `total` steps as it was of all that were asked for."""
    planned = asked.total_steps(rows)
    return asked.model_copy(update={"warmup_steps": -(-asked.warmup(planned) * total // planned)})


def minutes_used_up(asked: Hyperparameters, position: Position) -> bool:
    """Whether training has taken as long as it may, over all attempts; steps that an attempt lost do not count."""
    return asked.max_minutes is not None and position.seconds >= 60 * asked.max_minutes
