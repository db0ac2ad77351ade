"""ROUGE-1, ROUGE-2 and ROUGE-L F-measures (Lin 2004), 0 to 1.

ROUGE-n counts overlapping n-grams, ROUGE-L the longest common subsequence (LCS); F = 2PR / (P + R). Tokens are Unicode
words without stemming. For ASCII text the scores equal those of the rouge_score package, which knows only a-z and 0-9,
with two exceptions: if the reference has no words, characters are compared; and the ROUGE-2 of equal answers of one
word is 1. rapidfuzz's bit-parallel LCS makes this an order of magnitude faster than rouge_score.
"""

from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from services.evaluation.engine.metrics.ngrams import count_shared
from services.evaluation.engine.metrics.scripts import symbols, words


def row_rouge(prediction: str, reference: str) -> dict[str, float]:
    """Compute the F-measures of one row, 0 to 1."""
    predicted, expected = _tokens(prediction, reference)
    return {
        "rouge1": _rouge_n(predicted, expected, 1),
        "rouge2": _rouge_n(predicted, expected, 2),
        "rougeL": _rouge_l(predicted, expected),
    }


def row_rouge_n(prediction: str, reference: str, n: int | None) -> float:
    """Compute the F-measure of one row for n-grams, or with None for the longest common subsequence; 0 to 1."""
    predicted, expected = _tokens(prediction, reference)
    return _rouge_l(predicted, expected) if n is None else _rouge_n(predicted, expected, n)


def _tokens(prediction: str, reference: str) -> tuple[list[str], list[str]]:
    expected = words(reference)
    return (words(prediction), expected) if expected else (symbols(prediction), symbols(reference))


def _rouge_l(predicted: Sequence[str], expected: Sequence[str]) -> float:
    return _f_measure(LCSseq.similarity(predicted, expected), len(predicted), len(expected))


def _rouge_n(predicted: Sequence[str], expected: Sequence[str], n: int) -> float:
    if len(expected) < n:
        return float(bool(expected) and predicted == expected)
    shared = count_shared(predicted, expected, n)
    return _f_measure(shared, max(len(predicted) - n + 1, 0), max(len(expected) - n + 1, 0))


def _f_measure(shared: int, predicted: int, expected: int) -> float:
    precision, recall = shared / max(predicted, 1), shared / max(expected, 1)
    return 2 * precision * recall / (precision + recall) if shared else 0.0
