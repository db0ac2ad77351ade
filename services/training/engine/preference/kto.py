"""Kahneman-Tversky optimization (arXiv 2402.01306) with TRL's trainer: learns from answers with a label each.

The loss of an answer depends on how far the model has moved from its reference, which is estimated by prompts with
answers that belong to other prompts. TRL pairs the rows of a micro-batch for that, in one fixed order of the data set.
Here every row has a partner from the whole split (data/labelled_answers.py), so the order of the rows may change from
epoch to epoch and the partners do not depend on the size of the micro-batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from services.training.engine.data.labelled_answers import LabelledAnswers, mismatched_answers
from services.training.engine.data.packing import rows_per_micro_batch
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import StopReason
from services.training.engine.preference.trainer import RunTrainer, arguments, padded, train_with

MIN_ROWS = 2
"""Rows of the smallest micro-batch that TRL accepts."""


def train(run: Run) -> StopReason:
    """Train until there is a reason to stop. Raises Diverged and Interrupted as the supervised loop does."""
    return train_with(LabelTrainer, run)


class LabelTrainer(RunTrainer, KTOTrainer):
    """Learns from desirable and undesirable answers."""

    def __init__(self, run: Run) -> None:
        hyperparameters, budget = run.hyperparameters, run.settings.micro_batch_tokens
        splits = {"train": run.training, "validation": run.validation}
        self._partners = {
            split: mismatched_answers(len(samples), hyperparameters.seed) for split, samples in splits.items()
        }
        rows = len(run.evaluation_rows)
        tokens = {split: samples.longest // MIN_ROWS if len(samples) else 0 for split, samples in splits.items()}
        micro_batch = rows_per_micro_batch(tokens["train"], hyperparameters.batch_size, budget, MIN_ROWS)
        evaluation_batch = rows_per_micro_batch(tokens["validation"], rows, budget, MIN_ROWS)
        config = KTOConfig(
            **arguments(run, micro_batch, evaluation_batch),
            desirable_weight=hyperparameters.desirable_weight,
            undesirable_weight=hyperparameters.undesirable_weight,
        )
        super().__init__(run, config)

    def batch(self, split: str, rows: Sequence[int]) -> dict[str, Tensor]:
        """Samples [rows, tokens] and their labels; under KL_, their prompts with other answers."""
        samples = self.samples(split, LabelledAnswers)
        mismatched = [samples.mismatched(row, self._partners[split][row]) for row in rows]
        return {
            **padded(samples.take(rows)),
            **{f"KL_{name}": tensor for name, tensor in padded(mismatched).items()},
            "label": torch.from_numpy(samples.desirable[list(rows)]),
        }
