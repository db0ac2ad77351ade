"""Intervals of a model's scores, and the paired tests of two models, by metric."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from services.evaluation.comparison.scores import LOWER_IS_BETTER
from services.evaluation.comparison.statistics import (
    LEVEL,
    Floats,
    Interval,
    Samples,
    Score,
    Sums,
    interval,
    is_binary,
    mean_score,
    paired_test,
    scored_rows,
    smallest_p,
)
from shared.warnings import ReportedWarning

MIN_RESAMPLED_ROWS = 3
"""Samples of fewer rows have next to no spread: their percentiles are no 95 % interval. Wilson's and McNemar's are."""
FEW_ROWS = 30
"""Below this many rows, one answer changes an average by more than 3 percent."""
Statistics = Mapping[str, Floats]
"""Score name -> statistics of the rows, [rows, columns]."""


def resample(statistics: Statistics, samples: Samples) -> Statistics:
    """Return the sums of all statistics over each bootstrap sample, [samples, columns]."""
    return _by_score(statistics, samples.resampled)


def intervals(statistics: Statistics, scores: Mapping[str, Score], resampled: Statistics) -> dict[str, Interval]:
    """Return the 95 % interval of every score that has statistics, and rows enough for one."""
    found = {name: interval(rows, scores[name], resampled[name]) for name, rows in statistics.items()}
    return {name: bounds for name, bounds in found.items() if bounds and _has_interval(statistics[name], scores[name])}


def _has_interval(rows: Floats, score: Score) -> bool:
    return scored_rows(rows) >= MIN_RESAMPLED_ROWS or (score is mean_score and is_binary(rows))


def paired_tests(
    candidate: Statistics,
    baseline: Statistics,
    scores: Mapping[str, Score],
    samples: Samples,
    resampled: tuple[Statistics, Statistics],
    lower_is_better: frozenset[str] = LOWER_IS_BETTER,
) -> dict[str, dict[str, Any]]:
    """Test every score that both have, given the sums of `resample` of both: the fields of `models.Comparison`."""
    shared = [name for name in candidate if name in baseline]
    swapped = _by_score({name: baseline[name] - candidate[name] for name in shared}, samples.swapped)
    tests = {
        name: paired_test(
            candidate[name], baseline[name], scores[name], Sums(resampled[0][name], resampled[1][name], swapped[name])
        )
        for name in shared
    }
    return {
        name: {
            "difference": test.difference,
            "interval": test.interval if test.test == "mcnemar" or test.rows >= MIN_RESAMPLED_ROWS else None,
            "p_value": test.p_value,
            "test": test.test,
            "verdict": verdict(test.difference, test.p_value, test.rows, lower=name in lower_is_better),
        }
        for name, test in tests.items()
        if test
    }


def _by_score(statistics: Statistics, sum_up: Callable[[Floats], Floats]) -> dict[str, Floats]:
    """Sum up the statistics of all scores at once, which costs little more than those of one."""
    if not statistics:
        return {}
    ends = np.cumsum([rows.shape[1] for rows in statistics.values()])[:-1]
    parts = np.split(sum_up(np.concatenate(list(statistics.values()), axis=1)), ends, axis=1)
    return dict(zip(statistics, parts, strict=True))


def verdict(difference: float, p_value: float, rows: int, tests: int = 1, *, lower: bool = False) -> str:
    """Return better, worse or no_difference; too_few_rows if no difference of so many rows is significant.

    `lower` says whether a lower score is better.
    """
    if smallest_p(rows, tests) >= LEVEL:
        return "too_few_rows"
    if p_value >= LEVEL:
        return "no_difference"
    return "better" if (difference > 0) != lower else "worse"


def few_rows_warning(rows: int) -> list[ReportedWarning]:
    """What so few rows do not say; empty for enough."""
    if rows >= FEW_ROWS:
        return []
    detail = f"Only {rows} rows are scored, so the scores are uncertain."
    remedy = f"Evaluate on at least {FEW_ROWS} rows."
    return [ReportedWarning(code="few_rows", detail=detail, count=rows, remedy=remedy)]


def headline(comparison: Mapping[str, Mapping[str, Any]], rows: int, other: str = "its base model") -> str:
    """Say in a sentence or two what the tests found; empty without a test."""
    kinds = {"better": "significantly better than", "worse": "significantly worse than"}
    parts = []
    for kind, text in kinds.items():
        found = [name for name, test in comparison.items() if test["verdict"] == kind]
        if found:
            named = ", ".join(f"{name} ({comparison[name]['difference']:+.3g})" for name in found)
            parts.append(f"{text} {other} in {named}")
    unclear = [name for name, test in comparison.items() if test["verdict"] == "no_difference"]
    if not comparison:
        return ""
    if not parts and not unclear:
        return f"On {rows:,} rows, too few to tell a difference from {other}."
    if not parts:
        return f"On {rows:,} rows, no significant difference from {other}."
    rest = f" No significant difference in {', '.join(unclear)}." if unclear else ""
    return f"On {rows:,} rows, {', and '.join(parts)}.{rest}"
