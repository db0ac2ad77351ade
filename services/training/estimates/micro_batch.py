"""The heaviest micro-batch of a job, from its rows' lengths and in the layout that the engine will choose."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from services.training.engine.data.packing import layout_costs, micro_batches, rows_per_micro_batch
from services.training.engine.spec import BatchLayout, Objective
from services.training.estimates.lengths import LengthStats, RowLengths, SampleLengths

SAMPLED_STEPS, SAMPLED_ROWS = 20, 1_000
"""The layout is estimated from at most this many sampled steps and rows in all, and at least one step."""


@dataclass(frozen=True)
class MicroBatch:
    """`tokens` with padding, the longest row's `length`, and the share of tokens whose logits are computed.

    `accumulates`: the step has more micro-batches than this one.
    """

    tokens: int
    length: int
    trained: float
    layout: BatchLayout
    accumulates: bool


def heaviest_micro_batch(
    lengths: RowLengths | None, stats: LengthStats, longest: int, rows: int, budget: int, *, may_pack: bool = True
) -> MicroBatch:
    """Of steps of `rows` rows, each cut to `longest` tokens, in micro-batches of at most `budget` tokens.

    Without `may_pack` the engine pads them (engine/spec.py).
    """
    step, trained = _large_step(stats, rows, longest), stats.trained
    layout: BatchLayout = "packed" if may_pack else "padded"
    if lengths and (steps := _sample_steps(lengths.samples, longest, rows)):
        costs = layout_costs([[tokens for tokens, _ in each] for each in steps], budget)
        if (layout := costs.cheaper if may_pack else "padded") == "padded":
            step = min(rows * longest, math.ceil(step / (1 - costs.padding_share)))
            trained = _padded_logits_share(steps, budget)
    return MicroBatch(max(longest, min(budget, step)), longest, trained, layout, step > budget)


def preference_micro_batch(objective: Objective, longest: int, rows: int, budget: int) -> MicroBatch:
    """Of steps of `rows` rows: as many as fit if all are as long as the longest answer with its prompt.

    A row of dpo has two answers, and kto needs two rows. All of them are padded and have logits in every column.
    """
    answers, fewest = (2, 1) if objective == "dpo" else (1, 2)
    computed = rows_per_micro_batch(answers * longest, rows, budget, fewest)
    return MicroBatch(computed * answers * longest, longest, 1.0, "padded", rows > computed)


def _large_step(stats: LengthStats, rows: int, longest: int) -> int:
    """Tokens of a large step of rows drawn at random: three standard deviations above the mean of their sum."""
    deviation = math.sqrt(max(0.0, stats.mean_square - stats.mean**2) * rows)
    return min(rows * longest, math.ceil(rows * min(stats.mean, longest) + 3 * deviation))


def _sample_steps(samples: Sequence[SampleLengths], longest: int, rows: int) -> list[list[tuple[int, int]]]:
    """Some steps, always the same ones, as their rows' (tokens, tokens before the first trained one)."""
    usable = [sample for sample in samples if sample[1] and sample[2] < longest]
    if not usable:
        return []
    steps = max(1, min(SAMPLED_STEPS, SAMPLED_ROWS // rows))
    generator, weights = random.Random(0), [sample[3] for sample in usable]  # noqa: S311 - no secret
    drawn = generator.choices(usable, weights, k=steps * min(rows, SAMPLED_ROWS))
    cut = [(min(tokens, longest), first) for tokens, _, first, _ in drawn]
    return [cut[step::steps] for step in range(steps)]


def _padded_logits_share(steps: Sequence[Sequence[tuple[int, int]]], budget: int) -> float:
    """Padded rows have logits in every column that any of them trains on: from the earliest first one to the end."""
    computed = total = 0
    for step in steps:
        for group in micro_batches([tokens for tokens, _ in step], budget, "padded"):
            longest, first = step[group[0]][0], min(step[i][1] for i in group)
            computed, total = computed + len(group) * (longest - first), total + len(group) * longest
    return computed / total
