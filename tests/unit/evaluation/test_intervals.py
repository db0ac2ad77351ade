"""95 % intervals of scores: published values of Wilson's, and the normal approximation where it holds."""

import pytest

from services.evaluation.engine.intervals import mean_intervals


@pytest.mark.parametrize(
    ("matches", "rows", "expected"),
    [(0, 40, (0.0, 0.0876)), (40, 40, (0.9124, 1.0)), (5, 10, (0.2366, 0.7634)), (15, 148, (0.0624, 0.1605))],
)
def test_shares_have_wilsons_interval(matches: int, rows: int, expected: tuple[float, float]) -> None:
    """The last is Newcombe's example (1998, Statistics in Medicine 17, table I)."""
    found = mean_intervals({"exact_match": float(row < matches)} for row in range(rows))
    assert found["exact_match"] == pytest.approx(expected, abs=1e-4)


def test_other_means_have_a_bootstrap_interval() -> None:
    values = [row / 400 for row in range(401)]
    half = 1.96 * (sum((value - 0.5) ** 2 for value in values) / len(values) ** 2) ** 0.5
    low, high = mean_intervals({"token_f1": value} for value in values)["token_f1"]
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=half / 10)


def test_rows_without_a_score_and_corpus_scores_do_not_count() -> None:
    rows = [{"bleu": 3.0, "perplexity": 2.0, "chrf": 1.0}, {"json_valid": 1.0}]
    assert mean_intervals(rows).keys() == {"json_valid"}
    assert mean_intervals([{"rougeL": 0.25}]) == {"rougeL": [0.25, 0.25]}
