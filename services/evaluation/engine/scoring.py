"""Scores of answers and losses: corpus scores through the Metric classes, and scores of single rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.evaluation.engine.losses import Loss
from services.evaluation.engine.metrics import metric
from services.evaluation.engine.metrics.bleu import row_bleu
from services.evaluation.engine.metrics.exact_match import row_exact_match
from services.evaluation.engine.metrics.perplexity import perplexity
from services.evaluation.engine.metrics.rouge import row_rouge

Scores = dict[str, float]
ROW_SCORES: Mapping[str, Callable[[str, str], Scores]] = {
    "bleu": row_bleu,
    "rouge": row_rouge,
    "exact_match": row_exact_match,
}


@dataclass(frozen=True)
class Output:
    """A model's answers and losses by row; None where no metric needs them."""

    answers: list[str | None] | None
    losses: list[Loss] | None


def corpus_scores(metrics: Sequence[str], output: Output, references: Sequence[str], folder: Path) -> Scores:
    """Compute every metric over all rows. `folder` is scratch space of the `evaluate` library."""
    scores: Scores = {}
    for name in metrics:
        predictions, targets = _metric_inputs(name, output, references)
        scores |= metric(name, folder).compute(predictions=predictions, references=targets)
    return scores


def _metric_inputs(name: str, output: Output, references: Sequence[str]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return predictions and references of a metric; a missing answer counts as an empty one."""
    if name == "perplexity":
        losses = output.losses or []
        return [loss.nats for loss in losses], [loss.tokens for loss in losses]
    return [answer or "" for answer in output.answers or []], references


def row_scores(metrics: Sequence[str], output: Output, references: Sequence[str], row: int) -> Scores:
    """Compute every metric of one row."""
    scores: Scores = {}
    if output.answers is not None:
        for name in metrics:
            if score := ROW_SCORES.get(name):
                scores |= score(output.answers[row] or "", references[row])
    if output.losses is not None:
        scores |= perplexity([output.losses[row].nats], [output.losses[row].tokens])
    return scores
