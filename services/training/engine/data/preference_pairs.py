"""Tokenized preference pairs: two consecutive samples, the prompt with the chosen and with the rejected answer."""

from __future__ import annotations

import numpy as np

from services.training.engine.data.batches import Sample, Samples
from services.training.engine.data.token_store import Table


class PreferencePairs(Samples):
    """Samples whose `rows` are the chosen answers; each rejected one follows. `lengths` are of both together."""

    @classmethod
    def from_table(cls, table: Table, max_length: int) -> PreferencePairs:
        """The pairs of a split, truncated; skipped if an answer has no trained token within `max_length`."""
        lengths = np.minimum(table.lengths, max_length)
        usable = np.less(table.first_trained, lengths).reshape(-1, 2).all(1)
        return cls(
            table=table,
            rows=2 * np.flatnonzero(usable),
            lengths=lengths.reshape(-1, 2).sum(1)[usable],
            max_length=max_length,
            truncated=int(np.greater(table.lengths, max_length).reshape(-1, 2).any(1)[usable].sum()),
            skipped=int((~usable).sum()),
        )

    @property
    def longest(self) -> int:
        """Tokens of the longest pair as computed, with the shorter sample padded to the longer one."""
        lengths = np.minimum(self.table.lengths, self.max_length).reshape(-1, 2)[self.rows // 2]
        return 2 * int(lengths.max())

    def pair(self, index: int) -> tuple[Sample, Sample]:
        """The prompt with the chosen answer, and with the rejected one."""
        row = int(self.rows[index])
        return self.sample(row), self.sample(row + 1)
