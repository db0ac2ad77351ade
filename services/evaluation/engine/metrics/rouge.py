"""ROUGE-1, ROUGE-2 and ROUGE-L F-measures (Lin 2004), 0 to 1, equal to those of the rouge_score package.

ROUGE-n counts overlapping n-grams, ROUGE-L the longest common subsequence (LCS); F = 2PR / (P + R). Tokens are
rouge_score's without stemming: lower case, runs of a-z and 0-9. rapidfuzz's bit-parallel LCS makes this an order of
magnitude faster than rouge_score.
"""

import re
from collections import Counter
from collections.abc import Sequence

import datasets
import evaluate
from rapidfuzz.distance import LCSseq

TOKEN = re.compile(r"[a-z0-9]+")


def tokenize(text: str) -> list[str]:
    """Split text into tokens; text in other scripts has none, as in rouge_score."""
    return TOKEN.findall(text.lower())


def row_rouge(prediction: str, reference: str) -> dict[str, float]:
    """Compute the F-measures of one row, 0 to 1."""
    predicted, expected = tokenize(prediction), tokenize(reference)
    return {
        "rouge1": _rouge_n(predicted, expected, 1),
        "rouge2": _rouge_n(predicted, expected, 2),
        "rougeL": _f_measure(LCSseq.similarity(predicted, expected), len(predicted), len(expected)),
    }


def _rouge_n(predicted: Sequence[str], expected: Sequence[str], n: int) -> float:
    left, right = _ngrams(predicted, n), _ngrams(expected, n)
    shared = sum(min(count, right[gram]) for gram, count in left.items())
    return _f_measure(shared, max(len(predicted) - n + 1, 0), max(len(expected) - n + 1, 0))


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def _f_measure(shared: int, predicted: int, expected: int) -> float:
    precision, recall = shared / max(predicted, 1), shared / max(expected, 1)
    return 2 * precision * recall / (precision + recall) if shared else 0.0


class Rouge(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> {"rouge1", "rouge2", "rougeL"}: means over rows, 0..1."""

    def _info(self) -> evaluate.MetricInfo:
        text = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description="ROUGE F-measures, averaged over rows.",
            citation="Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries",
            inputs_description="One prediction and one reference per row.",
            features=datasets.Features(text),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        rows = [row_rouge(*pair) for pair in zip(predictions, references, strict=True)]
        return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
