"""Which rows are computed together, packed or padded: by their lengths alone, for the engine and for its estimate.

Nothing is timed, so that the same job always decides alike, also when it starts over before its first checkpoint. The
unit is a token's way through the model; the weights were fitted to timed steps (docs/experiments.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Layout = Literal["packed", "padded"]

APART = 1.1
"""Packed: documents attend one by one, or few at a time."""
MASKED = 1200
"""Padded: attention computes the whole square behind a mask, at so many columns as much again as all the rest."""


@dataclass(frozen=True)
class Work:
    """Of some steps, in tokens. `padding` tokens more go through the model where rows are padded."""

    tokens: int
    padding: int
    packed: float
    padded: float

    @property
    def better(self) -> Layout:
        """The layout with less of it."""
        return "padded" if self.padded < self.packed else "packed"

    @property
    def share(self) -> float:
        """Of padding, in all that goes through the model where rows are padded."""
        return self.padding / max(1, self.tokens + self.padding)


def work_of(steps: Sequence[Sequence[int]], budget: int) -> Work:
    """What both layouts would compute for these steps, each given by the lengths of its rows."""
    tokens = sum(map(sum, steps))
    buckets = [
        (max(each[i] for i in group), len(group)) for each in steps for group in micro_batches(each, budget, "padded")
    ]
    padding = sum(longest * count for longest, count in buckets) - tokens
    padded = padding + sum(longest * count * (1 + longest / MASKED) for longest, count in buckets)
    return Work(tokens, padding, packed=tokens * APART, padded=padded)


def micro_batches(lengths: Sequence[int], budget: int, layout: Layout) -> list[list[int]]:
    """Indices of `lengths` in groups of at most `budget` tokens, padding included; a longer row stands alone.

    Longest first, so that a step which does not fit into memory fails at its beginning.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    return _first_fit(lengths, order, budget) if layout == "packed" else _like_lengths(lengths, order, budget)


def _first_fit(lengths: Sequence[int], order: Sequence[int], budget: int) -> list[list[int]]:
    groups: list[list[int]] = []
    free: list[int] = []
    for index in order:
        place = next((i for i, room in enumerate(free) if lengths[index] <= room), None)
        if place is None:
            groups.append([index])
            free.append(budget - lengths[index])
        else:
            groups[place].append(index)
            free[place] -= lengths[index]
    return groups


def _like_lengths(lengths: Sequence[int], order: Sequence[int], budget: int) -> list[list[int]]:
    groups: list[list[int]] = []
    for index in order:
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
