"""Statistics of the scores that lm-eval computes over all rows at once, from the pairs that its samples have of a row.

BLEU, chrF and chrF++ have (reference or references, answer), F1 and Matthews' correlation (label, predicted label), the
Brier score (label, probabilities of the choices). The formulas are those of lm-eval 0.4.13, api/metrics.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from services.evaluation.comparison.statistics import Floats

MAX_LABELS = 8
"""Of Matthews' correlation: a row has a count for each pair of labels."""
MAX_CHARACTERS = 8_000_000
"""Of all references and answers: chrF takes about a minute for as many."""


class Unusable(ValueError):
    """Why a score cannot be computed from the samples, as the end of a sentence."""


def corpus_statistics(ids: Sequence[int], values: Mapping[int, Any], aggregation: str) -> Floats:
    """The statistics of the rows, [rows, columns], zeros for rows without a value. Raises Unusable."""
    places = [place for place, id in enumerate(ids) if id in values]
    pairs = [_pair(ids[place], values[ids[place]]) for place in places]
    if not pairs:
        raise Unusable("the samples have no values of it")
    counts = np.asarray(AGGREGATIONS[aggregation](pairs), np.float64)
    found = np.zeros((len(ids), counts.shape[1]))
    found[places] = counts
    return found


def _pair(id: int, value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise Unusable(f"row {id} has no pair of what is right and what was answered")
    return value[0], value[1]


def _texts(pairs: Sequence[tuple[Any, Any]]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Answers, and the first, second … reference of each row; of as many references as every row has."""
    references = [given if isinstance(given, list) else [given] for given, _ in pairs]
    answers = [given[0] if isinstance(given, list) and len(given) == 1 else given for _, given in pairs]
    texts = [*answers, *(text for row in references for text in row)]
    if not all(isinstance(text, str) for text in texts) or not all(references):
        raise Unusable("a reference or an answer in the samples is no text")
    if sum(map(len, texts)) > MAX_CHARACTERS:
        raise Unusable(f"its references and answers have more than {MAX_CHARACTERS:,} characters")
    return answers, list(zip(*references, strict=False))


def _bleu(pairs: Sequence[tuple[Any, Any]]) -> list[list[int]]:
    from sacrebleu.metrics.bleu import BLEU

    counts: list[list[int]] = BLEU(force=True)._extract_corpus_statistics(*_texts(pairs))
    return counts


def _chrf(word_order: int) -> Callable[[Sequence[tuple[Any, Any]]], list[list[int]]]:
    def count(pairs: Sequence[tuple[Any, Any]]) -> list[list[int]]:
        from sacrebleu.metrics.chrf import CHRF

        counts: list[list[int]] = CHRF(word_order=word_order)._extract_corpus_statistics(*_texts(pairs))
        return counts

    return count


def _confusion(pairs: Sequence[tuple[Any, Any]]) -> Floats:
    """One 1 for each row, at label · MAX_LABELS + predicted label: equal columns for all models."""
    if not all(isinstance(label, int) and 0 <= label < MAX_LABELS for pair in pairs for label in pair):
        raise Unusable(f"a label in the samples is not the place of one of at most {MAX_LABELS} choices")
    return np.eye(MAX_LABELS**2)[[label * MAX_LABELS + predicted for label, predicted in pairs]]


def _f1(pairs: Sequence[tuple[Any, Any]]) -> list[list[float]]:
    """1 for a row that is 1 and found, is 1, and is predicted to be 1; and for any row."""
    if not all(isinstance(label, int) and label in (0, 1) for pair in pairs for label in pair):
        raise Unusable("a label in the samples is neither 0 nor 1")
    return [[label * predicted, label, predicted, 1] for label, predicted in pairs]


def _brier(pairs: Sequence[tuple[Any, Any]]) -> list[list[float]]:
    """The squared error of a row's probabilities, and 1. lm-eval writes them as numpy shows an array: 8 digits."""
    found = []
    for label, shown in pairs:
        try:
            given = shown.strip("[]").split() if isinstance(shown, str) else shown
            probabilities = np.array([float(number) for number in given])
        except (TypeError, ValueError):
            raise Unusable("the samples do not show all probabilities of the choices") from None
        if not isinstance(label, int) or not 0 <= label < len(probabilities):
            raise Unusable("a label in the samples is not the place of a choice")
        if not (np.isfinite(probabilities) & (abs(probabilities) <= 1)).all():
            raise Unusable("a probability in the samples is not between 0 and 1")
        found.append([float(((probabilities - np.eye(len(probabilities))[label]) ** 2).sum()), 1.0])
    return found


AGGREGATIONS: Mapping[str, Callable[[Sequence[tuple[Any, Any]]], Any]] = {
    "bleu": _bleu,
    "chrf": _chrf(0),
    "chrf++": _chrf(2),
    "f1": _f1,
    "matthews_corrcoef": _confusion,
    "brier_score": _brier,
}
METRICS = {**{name: name for name in AGGREGATIONS if name != "matthews_corrcoef"}, "mcc": "matthews_corrcoef"}
"""The aggregation of a metric whose task names none, and whose rows have pairs."""
OF_ALL_ROWS = ("f1", "matthews_corrcoef")
"""Say nothing of a single row."""
