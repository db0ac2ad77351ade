"""95 % confidence intervals of scores that are means over rows."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

Z = 1.959964
"""97.5 % quantile of the normal distribution."""
RESAMPLES = 1000
CORPUS_SCORES = frozenset(("bleu", "chrf", "perplexity"))
"""Scores of the whole corpus, which are no means of their row scores."""


def mean_intervals(rows: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """[low, high] of the mean of each score over the rows that have it, for other rows of the same kind.

    Wilson's interval (Wilson 1927) if every value is 0 or 1, which holds for 0 of n rows too; otherwise the percentile
    bootstrap over rows (Efron 1979), with a fixed seed.
    """
    values: dict[str, list[float]] = {}
    for row in rows:
        for name in row.keys() - CORPUS_SCORES:
            values.setdefault(name, []).append(row[name])
    return {name: _interval(np.array(numbers)) for name, numbers in values.items()}


def _interval(values: Any) -> list[float]:
    low, high = _wilson(values) if set(values.tolist()) <= {0.0, 1.0} else _bootstrap(values)
    return [float(low), float(high)]


def _wilson(values: Any) -> tuple[float, float]:
    count, share = len(values), values.mean()
    center, spread = share + Z**2 / (2 * count), Z * (share * (1 - share) / count + (Z / (2 * count)) ** 2) ** 0.5
    scale = 1 + Z**2 / count
    return max(0.0, (center - spread) / scale), min(1.0, (center + spread) / scale)


def _bootstrap(values: Any) -> Any:
    random = np.random.default_rng(0)
    means = [values[random.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)]
    return np.quantile(means, (0.025, 0.975))
