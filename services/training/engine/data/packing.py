"""Groups rows into micro-batches, packed (documents end to end) or padded (similar lengths), and estimates the costs.

The engine chooses a layout by these costs. The service estimates with them, so the module does not import torch.
Nothing is timed: a job that restarts before its first checkpoint makes the same choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.training.engine.spec import BatchLayout

PACKED_TOKEN_COST = 1.1
"""Relative to a padded token: packed attention computes few documents per kernel call. Like `MASKED_COLUMNS`, fitted to
timed steps (docs/experiments.md, "Packed or padded")."""
MASKED_COLUMNS = 1200
"""Row length at which masked attention, quadratic in the padded length, costs as much as the rest of the model."""


@dataclass(frozen=True)
class LayoutCosts:
    """Estimated costs of some steps in both layouts; the unit is one token's forward and backward pass.

    `tokens` counts the rows' tokens; the padded layout computes `padding` tokens more.
    """

    tokens: int
    padding: int
    packed: float
    padded: float

    @property
    def cheaper(self) -> BatchLayout:
        """The layout that costs less."""
        return "padded" if self.padded < self.packed else "packed"

    @property
    def padding_share(self) -> float:
        """The share of padding in the tokens of the padded layout, 0 to 1."""
        return self.padding / max(1, self.tokens + self.padding)


def layout_costs(steps: Sequence[Sequence[int]], budget: int) -> LayoutCosts:
    """The costs of both layouts. `steps` are the row lengths of each step, `budget` the tokens of a micro-batch."""
    tokens = sum(map(sum, steps))
    batches = [
        (max(lengths[i] for i in group), len(group))
        for lengths in steps
        for group in micro_batches(lengths, budget, "padded")
    ]
    padding = sum(longest * rows for longest, rows in batches) - tokens
    # Padding counts twice, because logits are computed for its columns, too.
    padded = padding + sum(longest * rows * (1 + longest / MASKED_COLUMNS) for longest, rows in batches)
    return LayoutCosts(tokens, padding, packed=tokens * PACKED_TOKEN_COST, padded=padded)


def micro_batches(lengths: Sequence[int], budget: int, layout: BatchLayout) -> list[list[int]]:
    """Group the indices of `lengths` by `budget` tokens, padding included; a longer row is a group of its own.

    Longest first, so that a step that does not fit into memory fails in its first micro-batch.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    return _first_fit(lengths, order, budget) if layout == "packed" else _similar_lengths(lengths, order, budget)


def rows_per_micro_batch(tokens: int, rows: int, budget: int, at_least: int = 1) -> int:
    """Rows in a micro-batch: as many as fit `budget` tokens if all have `tokens`, but `at_least` that many.

    The result divides `rows`: TRL averages the means of micro-batches, so unequal ones would weight rows unequally.
    """
    sizes = [size for size in range(min(at_least, max(1, rows)), max(1, rows) + 1) if rows % size == 0]
    return max((size for size in sizes if size * tokens <= budget), default=sizes[0])


def describe_layout(layout: BatchLayout, costs: LayoutCosts, *, may_pack: bool = True) -> str:
    """A log line that says which layout was chosen and why; without `may_pack`, gpu_kernels is off."""
    share = costs.padding_share
    if layout == "packed":
        saved = 1 - costs.packed / costs.padded
        return f"packed micro-batches: an estimated {saved:.0%} less work than padded ones with {share:.0%} padding"
    if costs.cheaper == "padded":
        saved = 1 - costs.padded / costs.packed
        return f"padded micro-batches, {share:.0%} padding: an estimated {saved:.0%} less work than packed"
    reason = "this model's layers cannot keep packed documents separate" if may_pack else "gpu_kernels is off"
    return f"padded micro-batches, {share:.0%} padding: {reason}"


def _first_fit(lengths: Sequence[int], order: Sequence[int], budget: int) -> list[list[int]]:
    """First-fit decreasing bin packing: at most 11/9 of the optimal number of bins, plus one (Johnson, 1973)."""
    groups: list[list[int]] = []
    free: list[int] = []
    for index in order:
        group = next((i for i, tokens in enumerate(free) if lengths[index] <= tokens), None)
        if group is None:
            groups.append([index])
            free.append(budget - lengths[index])
        else:
            groups[group].append(index)
            free[group] -= lengths[index]
    return groups


def _similar_lengths(lengths: Sequence[int], order: Sequence[int], budget: int) -> list[list[int]]:
    """Group neighbors in order of length; every row is padded to the group's first, which is its longest."""
    groups: list[list[int]] = []
    for index in order:
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
