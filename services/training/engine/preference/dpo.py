"""Direct preference optimization (arXiv 2305.18290) with TRL's trainer."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from services.training.engine.data.packing import rows_per_micro_batch
from services.training.engine.data.preference_pairs import PreferencePairs
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import StopReason
from services.training.engine.preference.trainer import RunTrainer, arguments, padded, train_with


def train(run: Run) -> StopReason:
    """Train until there is a reason to stop. Raises Diverged and Interrupted as the supervised loop does."""
    return train_with(PairTrainer, run)


class PairTrainer(RunTrainer, DPOTrainer):
    """Learns from pairs of a chosen and a rejected answer."""

    samples_per_row = 2

    def __init__(self, run: Run) -> None:
        budget, rows = run.settings.micro_batch_tokens, len(run.evaluation_rows)
        micro_batch = rows_per_micro_batch(run.training.longest, run.hyperparameters.batch_size, budget)
        evaluation_batch = rows_per_micro_batch(run.validation.longest if rows else 0, rows, budget)
        super().__init__(run, DPOConfig(**arguments(run, micro_batch, evaluation_batch)))

    def batch(self, split: str, rows: Sequence[int]) -> dict[str, Tensor]:
        """Pairs, [2 * pairs, tokens]: all chosen answers, then all rejected ones."""
        samples = self.samples(split, PreferencePairs)
        pairs = [samples.pair(row) for row in rows]
        return padded([chosen for chosen, _ in pairs] + [rejected for _, rejected in pairs])
