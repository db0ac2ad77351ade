"""The statistics of each row by score, whose sums give the score: see comparison/scores.py."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from services.evaluation.comparison.statistics import Floats
from services.evaluation.engine.metrics.bleu import bleu_statistics
from services.evaluation.engine.metrics.chrf import chrf_statistics
from services.evaluation.engine.metrics.classification import label_statistics
from services.evaluation.engine.scoring import Output

CORPUS_STATISTICS: Mapping[str, Callable[[Sequence[str], Sequence[str]], Any]] = {
    "bleu": bleu_statistics,
    "chrf": chrf_statistics,
    "macro_f1": label_statistics,
}


def row_statistics(
    scores: Mapping[str, float],
    rows: Sequence[Mapping[str, float]],
    output: Output,
    references: Sequence[str],
) -> dict[str, Floats]:
    """Return score -> statistics [rows, columns], given all scores and those of each row. Rows not scored are zeros."""
    scored = [row for row, reference in enumerate(references) if reference.strip()]
    answers = [(output.answers[row] or "") if output.answers is not None else "" for row in scored]
    expected = [references[row] for row in scored]
    found: dict[str, Floats] = {}
    for name in scores:
        if name == "perplexity":
            found[name] = np.array([(loss.nats, loss.tokens) for loss in output.losses or []], np.float64)
        elif name in CORPUS_STATISTICS:
            counts = CORPUS_STATISTICS[name](answers, expected)
            if counts is not None and len(counts):
                found[name] = np.zeros((len(references), len(counts[0])))
                found[name][scored] = counts
        else:
            found[name] = np.array([(row.get(name, 0.0), float(name in row)) for row in rows])
    return found
