"""Packed or padded: what a step's rows would cost either way, by their lengths alone.

Nothing is timed, so that the same job always decides alike, also when it starts over before its first checkpoint. The
unit is a token's way through the model; the weights were fitted to timed steps (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.training.engine.batches import micro_batches, step_rows
from services.training.engine.spec import Hyperparameters, Layout

_STEPS = 20
"""Steps whose rows are looked at."""
_APART = 1.1
"""Packed: documents attend one by one, or few at a time."""
_MASKED = 1200
"""Padded: attention computes the whole square behind a mask, at so many columns as much again as all the rest."""


@dataclass(frozen=True)
class Work:
    """Of the first steps, in tokens. `padding` tokens more go through the model where rows are padded."""

    tokens: int
    padding: int
    packed: float
    padded: float

    @property
    def better(self) -> Layout:
        """The layout with less of it."""
        return "padded" if self.padded < self.packed else "packed"


def work(lengths: Sequence[int], asked: Hyperparameters, budget: int) -> Work:
    """What both layouts would compute in the first steps over rows of these lengths."""
    steps = range(min(_STEPS, asked.total_steps(len(lengths))) if lengths else 0)
    rows = [[lengths[row] for row in step_rows(len(lengths), asked.batch_size, asked.seed, step)] for step in steps]
    tokens = sum(map(sum, rows))
    buckets = [
        (max(each[i] for i in group), len(group)) for each in rows for group in micro_batches(each, budget, "padded")
    ]
    padding = sum(longest * count for longest, count in buckets) - tokens
    padded = padding + sum(longest * count * (1 + longest / _MASKED) for longest, count in buckets)
    return Work(tokens, padding, packed=tokens * _APART, padded=padded)


def why_this_layout(layout: Layout, estimate: Work) -> str:
    """A line for the log."""
    share = estimate.padding / max(1, estimate.tokens + estimate.padding)
    if layout == "packed":
        saved = 1 - estimate.packed / estimate.padded
        return f"packed micro-batches: an estimated {saved:.0%} less work than buckets, of which {share:.0%} is padding"
    if estimate.better == "padded":
        saved = 1 - estimate.padded / estimate.packed
        return f"buckets of like lengths, {share:.0%} padding: an estimated {saved:.0%} less work than packed"
    return f"buckets of like lengths, {share:.0%} padding: packed, this model's documents would see each other"
