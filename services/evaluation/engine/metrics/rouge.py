"""ROUGE-1, ROUGE-2 and ROUGE-L F-measures (Lin 2004), 0 to 1.

ROUGE-n counts overlapping n-grams, ROUGE-L the longest common subsequence (LCS); F = 2PR / (P + R). Tokens are Unicode
words without stemming. For ASCII text the scores equal those of the rouge_score package, which knows only a-z and 0-9,
with two exceptions: if the reference has no words, characters are compared; and the ROUGE-2 of equal answers of one
word is 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from services.evaluation.engine.metrics.ngrams import Encoder, Tokens, shared_ngrams
from services.evaluation.engine.metrics.scripts import symbols, words

Floats = NDArray[np.float64]


def rouge_scores(predictions: Sequence[str], references: Sequence[str]) -> list[dict[str, float]]:
    """Compute the F-measures of each row, 0 to 1."""
    predicted, expected = _tokens(predictions, references)
    scores = zip(*_rouge_n(predicted, expected, 2), _rouge_l(predicted, expected), strict=True)
    return [dict(zip(("rouge1", "rouge2", "rougeL"), map(float, row), strict=True)) for row in scores]


def row_rouge_n(prediction: str, reference: str, n: int | None) -> float:
    """Compute the F-measure of one row for n-grams, or with None for the longest common subsequence; 0 to 1."""
    tokens = _tokens([prediction], [reference])
    return float((_rouge_l(*tokens) if n is None else _rouge_n(*tokens, n)[-1])[0])


def _tokens(predictions: Sequence[str], references: Sequence[str]) -> tuple[list[Tokens], list[Tokens]]:
    """Return the numbers of words; of characters where a reference has no words."""
    by_words, by_symbols = Encoder(words).encode, Encoder(symbols).encode
    predicted, expected = list(map(by_words, predictions)), list(map(by_words, references))
    for row, tokens in enumerate(expected):
        if not tokens:
            predicted[row], expected[row] = by_symbols(predictions[row]), by_symbols(references[row])
    return predicted, expected


def _rouge_l(predicted: list[Tokens], expected: list[Tokens]) -> Floats:
    shared = np.array([LCSseq.similarity(*pair) for pair in zip(predicted, expected, strict=True)])
    return _f_measure(shared, _lengths(predicted), _lengths(expected))


def _rouge_n(predicted: list[Tokens], expected: list[Tokens], orders: int) -> list[Floats]:
    """F-measures of n-grams for n = 1 … orders. Of a reference without any, the whole answer is compared."""
    shared, lengths = shared_ngrams(predicted, expected, orders), (_lengths(predicted), _lengths(expected))
    equal = np.array([bool(other) and one == other for one, other in zip(predicted, expected, strict=True)])
    return [
        np.where(lengths[1] <= n, equal, _f_measure(shared[:, n], lengths[0] - n, lengths[1] - n))
        for n in range(orders)
    ]


def _lengths(texts: list[Tokens]) -> NDArray[np.int64]:
    return np.array([len(tokens) for tokens in texts])


def _f_measure(shared: NDArray[np.int64], predicted: NDArray[np.int64], expected: NDArray[np.int64]) -> Floats:
    precision, recall = shared / np.maximum(predicted, 1), shared / np.maximum(expected, 1)
    return 2 * precision * recall / np.where(shared > 0, precision + recall, 1)
