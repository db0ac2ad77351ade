"""ROUGE-1, -2 and -L F-measures with rouge_score's numbers (Lin 2004; no stemmer), an order of magnitude faster.

n-grams by counters, the longest common subsequence by rapidfuzz's bit-parallel LCSseq. The tokens are rouge_score's:
lower case, runs of a-z and 0-9.
"""

import re
from collections import Counter
from collections.abc import Sequence

import datasets
import evaluate
from rapidfuzz.distance import LCSseq

TOKEN = re.compile(r"[a-z0-9]+")


def tokens(text: str) -> list[str]:
    """The words that ROUGE compares; text in other scripts has none, as in rouge_score."""
    return TOKEN.findall(text.lower())


def row_rouge(prediction: str, reference: str) -> dict[str, float]:
    """F-measures 0 to 1."""
    ours, theirs = tokens(prediction), tokens(reference)
    return {
        "rouge1": _overlap(ours, theirs, 1),
        "rouge2": _overlap(ours, theirs, 2),
        "rougeL": _f_measure(LCSseq.similarity(ours, theirs), len(ours), len(theirs)),
    }


def _overlap(ours: Sequence[str], theirs: Sequence[str], n: int) -> float:
    left, right = _ngrams(ours, n), _ngrams(theirs, n)
    shared = sum(min(count, right[gram]) for gram, count in left.items())
    return _f_measure(shared, max(len(ours) - n + 1, 0), max(len(theirs) - n + 1, 0))


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def _f_measure(shared: int, ours: int, theirs: int) -> float:
    precision, recall = shared / max(ours, 1), shared / max(theirs, 1)
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
