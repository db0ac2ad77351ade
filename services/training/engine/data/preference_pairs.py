"""Tokenized preference pairs: two consecutive samples, the prompt with the chosen and with the rejected answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.training.engine.data.batches import Sample, Samples
from services.training.engine.data.token_store import Table


@dataclass
class PreferencePairs(Samples):
    """Samples whose `rows` are the chosen answers; each rejected one follows. `lengths` are of both together.

    `identical` are pairs, not in use, whose answers are the same tokens once they are truncated.
    """

    identical: np.ndarray

    @classmethod
    def from_table(cls, table: Table, max_length: int) -> PreferencePairs:
        """The pairs of a split, truncated; skipped if an answer has no trained token within `max_length`, or if the
        answers are identical: there is nothing to prefer."""
        lengths = np.minimum(table.lengths, max_length).reshape(-1, 2)
        usable = np.less(table.first_trained, np.minimum(table.lengths, max_length)).reshape(-1, 2).all(1)
        same_length = np.flatnonzero(usable & (lengths[:, 0] == lengths[:, 1]))
        identical = np.array([pair for pair in same_length.tolist() if _identical(table, pair, max_length)], np.int64)
        untrained = np.flatnonzero(~usable)
        usable[identical] = False
        cut = np.greater(table.lengths, max_length).reshape(-1, 2).any(1)
        return cls(
            table=table,
            rows=2 * np.flatnonzero(usable),
            lengths=lengths.sum(1)[usable],
            max_length=max_length,
            cut=2 * np.flatnonzero(usable & cut),
            untrained=2 * untrained,
            identical=2 * identical,
        )

    @property
    def skipped(self) -> int:
        """Tokenized pairs that are not in use."""
        return len(self.untrained) + len(self.identical)

    def describe_skipped(self) -> str:
        """Which pairs are not in use, and why."""
        return f"{super().describe_skipped()}, and {len(self.identical)} pairs have the same answer twice"

    @property
    def longest(self) -> int:
        """Tokens of the longest pair as computed, with the shorter sample padded to the longer one."""
        lengths = np.minimum(self.table.lengths, self.max_length).reshape(-1, 2)[self.rows // 2]
        return 2 * int(lengths.max())

    def pair(self, index: int) -> tuple[Sample, Sample]:
        """The prompt with the chosen answer, and with the rejected one."""
        row = int(self.rows[index])
        return self.sample(row), self.sample(row + 1)


def _identical(table: Table, pair: int, max_length: int) -> bool:
    return np.array_equal(table.ids(2 * pair, max_length), table.ids(2 * pair + 1, max_length))
