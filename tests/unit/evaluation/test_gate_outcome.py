"""What two runs say about a candidate: rows that got worse, slices, and answers that cannot be graded."""

import json
from typing import Any

import pytest

from services.evaluation.comparison.statistics import paired_bootstrap
from services.evaluation.evals.models import OutputItem
from services.evaluation.gates.outcome import outcome_of
from shared.suites import Suite

SUITE: dict[str, Any] = {
    "eval_id": "eval_1",
    "data_source": {"type": "completions", "source": {"type": "file_id", "id": "ds_1"}, "input_messages": {}},
    "max_regression": 0.1,
    "slice_by": "kind",
}


def items(role: str, scores: list[float | None]) -> list[OutputItem]:
    """A run's rows with these scores; None: the answer cannot be graded."""
    found = []
    for number, score in enumerate(scores):
        result = {"name": "same", "type": "string_check", "score": score or 0.0, "passed": score == 1, "sample": None}
        if score is None:
            result["error"] = {"code": "e", "message": "m"}
        row = OutputItem(id=f"{role}_{number}", project="p", eval_id="e", run_id=role, number=number,
                         item={"kind": "ab"[number % 2]}, results=[result])  # fmt: skip
        found.append(row)
    return found[::-1]


def test_rows_that_got_worse_are_named() -> None:
    outcome = outcome_of(
        Suite.model_validate(SUITE), ["same"], items("new", [1, 0, 1, 0, None]), items("old", [1, 1, 0, 0, 1])
    )
    (grader,) = outcome.graders
    assert (grader.rows, grader.errored, grader.mean, grader.current_mean) == (5, 1, 0.4, 0.6)
    assert (grader.difference, grader.low, grader.high) == (
        pytest.approx(-0.2),
        *paired_bootstrap([1, 0, 1, 0, 0], [1, 1, 0, 0, 1]).interval,
    )
    assert [(row.number, row.item_id, row.current_item_id) for row in outcome.rows] == [
        (1, "new_1", "old_1"), (4, "new_4", "old_4"),
    ]  # fmt: skip
    assert [(part.value, part.rows, part.mean, part.current_mean) for part in outcome.slices] == [
        ('"a"', 3, pytest.approx(2 / 3), pytest.approx(2 / 3)), ('"b"', 2, 0, 0.5),
    ]  # fmt: skip


def test_rows_that_the_current_model_could_not_be_graded_on_prove_nothing() -> None:
    outcome = outcome_of(Suite.model_validate(SUITE), ["same"], items("new", [1, 1]), items("old", [None, None]))
    (grader,) = outcome.graders
    assert (grader.mean, grader.paired_rows, grader.low, grader.current_mean) == (1, 0, None, None)


def test_without_a_current_model_the_rows_that_fail_a_missed_threshold_are_named() -> None:
    suite = Suite.model_validate(
        {**SUITE, "max_regression": None, "slice_by": None, "thresholds": {"same": {"min_mean": 0.9}}}
    )
    outcome = outcome_of(suite, ["same"], items("new", [1, 0, 1]), [])
    assert [(row.number, row.current_score) for row in outcome.rows] == [(1, None)]
    assert outcome_of(suite, ["same"], items("new", [1, 1]), []).rows == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_regression": None}, "nothing decides"),
        ({"thresholds": {"same": {}}}, "give min_mean or min_pass_share"),
        ({"data_source": {**SUITE["data_source"], "model": "x"}}, "leave model out"),
        ({"data_source": {"type": "jsonl"}}, "type must be completions"),
        ({"data_source": {**SUITE["data_source"], "source": "x" * 300_000}}, "upload the rows as a file"),
        ({"data_source": {**SUITE["data_source"], "deep": json.loads("[" * 65 + "]" * 65)}}, "nested more than 64"),
        ({"data_source": {**SUITE["data_source"], "nan": float("nan")}}, "no JSON"),
        ({"min_rows": 3}, "Extra inputs"),
    ],
)
def test_suites_that_decide_nothing_or_are_too_large_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Suite.model_validate({**SUITE, **change})
