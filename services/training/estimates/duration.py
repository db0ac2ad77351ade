"""How long a job takes: its training, the evaluations during it, and its checkpoints. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

from services.training.estimates import feasibility
from services.training.estimates.feasibility import EstimateInputs
from services.training.jobs.defaults import ResolvedSettings
from services.training.jobs.evaluation_share import count_evaluations, evaluation_costs, training_passes

Source = Literal["jobs", "formula"]
STEP_OVERHEAD_S = 0.02
"""Seconds of an optimizer step apart from its matrix products."""
CHECKPOINT_BYTES_PER_S = 4e8
"""Of a checkpoint: 1.6 GB took 3.5 s of one core; a slow disk takes longer."""
CHECKPOINT_BYTES = 4 + 8
"""Per trained weight: itself and its two moments."""


@dataclass(frozen=True)
class Throughput:
    """Tokens per second, measured by similar jobs or calculated."""

    tokens_per_second: float
    source: Source


@dataclass(frozen=True)
class Duration:
    """Seconds by what they are spent on."""

    training: float
    evaluations: float
    checkpoints: float

    @property
    def total(self) -> float:
        """Seconds of all of it."""
        return self.training + self.evaluations + self.checkpoints


def estimate_duration(resolved: ResolvedSettings, inputs: EstimateInputs, throughput: Throughput) -> Duration:
    """The formula's throughput counts only matrix products, so each step's overhead is added; a measured one has it.

    An evaluation's time follows from the training's, since both are matrix products with the same weights.
    """
    values, speed = resolved.hyperparameters, throughput.tokens_per_second
    overhead = resolved.total_steps * STEP_OVERHEAD_S if throughput.source == "formula" else 0
    recomputes = bool(values["gradient_checkpointing"])
    passes = training_passes(resolved.method, values["objective"], recomputes=recomputes)
    return Duration(
        training=feasibility.count_tokens(resolved, inputs) / speed + overhead,
        evaluations=_evaluating(resolved, inputs) / (passes * speed),
        checkpoints=_checkpoint_seconds(resolved, inputs),
    )


def _evaluating(resolved: ResolvedSettings, inputs: EstimateInputs) -> float:
    """Costs of all evaluations in forward tokens; none without validation rows."""
    plan, steps, tokens = resolved.evaluations, resolved.total_steps, feasibility.row_tokens(resolved, inputs)
    costs = evaluation_costs(resolved.method, resolved.hyperparameters, steps, tokens, tokens)
    return costs.evaluating(count_evaluations(steps, plan.every), plan.rows) if plan else 0.0


def _checkpoint_seconds(resolved: ResolvedSettings, inputs: EstimateInputs) -> float:
    """All checkpoints; after the last step, the model is written instead."""
    count = ceil(resolved.total_steps / int(resolved.hyperparameters["checkpoint_every"]))
    return count * CHECKPOINT_BYTES * feasibility.trainable_parameters(resolved, inputs) / CHECKPOINT_BYTES_PER_S
