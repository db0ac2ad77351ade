"""Which rows of a report are shown."""

import json
from typing import Any

import pytest

from services.evaluation.predictions import Selection, select
from shared.runtime.errors import InvalidInput


def row(
    number: int, tuned: str | None, scores: dict[str, float], base: dict[str, float] | None = None
) -> dict[str, Any]:
    """A row of predictions.jsonl."""
    return {"row": number, "tuned": tuned, "base": "", "scores": scores, "base_scores": base or {}}


ROWS = [
    row(0, '{"a": 1}', {"json_valid": 1, "json_fields": 1, "perplexity": 2}, {"json_fields": 0.5, "perplexity": 3}),
    row(1, "a: 1", {"json_valid": 0, "json_fields": 0, "perplexity": 4}, {"json_fields": 0.5, "perplexity": 3}),
    row(2, " ", {"json_valid": 0, "json_fields": 0, "perplexity": 2}, {"json_fields": 0, "perplexity": 3}),
    row(3, None, {"perplexity": 2}),
]
REPORT = b"\n".join(json.dumps(row).encode() for row in ROWS)


def numbers(**chosen: Any) -> list[int]:
    """The rows of a selection."""
    return [prediction.row for prediction in select(REPORT, Selection(**chosen)).items]


def test_rows_are_of_several_kinds_or_none() -> None:
    page = select(REPORT, Selection(metric="json_fields"))
    assert page.counts == {"improved": 1, "regressed": 1, "invalid": 2, "empty": 1}
    assert page.total == 4
    assert numbers(kind="invalid") == [1, 2]
    assert numbers(kind="empty") == [2], "row 3 has no answer, because none was requested"


def test_no_row_is_empty_where_no_answers_were_kept() -> None:
    report = json.dumps(row(0, None, {"acc": 1})).encode()
    assert select(report, Selection()).counts == {}


def test_an_answer_that_is_no_label_is_invalid() -> None:
    answers = ["Spam", "spam, I think", "ham", None]
    rows = [
        row(n, answer, {"accuracy": 0}) | {"reference": ("spam", " Ham")[n % 2]} for n, answer in enumerate(answers)
    ]
    page = select(b"\n".join(json.dumps(each).encode() for each in rows), Selection(kind="invalid"))
    assert [each.row for each in page.items] == [1]


def test_rows_regress_by_the_metric_or_by_any() -> None:
    assert numbers(kind="improved", metric="json_fields") == [0]
    assert numbers(kind="improved", metric="perplexity") == [0, 2], "a lower perplexity is better"
    assert numbers(kind="regressed") == [1]


def test_pages_are_cut_after_sorting_and_choosing() -> None:
    page = select(REPORT, Selection(kind="invalid", sort="-perplexity", limit=1, offset=1))
    assert ([each.row for each in page.items], page.total) == ([2], 2)


@pytest.mark.parametrize("field", ["sort", "metric"])
def test_a_score_that_no_row_has_is_refused(field: str) -> None:
    with pytest.raises(InvalidInput, match="bleu") as refused:
        select(REPORT, Selection(**{field: "bleu"}))
    assert refused.value.field == field
