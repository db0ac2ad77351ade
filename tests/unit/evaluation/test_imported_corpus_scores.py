"""Scores over all rows, from pairs as lm-eval logs them, equal those of its own functions and of sacrebleu."""

import json
from pathlib import Path
from typing import Any

import pytest
import sacrebleu

from services.evaluation.comparison.scores import AGGREGATION, score_functions
from services.evaluation.imports.corpus import MAX_CHARACTERS, MAX_LABELS, Unusable, corpus_statistics
from services.evaluation.imports.results import Results
from services.evaluation.imports.samples import Row
from services.evaluation.imports.samples import Samples as TaskSamples
from services.evaluation.imports.scores import Report, report

TRIAGE = Path(__file__).parents[3] / "services/dataset/samples/triage-heldout.jsonl"
ROWS = [json.loads(line)["messages"] for line in TRIAGE.read_text("utf-8").splitlines()]
REFERENCES = [answer["content"] for _, answer in ROWS]
ANSWERS = [*REFERENCES[1:], REFERENCES[0]]
TEXTS = [list(pair) for pair in zip(REFERENCES, ANSWERS, strict=True)]
BINARY = [[len(question["content"]) % 2, len(question["content"].split()) % 2] for question, _ in ROWS]
CHOICES = [[len(question["content"]) % 3, len(answer["content"]) % 4] for question, answer in ROWS]
ORACLE: list[tuple[str, list[list[Any]], float]] = [
    ("bleu", TEXTS, 65.50310062954522),
    ("chrf", TEXTS, 60.36797391436299),
    ("chrf++", TEXTS, 55.782140941932745),
    ("f1", BINARY, 0.4),
    ("mcc", BINARY, -0.06131393394849658),
    ("mcc", CHOICES, 0.016196235876247314),
]
"""Computed by lm_eval.api.metrics 0.4.13, with sacrebleu 2.6.0 and scikit-learn 1.9.1."""


def score(aggregation: str, pairs: list[list[Any]]) -> float | None:
    statistics = corpus_statistics(range(len(pairs)), dict(enumerate(pairs)), aggregation)
    return score_functions(["it"], {"it": f"{AGGREGATION}{aggregation}"})["it"](statistics.sum(0))


def imported(metric: str, pairs: list[Any], reported: float, **config: Any) -> Report:
    results = Results(
        results={"task": {f"{metric},none": reported, f"{metric}_stderr,none": "N/A", "acc,none": 1.0}},
        configs={"task": config},
        task_hashes={"task": "x"},
    )
    rows = {id: Row(f"samples.jsonl:{id + 1}", "", "", "") for id in range(len(pairs))}
    values = {(metric, "none"): dict(enumerate(pairs)), ("acc", "none"): dict.fromkeys(rows, 1.0)}
    return report(results, "task", TaskSamples(rows, values, "x"))


@pytest.mark.parametrize(("metric", "pairs", "expected"), ORACLE)
def test_scores_equal_those_of_lm_eval(metric: str, pairs: list[list[Any]], expected: float) -> None:
    found = imported(metric, pairs, expected).outcome
    assert found.scores[metric] == pytest.approx(expected, rel=1e-12)
    low, high = found.intervals[metric]
    assert low <= expected <= high
    assert "score_not_imported" not in {warning.code for warning in found.warnings}


@pytest.mark.parametrize(("aggregation", "order"), [("bleu", None), ("chrf", 0), ("chrf++", 2)])
def test_several_references_are_those_of_sacrebleu(aggregation: str, order: int | None) -> None:
    other = [*REFERENCES[3:], *REFERENCES[:3]]
    pairs: list[list[Any]] = [[list(both), [answer]] for *both, answer in zip(REFERENCES, other, ANSWERS, strict=True)]
    streams = [REFERENCES, other]
    expected = (
        sacrebleu.corpus_bleu(ANSWERS, streams)
        if order is None
        else sacrebleu.corpus_chrf(ANSWERS, streams, word_order=order)
    )
    assert score(aggregation, pairs) == pytest.approx(expected.score, rel=1e-12)


def test_a_score_other_than_that_of_the_samples_is_left_out_by_name() -> None:
    found = imported("bleu", TEXTS, 66.0)
    assert found.outcome.scores == {"acc": 1.0}
    (warning,) = (warning for warning in found.warnings if warning.code == "score_not_imported")
    assert warning.example == "bleu"
    assert "the samples give 65.503" in warning.detail
    assert "the results say 66.0" in warning.detail


def test_a_mean_of_the_same_name_stays_a_mean() -> None:
    found = imported("f1", [1.0, 0.5, 0.0, 0.5], 0.5)
    assert (found.outcome.scores["f1"], found.signatures["f1"]) == (0.5, "agg:mean")


def test_rows_have_bleu_but_no_correlation() -> None:
    assert imported("mcc", CHOICES, ORACLE[-1][2]).rows[0]["scores"] == {"acc": 1.0}
    equal = imported("bleu", [["It left.", "It left."]] * 3 + TEXTS[:1], sacrebleu.corpus_bleu(
        ["It left."] * 3 + ANSWERS[:1], [["It left."] * 3 + REFERENCES[:1]]
    ).score)  # fmt: skip
    assert equal.rows[0]["scores"]["bleu"] == pytest.approx(100)


@pytest.mark.parametrize("pairs", [[[0, 0]] * 3, [[1, 0]] * 3])
def test_constant_labels_give_zero_as_scikit_learn_does(pairs: list[list[Any]]) -> None:
    assert score("f1", pairs) == score("matthews_corrcoef", pairs) == 0.0


@pytest.mark.parametrize(
    ("aggregation", "value", "reason"),
    [
        ("bleu", 1.0, "row 0 has no pair"),
        ("bleu", ["a", 1], "is no text"),
        ("chrf", [[], "a"], "is no text"),
        ("chrf", ["a", "b" * MAX_CHARACTERS], "more than 8,000,000 characters"),
        ("f1", [2, 0], "neither 0 nor 1"),
        ("f1", [[0, 1], 0], "neither 0 nor 1"),
        ("matthews_corrcoef", [0, MAX_LABELS], "at most 8 choices"),
        ("matthews_corrcoef", [-100, 0], "at most 8 choices"),
        ("brier_score", [0, "[0.1 ... 0.2]"], "all probabilities"),
        ("brier_score", [3, "[0.5\n 0.5]"], "not the place of a choice"),
        ("brier_score", [0, "[nan 0.5]"], "between 0 and 1"),
        ("brier_score", [0, 10**400], "all probabilities"),
    ],
)
def test_samples_without_what_a_score_needs(aggregation: str, value: Any, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        corpus_statistics([0], {0: value}, aggregation)
