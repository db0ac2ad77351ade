"""Packed or padded: what the rows of a run's first steps would cost either way (layouts.py), and a line about it."""

from __future__ import annotations

from collections.abc import Sequence

from services.training.engine.data.batches import step_rows
from services.training.engine.spec import Hyperparameters
from services.training.layouts import Layout, Work, work_of

_STEPS = 20
"""Steps whose rows are looked at."""


def work(lengths: Sequence[int], asked: Hyperparameters, budget: int) -> Work:
    """What both layouts would compute in the first steps over rows of these lengths."""
    steps = range(min(_STEPS, asked.total_steps(len(lengths))) if lengths else 0)
    rows = [step_rows(len(lengths), asked.batch_size, asked.seed, step) for step in steps]
    return work_of([[lengths[row] for row in each] for each in rows], budget)


def why_this_layout(layout: Layout, estimate: Work) -> str:
    """A line for the log."""
    share = estimate.share
    if layout == "packed":
        saved = 1 - estimate.packed / estimate.padded
        return f"packed micro-batches: an estimated {saved:.0%} less work than buckets, of which {share:.0%} is padding"
    if estimate.better == "padded":
        saved = 1 - estimate.padded / estimate.packed
        return f"buckets of like lengths, {share:.0%} padding: an estimated {saved:.0%} less work than packed"
    return f"buckets of like lengths, {share:.0%} padding: packed, this model's documents would see each other"
