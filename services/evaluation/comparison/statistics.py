"""95 % intervals and paired tests of scores over rows, with a fixed seed: equal rows give equal numbers.

A score is a function of sums over rows of its statistics: a mean of (value, 1), corpus BLEU of its n-gram counts. A
sample of rows therefore costs one multiplication of matrices, and no text is scored again. The module imports scipy,
which takes a second: import it where it is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

RESAMPLES = 1000
SEED = 12_345
"""sacrebleu's default seed, with the same generator: the same samples of rows."""
LEVEL = 0.05
"""A difference is significant if its p-value is below this."""
Z = 1.959964
"""97.5 % quantile of the normal distribution."""
_CHUNK = 100
_TOLERANCE = 1e-9
"""Of two differences that are equal but for rounding."""
Floats = NDArray[np.float64]
Interval = tuple[float, float]
Score = Callable[[Floats], float | None]
"""Sums over rows of the statistics, shape [columns] -> the score; None if it has none, as a mean over no row."""


@dataclass(frozen=True)
class PairedTest:
    """Whether a candidate differs from a baseline on the same rows."""

    difference: float
    """candidate minus baseline"""
    interval: Interval
    p_value: float
    """two-sided: how often a difference this large comes up if both are equally good"""
    test: Literal["mcnemar", "randomization"]
    rows: int
    """rows that both are scored on"""

    @property
    def significant(self) -> bool:
        """Whether chance is an unlikely reason of the difference."""
        return self.p_value < LEVEL


@dataclass(frozen=True)
class Samples:
    """Random samples of `rows` rows. One object serves all scores and models, which makes their samples the same."""

    rows: int

    @cached_property
    def _drawn(self) -> list[NDArray[np.uint16]]:
        """How often a sample with replacement has each row, [_CHUNK, rows] each."""
        random = np.random.default_rng(SEED)
        return [_counts(random, self.rows) for _ in range(0, RESAMPLES, _CHUNK)]

    @cached_property
    def _swapped(self) -> list[NDArray[np.bool_]]:
        """Which rows a trial swaps, [_CHUNK, rows] each."""
        random = np.random.default_rng(SEED)
        return [random.random((_CHUNK, self.rows)) < 0.5 for _ in range(0, RESAMPLES, _CHUNK)]

    def resampled(self, statistics: Floats) -> Floats:
        """Sums of statistics [rows, columns] over each bootstrap sample (Efron 1979), [RESAMPLES, columns]."""
        return np.concatenate([drawn.astype(np.float64) @ statistics for drawn in self._drawn])

    def swapped(self, statistics: Floats) -> Floats:
        """Sums of statistics [rows, columns] over the rows that each trial swaps, [RESAMPLES, columns]."""
        return np.concatenate([swapped.astype(np.float64) @ statistics for swapped in self._swapped])


def _counts(random: np.random.Generator, rows: int) -> NDArray[np.uint16]:
    drawn = random.integers(rows, size=(_CHUNK, rows)) + np.arange(_CHUNK)[:, None] * rows
    return np.bincount(drawn.ravel(), minlength=_CHUNK * rows).reshape(_CHUNK, rows).astype(np.uint16)


def mean_score(sums: Floats) -> float | None:
    """The score of statistics (value, counted): the mean of the rows that are counted."""
    return float(sums[0] / sums[1]) if sums[1] else None


def interval(statistics: Floats, score: Score, resampled: Floats) -> Interval | None:
    """95 % interval of a score of statistics [rows, columns] for other rows of the same kind; None without a score.

    Wilson's (1927) if the score is a mean of zeros and ones, which holds for 0 of n rows too; otherwise the percentile
    bootstrap over rows, from the sums that `Samples.resampled` gives for the statistics.
    """
    if score is mean_score and is_binary(statistics):
        right, counted = statistics.sum(0)
        return wilson(right, counted) if counted else None
    return _percentiles(_scores(resampled, score))


@dataclass(frozen=True)
class Sums:
    """Sums of the statistics of two models, from the same `Samples`, each [RESAMPLES, columns]."""

    candidate: Floats
    baseline: Floats
    swapped: Floats
    """over the swapped rows, of the baseline's statistics minus the candidate's"""


