"""ROUGE-1, ROUGE-2 and ROUGE-L F-measures (Lin 2004), 0 to 1.

ROUGE-n counts overlapping n-grams, ROUGE-L the longest common subsequence (LCS); F = 2PR / (P + R). Tokens are Unicode
words without stemming. For ASCII text the scores equal those of the rouge_score package, which knows only a-z and 0-9,
with two exceptions: if the reference has no words, characters are compared; and the ROUGE-2 of equal answers of one
word is 1. rapidfuzz's bit-parallel LCS makes this an order of magnitude faster than rouge_score.
"""

from collections import Counter
from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from services.evaluation.engine.metrics.row_metric import RowMetric
from services.evaluation.engine.metrics.scripts import symbols, words


def row_rouge(prediction: str, reference: str) -> dict[str, float]:
    """Compute the F-measures of one row, 0 to 1."""
    tokenize = words if words(reference) else symbols
    predicted, expected = tokenize(prediction), tokenize(reference)
    return {
        "rouge1": _rouge_n(predicted, expected, 1),
        "rouge2": _rouge_n(predicted, expected, 2),
        "rougeL": _f_measure(LCSseq.similarity(predicted, expected), len(predicted), len(expected)),
    }


def _rouge_n(predicted: Sequence[str], expected: Sequence[str], n: int) -> float:
    if len(expected) < n:
        return float(bool(expected) and predicted == expected)
    left, right = _ngrams(predicted, n), _ngrams(expected, n)
    shared = sum(min(count, right[gram]) for gram, count in left.items())
    return _f_measure(shared, max(len(predicted) - n + 1, 0), max(len(expected) - n + 1, 0))


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def _f_measure(shared: int, predicted: int, expected: int) -> float:
    precision, recall = shared / max(predicted, 1), shared / max(expected, 1)
    return 2 * precision * recall / (precision + recall) if shared else 0.0


class Rouge(RowMetric):
    """{"rouge1", "rouge2", "rougeL"}: means over rows, 0..1."""

    summary = "ROUGE F-measures, averaged over rows."
    source = "Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries"
    row = staticmethod(row_rouge)
