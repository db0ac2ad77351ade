"""The heaviest micro-batch of a job, by its rows' lengths: packed, or padded where the engine will prefer buckets."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from services.training.engine.data.packing import layout_costs, micro_batches
from services.training.engine.spec import BatchLayout
from services.training.estimates.lengths import Cut, Lengths, Sample

STEPS, ROWS = 20, 1_000
"""Steps that are drawn to foretell the layout, and rows in them, at most; one step at least."""


@dataclass(frozen=True)
class MicroBatch:
    """`tokens` computed at once, padding included, the longest row's `length`, and the share of them with logits."""

    tokens: int
    length: int
    trained: float
    layout: BatchLayout
    accumulates: bool


def heaviest(lengths: Lengths | None, cut: Cut, longest: int, rows: int, most: int) -> MicroBatch:
    """Of steps of `rows` rows, each of at most `longest` tokens, in micro-batches of at most `most`."""
    step, trained = _largest_step(cut, rows, longest), cut.trained
    layout: BatchLayout = "packed"
    if lengths and (drawn := _drawn(lengths.samples, longest, rows)):
        costs = layout_costs([[tokens for tokens, _ in each] for each in drawn], most)
        if (layout := costs.cheaper) == "padded":
            step = min(rows * longest, math.ceil(step / (1 - costs.padding_share)))
            trained = _with_logits(drawn, most)
    return MicroBatch(max(longest, min(most, step)), longest, trained, layout, step > most)


def _largest_step(cut: Cut, rows: int, longest: int) -> int:
    """Tokens of a large step of rows drawn at random: three standard deviations above the mean."""
    spread = math.sqrt(max(0.0, cut.square - cut.mean**2) * rows)
    return min(rows * longest, math.ceil(rows * min(cut.mean, longest) + 3 * spread))


def _drawn(samples: Sequence[Sample], longest: int, rows: int) -> list[list[tuple[int, int]]]:
    """Rows of some steps, always the same ones: tokens, and those before the first that is trained."""
    kept = [sample for sample in samples if sample[1] and sample[2] < longest]
    if not kept:
        return []
    steps = max(1, min(STEPS, ROWS // rows))
    chance, weights = random.Random(0), [sample[3] for sample in kept]  # noqa: S311
    found = chance.choices(kept, weights, k=steps * min(rows, ROWS))
    cut = [(min(tokens, longest), first) for tokens, _, first, _ in found]
    return [cut[step::steps] for step in range(steps)]


def _with_logits(steps: Sequence[Sequence[tuple[int, int]]], most: int) -> float:
    """Padded rows have logits in all columns that any of them is trained on: from the first one of them."""
    kept = total = 0
    for step in steps:
        for group in micro_batches([tokens for tokens, _ in step], most, "padded"):
            longest, first = step[group[0]][0], min(step[i][1] for i in group)
            kept, total = kept + len(group) * (longest - first), total + len(group) * longest
    return kept / total