def paired_test(candidate: Floats, baseline: Floats, score: Score, sums: Sums) -> PairedTest | None:
    """Test the scores of two models, given their statistics [rows, columns] of the same rows; None without scores.

    The interval of the difference is the percentile bootstrap's over pairs, the p-value that of approximate
    randomization (Noreen 1989), which swaps the two models' answers to random rows. Unlike the bootstrap's it holds for
    few rows too. Means of zeros and ones: `mcnemar`. Means count the same rows for both models.
    """
    found = score(candidate.sum(0)), score(baseline.sum(0))
    if found[0] is None or found[1] is None:
        return None
    if score is mean_score and is_binary(candidate) and is_binary(baseline):
        counted = candidate[:, 1] > 0
        return mcnemar(candidate[counted, 0], baseline[counted, 0])
    difference = found[0] - found[1]
    spread = _percentiles(_scores(sums.candidate, score) - _scores(sums.baseline, score))
    trials = _scores(candidate.sum(0) + sums.swapped, score) - _scores(baseline.sum(0) - sums.swapped, score)
    extreme = ~(np.abs(trials) < abs(difference) * (1 - _TOLERANCE) - _TOLERANCE)  # also trials without a score
    p_value = (extreme.sum() + 1) / (len(extreme) + 1)
    rows = scored_rows(candidate + baseline)
    return PairedTest(difference, spread or (difference, difference), float(p_value), "randomization", rows)


def scored_rows(statistics: Floats) -> int:
    """How many rows a score counts: the statistics of others are zeros."""
    return int(statistics.any(axis=1).sum())


def smallest_p(rows: int, tests: int = 1) -> float:
    """The smallest p-value of both tests, adjusted for several: all rows differ, in one direction."""
    return min(1.0, 2 * 0.5**rows * tests)


def mcnemar(candidate: Sequence[float] | Floats, baseline: Sequence[float] | Floats) -> PairedTest:
    """McNemar's exact test (1947) of right (1) and wrong (0) answers to the same rows.

    The p-value is the binomial's over the rows on which the two differ. The interval is Agresti and Min's (2005),
    Wald's with half a row more in each cell: it is not empty where no row differs.
    """
    right, other = np.asarray(candidate, dtype=bool), np.asarray(baseline, dtype=bool)
    rows, better, worse = len(right), int((right & ~other).sum()), int((other & ~right).sum())
    p_value = min(1.0, 2 * float(bdtr(min(better, worse), better + worse, 0.5)))
    center, changed = (better - worse) / (rows + 2), (better + worse + 1) / (rows + 2)
    half = Z * ((changed - center**2) / (rows + 2)) ** 0.5
    spread = max(-1.0, center - half), min(1.0, center + half)
    return PairedTest((better - worse) / rows, spread, p_value, "mcnemar", rows)


def bootstrap_interval(values: Sequence[float] | Floats) -> Interval:
    """95 % interval of the mean of one value per row, at least one; Wilson's for zeros and ones."""
    statistics = _as_means(values)
    found = interval(statistics, mean_score, Samples(len(values)).resampled(statistics))
    assert found
    return found


def paired_bootstrap(candidate: Sequence[float] | Floats, baseline: Sequence[float] | Floats) -> PairedTest:
    """Test the difference of two means, given the values of the same rows in the same order, at least one.

    Zeros and ones are tested by `mcnemar`.
    """
    if len(candidate) != len(baseline):
        raise ValueError(f"{len(candidate)} and {len(baseline)} values are no pairs")
    one, other, samples = _as_means(candidate), _as_means(baseline), Samples(len(candidate))
    sums = Sums(samples.resampled(one), samples.resampled(other), samples.swapped(other - one))
    found = paired_test(one, other, mean_score, sums)
    assert found
    return found


def wilson(right: float, rows: float) -> Interval:
    """Wilson's 95 % interval (1927) of a share, at least one row."""
    share, scale = right / rows, 1 + Z**2 / rows
    center, spread = share + Z**2 / (2 * rows), Z * (share * (1 - share) / rows + (Z / (2 * rows)) ** 2) ** 0.5
    return max(0.0, float((center - spread) / scale)), min(1.0, float((center + spread) / scale))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for testing several hypotheses at once (Holm 1979)."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = adjusted[index] = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
    return adjusted


def _as_means(values: Sequence[float] | Floats) -> Floats:
    return np.stack([np.asarray(values, dtype=np.float64), np.ones(len(values))], 1)


def is_binary(statistics: Floats) -> bool:
    """Whether all statistics are zeros and ones."""
    return bool(np.isin(statistics, (0.0, 1.0)).all())


def _scores(sums: Floats, score: Score) -> Floats:
    """The score of each row of sums [samples, columns]; NaN for a sample without one."""
    if score is mean_score:
        means = np.full(len(sums), np.nan)
        np.divide(sums[:, 0], sums[:, 1], out=means, where=sums[:, 1] > 0)
        return means
    found = [score(row) for row in sums]
    return np.array([np.nan if value is None else value for value in found])


def _percentiles(scores: Floats) -> Interval | None:
    found = scores[~np.isnan(scores)]
    if not len(found):
        return None
    low, high = np.quantile(found, (LEVEL / 2, 1 - LEVEL / 2))
    return float(low), float(high)
