"""How often a job evaluates and on how many rows, so that evaluations take a bounded share of its computation. Pure.

Nothing is timed: the choice follows from counts of rows and tokens at submit, so a job that restarts or resumes makes
the same evaluations. Costs are in forward tokens: the time of one token's forward pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from services.training.models import Method, Objective
from shared.warnings import ReportedWarning

MAX_EVAL_SHARE = 0.1
MAX_EVAL_ROWS = 200
MIN_EVAL_ROWS = 50
"""With fewer rows, the loss says too little to compare checkpoints: evaluate less often instead."""
NOTABLE_OPERATIONS = 1e13
"""Floating-point operations of evaluations below which a short job is not warned: less than two minutes of one core."""
PASSES = {"full": 3, "lora": 2, "qlora": 2}
"""Cost of training on a token: 2 FLOPs per parameter forward and 4 backward (arXiv 2001.08361), of which frozen weights
skip the 2 that compute their own gradient."""
REFERENCE_PASSES: dict[Objective, int] = {"sft": 0, "dpo": 1, "kto": 3}
"""Forward passes beside the trained one: the reference's (DPO, arXiv 2305.18290); of KTO (arXiv 2402.01306), the
reference's and both models' on mismatched answers."""
SAMPLE_ANSWERS, MAX_ANSWER_TOKENS, EXTRA_ANSWER_TOKENS = 3, 96, 8
"""Answers that every evaluation generates together (engine/data/sample_prompts.py)."""
DECODING_STEP_TOKENS = {"full": 45, "lora": 90, "qlora": 90}
"""Cost of a token of all sample answers, measured on one core: 39 to 53 for 5M and 135M parameters in fp32 and bf16;
83 to 111 with adapters, which are layers of their own."""


@dataclass(frozen=True)
class EvaluationPlan:
    """`every` steps, on `rows` validation rows: `share` of the computation, or `tokens` forward tokens."""

    every: int
    rows: int
    share: float
    tokens: float


@dataclass(frozen=True)
class EvaluationCosts:
    """Costs of a run in forward tokens: its training, one validation row, and the sample answers of an evaluation."""

    training: float
    row: float
    answers: float

    def evaluating(self, evaluations: int, rows: int) -> float:
        """The cost of `evaluations` on `rows` rows each."""
        return evaluations * (rows * self.row + self.answers)

    def plan(self, total_steps: int, every: int, rows: int) -> EvaluationPlan:
        """The evaluations with their share."""
        tokens = self.evaluating(count_evaluations(total_steps, every), rows)
        return EvaluationPlan(every, rows, tokens / (tokens + self.training), tokens)

    def affordable_rows(self, evaluations: int, share: float) -> int:
        """Rows of each of `evaluations` that take at most `share` of the run; below 0 if the answers take it all."""
        budget = self.training * share / (1 - share)
        return int((budget / evaluations - self.answers) // self.row)


def training_passes(method: Method, objective: Objective, *, recomputes: bool) -> int:
    """Forward passes that cost as much as training on a token; `recomputes`: with gradient checkpointing."""
    return PASSES[method] + REFERENCE_PASSES[objective] + recomputes


def evaluation_costs(
    method: Method, values: Mapping[str, Any], total_steps: int, row_tokens: float, validation_row_tokens: float
) -> EvaluationCosts:
    """For a job with these hyperparameters; row lengths are means, in tokens."""
    longest = values["max_length"] or float("inf")
    row, validation_row = min(row_tokens, longest), min(validation_row_tokens, longest)
    objective: Objective = values["objective"]
    passes = training_passes(method, objective, recomputes=bool(values["gradient_checkpointing"]))
    answer = min(MAX_ANSWER_TOKENS, validation_row + EXTRA_ANSWER_TOKENS)  # twice the reference, about half of the row
    return EvaluationCosts(
        training=passes * total_steps * values["batch_size"] * row,
        row=(1 + REFERENCE_PASSES[objective]) * validation_row,
        answers=SAMPLE_ANSWERS * validation_row / 2 + DECODING_STEP_TOKENS[method] * answer,
    )


def count_evaluations(total_steps: int, every: int) -> int:
    """Before the first step, every `every` steps, and after the last one."""
    return 1 + ceil(total_steps / every)


def plan_evaluations(
    costs: EvaluationCosts,
    total_steps: int,
    interval: int,
    rows: int,
    max_share: float = MAX_EVAL_SHARE,
    least: int | None = None,
) -> EvaluationPlan:
    """Use fewer than `rows` rows, down to `least` (MIN_EVAL_ROWS); then evaluate at multiples of `interval` only.

    Fewer rows come first: checkpoints are compared on the same rows, so their differences stay meaningful, while a
    missed evaluation may miss the best checkpoint. A very short job evaluates at its start and end in any case.
    """
    least = min(rows, MIN_EVAL_ROWS) if least is None else least
    for every in range(interval, total_steps + interval, interval):
        evaluations = count_evaluations(total_steps, every)
        affordable = min(rows, costs.affordable_rows(evaluations, max_share))
        if affordable >= least:
            return costs.plan(total_steps, every, affordable)
    return costs.plan(total_steps, total_steps, least)


def large_share_warning(plan: EvaluationPlan, max_share: float, *, requested: bool) -> ReportedWarning:
    """For evaluations that take more than their share: because the request sets them, or because the job is short."""
    reason = f"{plan.rows} rows every {plan.every} steps" if requested else "the job is short, and has one at each end"
    return ReportedWarning(
        code="evaluation_share",
        detail=f"Evaluations take about {plan.share:.0%} of the computation, more than max_eval_share "
        f"({max_share:.0%}): {reason}.",
        remedy="Set eval_every higher or eval_rows lower, or leave them out."
        if requested
        else "Nothing; the share falls with more steps. A higher max_eval_share accepts it.",
    )
