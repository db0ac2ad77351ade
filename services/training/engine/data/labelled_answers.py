"""Tokenized answers with labels: the prompt with one answer, which is desirable or undesirable."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from services.training.engine.data.batches import Sample, Samples, epoch_order


class LabelledAnswers(Samples):
    """Samples with a prompt, up to the first trained token, and an answer."""

    @property
    def longest(self) -> int:
        """Tokens of the smallest micro-batch: two rows, the fewest that KTO's trainer accepts."""
        return 2 * super().longest

    @property
    def desirable(self) -> np.ndarray:
        """Whether each sample's answer is desirable."""
        return self.table.samples["label"][self.rows] == 1

    def mismatched(self, prompt: int, answer: int) -> Sample:
        """The prompt of one sample with the answer of another, truncated."""
        prompt, answer = int(self.rows[prompt]), int(self.rows[answer])
        first, start = self.table.first_trained[prompt], self.table.first_trained[answer]
        ids = np.concatenate([self.table.ids(prompt, first), self.table.ids(answer, self.max_length)[start:]])
        trained = np.concatenate([np.zeros(first, bool), self.table.trained(answer, self.max_length)[start:]])
        cut = slice(self.max_length)
        return Sample(torch.from_numpy(ids[cut].astype(np.int64)), torch.from_numpy(trained[cut]))


def mismatched_answers(rows: int, seed: int) -> list[int]:
    """For each row, another whose answer its prompt gets: the one before it in a random order, around its end.

    The order spreads the answers that a prompt has in neighboring rows.
    """
    order = epoch_order(rows, seed, 0)
    before = {row: previous for previous, row in pairwise([*order[-1:], *order])}
    return [before[row] for row in range(rows)]
