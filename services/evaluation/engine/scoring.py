"""Scores of answers and losses: corpus scores through the Metric classes, and scores of single rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.evaluation.engine.generation import Answer
from services.evaluation.engine.losses import Loss
from services.evaluation.engine.metrics.bleu import bleu_signature, row_bleu
from services.evaluation.engine.metrics.chrf import chrf_signature, row_chrf
from services.evaluation.engine.metrics.classes import metric
from services.evaluation.engine.metrics.classification import row_accuracy
from services.evaluation.engine.metrics.exact_match import row_exact_match
from services.evaluation.engine.metrics.json_fields import row_json
from services.evaluation.engine.metrics.number_match import row_number_match
from services.evaluation.engine.metrics.perplexity import perplexity
from services.evaluation.engine.metrics.rouge import rouge_scores
from services.evaluation.engine.metrics.token_f1 import row_token_f1

Scores = dict[str, float]
ROW_SCORES: Mapping[str, Callable[[str, str], Scores]] = {
    "bleu": row_bleu,
    "chrf": row_chrf,
    "token_f1": row_token_f1,
    "exact_match": row_exact_match,
    "number_match": row_number_match,
    "json": row_json,
    "classification": row_accuracy,
}
SIGNATURES: Mapping[str, Callable[[Sequence[str]], str]] = {"bleu": bleu_signature, "chrf": chrf_signature}


@dataclass(frozen=True)
class Output:
    """A model's answers and losses by row; None where no metric needs them. `cut`: rows whose answer was cut off.

    `tokens` are those of each answer, `seconds` how long all took; None for cached ones.
    """

    answers: list[str | None] | None
    losses: list[Loss] | None
    cut: Sequence[int] = ()
    tokens: Sequence[int] = ()
    seconds: float | None = None

    @classmethod
    def of(cls, answers: Sequence[Answer] | None, losses: list[Loss] | None, seconds: float | None) -> "Output":
        """Combine what two passes over the rows gave."""
        if answers is None:
            return cls(None, losses)
        cut = [row for row, answer in enumerate(answers) if answer.cut]
        tokens = [answer.tokens for answer in answers]
        return cls([answer.text for answer in answers], losses, cut, tokens, seconds)


def corpus_scores(metrics: Sequence[str], output: Output, references: Sequence[str], folder: Path) -> Scores:
    """Compute every metric over all rows. `folder` is scratch space of the `evaluate` library.

    Rows without a reference are left out, except for perplexity.
    """
    scores: Scores = {}
    for name in metrics:
        predictions, targets = _metric_inputs(name, output, references)
        if targets:
            scores |= metric(name, folder).compute(predictions=predictions, references=targets)
    return scores


def _metric_inputs(name: str, output: Output, references: Sequence[str]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return predictions and references of a metric; a missing answer counts as an empty one."""
    if name == "perplexity":
        losses = output.losses or []
        return [loss.nats for loss in losses], [loss.tokens for loss in losses]
    pairs = [
        (answer or "", reference)
        for answer, reference in zip(output.answers or [], references, strict=True)
        if reference.strip()
    ]
    return [answer for answer, _ in pairs], [reference for _, reference in pairs]


def signatures(metrics: Sequence[str], references: Sequence[str]) -> dict[str, str]:
    """Return the settings of scores that the references determine, by metric."""
    scored = [reference for reference in references if reference.strip()]
    return {name: SIGNATURES[name](scored) for name in metrics if name in SIGNATURES and scored}


def unscored_rows(name: str, references: Sequence[str]) -> list[int]:
    """Return the rows whose reference is not empty but of another kind than the metric compares."""
    score = ROW_SCORES.get(name)
    if score is None:
        return []
    return [row for row, reference in enumerate(references) if reference.strip() and not score(reference, reference)]


def row_scores(metrics: Sequence[str], output: Output, references: Sequence[str]) -> list[Scores]:
    """Compute every metric of each row; without a reference, only perplexity."""
    scores: list[Scores] = [{} for _ in references]
    if output.answers is not None:
        rows = [row for row, reference in enumerate(references) if reference.strip()]
        answers, expected = [output.answers[row] or "" for row in rows], [references[row] for row in rows]
        for name in metrics:
            for row, found in zip(rows, _pair_scores(name, answers, expected), strict=False):
                scores[row] |= found
    for row, loss in enumerate(output.losses or []):
        scores[row] |= perplexity([loss.nats], [loss.tokens])
    return scores


def _pair_scores(name: str, answers: Sequence[str], references: Sequence[str]) -> Iterable[Scores]:
    if name == "rouge":
        return rouge_scores(answers, references)
    return map(ROW_SCORES[name], answers, references) if name in ROW_SCORES else ()
