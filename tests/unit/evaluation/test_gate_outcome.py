"""What two runs say about a candidate: rows that got worse, slices, and answers that cannot be graded."""

import json
import math
from contextlib import nullcontext
from typing import Any

import pytest

from services.evaluation.comparison.statistics import paired_bootstrap
from services.evaluation.evals.models import OutputItem
from services.evaluation.gates.outcome import outcome_of
from services.evaluation.gates.service import require_reachable
from services.evaluation.openai.requests import CRITERIA
from shared.runtime.errors import InvalidInput
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
        (4, "new_4", "old_4"), (1, "new_1", "old_1"),
    ], "what could not be graded comes first"  # fmt: skip
    assert (grader.error, outcome.rows[0].error, outcome.rows[1].error) == ("m", "m", None)
    assert [(part.value, part.rows, part.mean, part.current_mean) for part in outcome.slices] == [
        ('"a"', 3, pytest.approx(2 / 3), pytest.approx(2 / 3)), ('"b"', 2, 0, 0.5),
    ]  # fmt: skip


def test_rows_that_the_current_model_could_not_be_graded_on_prove_nothing() -> None:
    outcome = outcome_of(Suite.model_validate(SUITE), ["same"], items("new", [1, 1]), items("old", [None, None]))
    (grader,) = outcome.graders
    assert (grader.mean, grader.paired_rows, grader.low, grader.current_mean) == (1, 0, None, None)
    assert (grader.errored, grader.error, grader.current_errored, grader.current_error) == (0, None, 2, "m")


def test_an_answer_that_does_not_exist_says_why() -> None:
    (row,) = items("new", [None])
    row.sample = {"error": {"code": "context_length_exceeded", "message": "The prompt is too long."}}
    (grader,) = outcome_of(Suite.model_validate(SUITE), ["same"], [row], []).graders
    assert grader.error == "The prompt is too long."


def test_a_slice_that_no_row_has_is_refused() -> None:
    suite = Suite.model_validate({**SUITE, "slice_by": "topic"})
    with pytest.raises(InvalidInput, match="No row has 'topic'"):
        outcome_of(suite, ["same"], items("new", [1, 0]), [])


def test_without_a_current_model_the_rows_that_fail_a_missed_threshold_are_named() -> None:
    suite = Suite.model_validate(
        {**SUITE, "max_regression": None, "slice_by": None, "thresholds": {"same": {"min_mean": 0.9}}}
    )
    outcome = outcome_of(suite, ["same"], items("new", [1, 0, 1]), [])
    assert [(row.number, row.current_score) for row in outcome.rows] == [(1, None)]
    assert outcome_of(suite, ["same"], items("new", [1, 1]), []).rows == []


CHECK = {"type": "string_check", "name": "same", "operation": "eq", "input": "", "reference": ""}
PYTHON = {"type": "python", "name": "length", "source": "x"}


@pytest.mark.parametrize(
    ("change", "criteria", "field"),
    [
        ({"thresholds": {"same": {"min_mean": 50}}}, [CHECK, PYTHON], "thresholds.same.min_mean"),
        ({"thresholds": {"same": {"min_mean": -0.1}}}, [CHECK], "thresholds.same.min_mean"),
        ({"max_regression": 1e9}, [CHECK], "max_regression"),
        ({"max_regression": 1}, [CHECK], "max_regression"),
        ({"max_regression": 1e9, "thresholds": {"length": {"min_mean": 50}}}, [CHECK, PYTHON], None),
        ({"max_regression": 0.02, "thresholds": {"same": {"min_mean": 1}}}, [CHECK], None),
    ],
)
def test_suites_whose_numbers_are_beyond_the_scores_are_refused(
    change: dict[str, Any], criteria: list[dict[str, Any]], field: str | None
) -> None:
    suite = Suite.model_validate({**SUITE, **change})
    with pytest.raises(InvalidInput) if field else nullcontext() as raised:
        require_reachable(suite, CRITERIA.validate_python(criteria))
    assert raised is None or (raised.value.field, bool(raised.value.limit)) == (field, True)


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
        ({"thresholds": {"same": {"min_mean": math.nan}}}, "a number from"),
        ({"thresholds": {"same": {"min_pass_share": True}}}, "a number from 0 to 1"),
        ({"thresholds": {"same": {"min_pass_share": 95}}}, "a number from 0 to 1"),
        ({"max_regression": "0.1"}, "a number from"),
        ({"min_rows": 3}, "Extra inputs"),
    ],
)
def test_suites_that_decide_nothing_or_are_too_large_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Suite.model_validate({**SUITE, **change})
