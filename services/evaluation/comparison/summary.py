"""Intervals of a model's scores, and the paired tests of two models, by metric."""

from collections.abc import Mapping
from typing import Any

from services.evaluation.comparison.scores import LOWER_IS_BETTER
from services.evaluation.comparison.statistics import LEVEL, Floats, Interval, Samples, Score, interval, paired_test

Statistics = Mapping[str, Floats]
"""Score name -> statistics of the rows, [rows, columns]."""


def intervals(statistics: Statistics, scores: Mapping[str, Score], samples: Samples) -> dict[str, Interval]:
    """Return the 95 % interval of every score that has statistics."""
    found = {name: interval(rows, scores[name], samples) for name, rows in statistics.items()}
    return {name: bounds for name, bounds in found.items() if bounds}


def paired_tests(
    candidate: Statistics, baseline: Statistics, scores: Mapping[str, Score], samples: Samples
) -> dict[str, dict[str, Any]]:
    """Test every score that both have: the fields of `models.Comparison`."""
    tests = {
        name: paired_test(rows, baseline[name], scores[name], samples)
        for name, rows in candidate.items()
        if name in baseline
    }
    return {
        name: {
            "difference": test.difference,
            "interval": test.interval,
            "p_value": test.p_value,
            "test": test.test,
            "verdict": verdict(name, test.difference, test.p_value),
        }
        for name, test in tests.items()
        if test
    }


def verdict(name: str, difference: float, p_value: float) -> str:
    """Return better, worse or no_difference."""
    if p_value >= LEVEL:
        return "no_difference"
    return "better" if (difference > 0) != (name in LOWER_IS_BETTER) else "worse"


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
    if not parts:
        return f"On {rows:,} rows, no significant difference from {other}."
    rest = f" No significant difference in {', '.join(unclear)}." if unclear else ""
    return f"On {rows:,} rows, {', and '.join(parts)}.{rest}"
