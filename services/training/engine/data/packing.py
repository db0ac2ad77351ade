"""How rows share a forward pass: packed (documents end to end) or padded (rows of similar length), and what each costs.

The engine decides by this, and the service estimates by it, so the module imports no torch. Nothing is timed: the same
job always decides the same, also when it restarts before its first checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.training.engine.spec import BatchLayout

PACKED_TOKEN_COST = 1.1
"""A packed token costs more than a padded one: attention runs over one document, or a few, at a time. Fitted to timed
steps, as `MASKED_COLUMNS` is (docs/experiments.md, "Packed or padded")."""
MASKED_COLUMNS = 1200
"""Masked attention computes the whole square of a padded row: at this many columns it costs as much as all the rest."""


@dataclass(frozen=True)
class LayoutCosts:
    """Costs of some steps in either layout; one unit is one token's pass through the model.

    `tokens` are those of the rows; a padded layout computes `padding` tokens more.
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
        """Padding among all the tokens of the padded layout, 0 to 1."""
        return self.padding / max(1, self.tokens + self.padding)


def layout_costs(steps: Sequence[Sequence[int]], budget: int) -> LayoutCosts:
    """What both layouts cost for `steps`, each given by its rows' lengths, in micro-batches of `budget` tokens."""
    tokens = sum(map(sum, steps))
    batches = [
        (max(lengths[i] for i in group), len(group))
        for lengths in steps
        for group in micro_batches(lengths, budget, "padded")
    ]
    padding = sum(longest * rows for longest, rows in batches) - tokens
    # Padding counts twice: its columns reach the output head, too.
    padded = padding + sum(longest * rows * (1 + longest / MASKED_COLUMNS) for longest, rows in batches)
    return LayoutCosts(tokens, padding, packed=tokens * PACKED_TOKEN_COST, padded=padded)


def micro_batches(lengths: Sequence[int], budget: int, layout: BatchLayout) -> list[list[int]]:
    """Indices of `lengths` in groups of at most `budget` tokens, padding included; a longer row is a group of its own.

    Longest first, so that a step that does not fit into memory fails at its beginning.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    return _first_fit(lengths, order, budget) if layout == "packed" else _similar_lengths(lengths, order, budget)


def describe_layout(layout: BatchLayout, costs: LayoutCosts) -> str:
    """One log line: the layout and why it was chosen."""
    share = costs.padding_share
    if layout == "packed":
        saved = 1 - costs.packed / costs.padded
        return f"packed micro-batches: an estimated {saved:.0%} less work than padded ones with {share:.0%} padding"
    if costs.cheaper == "padded":
        saved = 1 - costs.padded / costs.packed
        return f"padded micro-batches, {share:.0%} padding: an estimated {saved:.0%} less work than packed"
    return f"padded micro-batches, {share:.0%} padding: this model's layers cannot keep packed documents apart"


def _first_fit(lengths: Sequence[int], order: Sequence[int], budget: int) -> list[list[int]]:
    """First-fit decreasing bin packing."""
    groups: list[list[int]] = []
    free: list[int] = []
    for index in order:
        place = next((i for i, tokens in enumerate(free) if lengths[index] <= tokens), None)
        if place is None:
            groups.append([index])
            free.append(budget - lengths[index])
        else:
            groups[place].append(index)
            free[place] -= lengths[index]
    return groups


def _similar_lengths(lengths: Sequence[int], order: Sequence[int], budget: int) -> list[list[int]]:
    """Neighbors by length; the first row of a group is its longest, so every row is padded to that."""
    groups: list[list[int]] = []
    for index in order:
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
