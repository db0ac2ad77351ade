"""Preference pairs as tokens: of each the chosen and the rejected answer, two samples one after the other."""

from __future__ import annotations

import numpy as np

from services.training.engine.data.batches import Sample, Samples
from services.training.engine.data.token_store import Table


class PreferencePairs(Samples):
    """Samples whose `kept` rows are chosen answers, each before the rejected one; `lengths` are those of both."""

    @classmethod
    def from_table(cls, table: Table, max_length: int) -> PreferencePairs:
        """The split with both answers cut to `max_length`; a pair is skipped if an answer has no trained token left."""
        lengths = np.minimum(table.lengths, max_length)
        usable = np.less(table.first, lengths).reshape(-1, 2).all(1)
        return cls(
            table=table,
            kept=2 * np.flatnonzero(usable),
            lengths=lengths.reshape(-1, 2).sum(1)[usable],
            max_length=max_length,
            truncated=int(np.greater(table.lengths, max_length).reshape(-1, 2).any(1)[usable].sum()),
            skipped=int((~usable).sum()),
        )

    @property
    def longest(self) -> int:
        """Tokens of the longest pair as it is computed: the shorter answer padded to the other."""
        sides = np.minimum(self.table.lengths, self.max_length).reshape(-1, 2)[self.kept // 2]
        return 2 * int(sides.max())

    def pair(self, index: int) -> tuple[Sample, Sample]:
        """The chosen and the rejected answer, each behind the prompt."""
        row = int(self.kept[index])
        return self.sample(row), self.sample(row + 1)
