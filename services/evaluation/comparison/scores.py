"""Scores as functions of the sums of their statistics, for samples of rows, slices and comparisons.

The statistics of a row: mean scores (value, counted); BLEU and chrF sacrebleu's n-gram counts; perplexity (nats,
tokens); macro F1 (right, expected, answered) for each label. Scores of an import say in their signature how they are
aggregated: means, perplexities of (nats, words) or (nats, 1), and bits per byte of (nats, bytes).
"""

import math
from collections.abc import Callable, Mapping

from services.evaluation.comparison.statistics import Floats, Score, mean_score

MAX_MEAN_NLL = 700.0
"""Nats per token. exp(710) overflows a float64, and JSON has no infinity."""
LOWER_IS_BETTER = frozenset(("perplexity",))
BLEU_ORDER = 4
AGGREGATION = "agg:"
"""Begins the signature of a score of an import; lm-eval's name of the aggregation follows."""


def score_functions(names: list[str], signatures: Mapping[str, str]) -> dict[str, Score]:
    """Return the function of each score. BLEU's effective order and the aggregation are read from its signature."""
    special: dict[str, Callable[[], Score]] = {
        "bleu": lambda: _bleu("eff:yes" in signatures.get("bleu", "")),
        "chrf": _chrf,
        "perplexity": lambda: _perplexity,
        "macro_f1": lambda: _macro_f1,
    }
    named: dict[str, Score] = {
        "perplexity": _perplexity,
        "weighted_perplexity": _perplexity,
        "bits_per_byte": _bits,
    }

    def function(name: str) -> Score:
        first = signatures.get(name, "").partition("|")[0]
        if first.startswith(AGGREGATION):
            return named.get(first.removeprefix(AGGREGATION), mean_score)
        return special[name]() if name in special else mean_score

    return {name: function(name) for name in names}


def _bleu(effective_order: bool) -> Score:
    from sacrebleu.metrics.bleu import BLEU

    def score(sums: Floats) -> float | None:
        counts = [int(count) for count in sums]
        if not counts[1]:
            return None
        found = BLEU.compute_bleu(
            correct=counts[2 : 2 + BLEU_ORDER],
            total=counts[2 + BLEU_ORDER :],
            sys_len=counts[0],
            ref_len=counts[1],
            smooth_method="exp",
            effective_order=effective_order,
        )
        return min(float(found.score), 100.0)  # rounding may exceed 100

    return score


def _chrf() -> Score:
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()

    def score(sums: Floats) -> float | None:
        return min(float(chrf._compute_f_score([int(count) for count in sums])), 100.0) if sums[1] else None

    return score


def _perplexity(sums: Floats) -> float | None:
    nats, tokens = sums
    return math.exp(min(float(nats) / float(tokens), MAX_MEAN_NLL)) if tokens else None


def _bits(sums: Floats) -> float | None:
    nats, octets = sums
    return float(nats) / float(octets) / math.log(2) if octets else None


def _macro_f1(sums: Floats) -> float | None:
    """The mean of the labels' F1 over those that are expected in a row."""
    right, expected, answered = sums.reshape(-1, 3).T
    found = expected > 0
    return float((2 * right[found] / (expected + answered)[found]).mean()) if found.any() else None
