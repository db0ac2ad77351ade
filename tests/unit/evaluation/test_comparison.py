"""Statistics of rows sum up to the scores, and leaderboards compare only what is comparable."""

from pathlib import Path

import numpy as np
import pytest

from services.evaluation.comparison.leaderboard import ScoredRows, leaderboards, load_rows, write_statistics
from services.evaluation.comparison.scores import score_functions
from services.evaluation.comparison.service import check_comparable
from services.evaluation.comparison.summary import headline
from services.evaluation.engine.losses import Loss
from services.evaluation.engine.scoring import Output, corpus_scores, row_scores, signatures
from services.evaluation.engine.statistics import row_statistics
from services.evaluation.errors import NotComparable
from services.evaluation.models import Evaluation

METRICS = ("bleu", "chrf", "rouge", "exact_match", "token_f1", "classification", "perplexity", "number_match")
REFERENCES = ["the cat sat on the mat", "", "7 trains leave at nine", "late", "#### 12", "the dog sat on the big mat"]
ANSWERS = ["the cat sat on a mat", "x", "7 trains left at ten", "Late", "it is 12", None]
LOSSES = [Loss(3.5 * n, 5 + n) for n in range(6)]


def test_sums_of_statistics_give_every_score(tmp_path: Path) -> None:
    output = Output(ANSWERS, LOSSES)
    scores = corpus_scores(METRICS, output, REFERENCES, tmp_path)
    rows = row_scores(METRICS, output, REFERENCES)
    statistics = row_statistics(scores, rows, output, REFERENCES)
    functions = score_functions(list(scores), signatures(METRICS, REFERENCES))
    assert statistics.keys() == scores.keys()
    for name, score in scores.items():
        assert functions[name](statistics[name].sum(0)) == pytest.approx(score, abs=1e-9), name
    write_statistics(tmp_path / "statistics.npz", [3, 5, 8, 9, 10, 11], {"tuned": statistics, "base": statistics})
    loaded = load_rows((tmp_path / "statistics.npz").read_bytes(), {})
    assert loaded.ids == [3, 5, 8, 9, 10, 11]
    assert all((loaded.statistics[name] == found).all() for name, found in statistics.items())


def test_effective_order_follows_the_references(tmp_path: Path) -> None:
    output, references = Output(["late", "late"], None), ["late", "early"]
    scores = corpus_scores(["bleu"], output, references, tmp_path)
    statistics = row_statistics(scores, [{}, {}], output, references)
    functions = score_functions(["bleu"], signatures(["bleu"], references))
    assert functions["bleu"](statistics["bleu"].sum(0)) == pytest.approx(scores["bleu"]) == pytest.approx(50)


def model(right: list[int], **more: list[tuple[float, float]]) -> ScoredRows:
    statistics = {"exact_match": np.array([(value, 1) for value in right], float)}
    return ScoredRows(
        list(range(len(right))), {**statistics, **{name: np.array(rows, float) for name, rows in more.items()}}, {}
    )


def test_leaderboards_are_sorted_and_adjusted() -> None:
    base, better, same = [0] * 40, [1] * 12 + [0] * 28, [0] * 39 + [1]
    (board,), warnings = leaderboards([model(base), model(better), model(same)])
    assert not warnings
    assert [entry["index"] for entry in board["entries"]] == [1, 2, 0]
    best, second, first = (entry["comparison"] for entry in board["entries"])
    assert first is None
    assert best["p_value"] == pytest.approx(2 * 0.5**12)
    assert best["p_adjusted"] == pytest.approx(2 * best["p_value"])
    assert (best["verdict"], second["verdict"]) == ("better", "no_difference")


def test_scores_with_other_tokens_are_left_out() -> None:
    one, other = model([1, 0], perplexity=[(3, 4), (5, 6)]), model([1, 1], perplexity=[(3, 4), (5, 7)])
    boards, warnings = leaderboards([one, other])
    assert [board["metric"] for board in boards] == ["exact_match"]
    assert [(warning.code, warning.example) for warning in warnings] == [("score_scales_differ", "perplexity")]


def test_headline_says_what_is_significant() -> None:
    test = {"difference": 0.125, "p_value": 0.01, "verdict": "better"}
    worse = {"difference": 2.0, "p_value": 0.01, "verdict": "worse"}
    unclear = {"difference": 0.01, "p_value": 0.5, "verdict": "no_difference"}
    found = headline({"exact_match": test, "perplexity": worse, "bleu": unclear}, 1200)
    assert found == (
        "On 1,200 rows, significantly better than its base model in exact_match (+0.125), and significantly worse than "
        "its base model in perplexity (+2). No significant difference in bleu."
    )
    assert headline({"bleu": unclear}, 30) == "On 30 rows, no significant difference from its base model."
    assert headline({}, 30) == ""
    few = {"bleu": {"difference": 9.0, "p_value": 0.1, "verdict": "too_few_rows"}}
    assert headline(few, 5) == "On 5 rows, too few to tell a difference from its base model."


@pytest.mark.parametrize(
    ("rows", "models", "expected"), [(5, 2, "too_few_rows"), (6, 2, "better"), (6, 3, "too_few_rows")]
)
def test_too_few_rows_are_not_called_equally_good(rows: int, models: int, expected: str) -> None:
    """2 * 0.5 ** 5 is above 5 %: five rows that are all better show nothing, with any test."""
    scored = [model([right] * rows, rouge_l=[(right * 0.9, 1)] * rows) for right in [0, *[1] * (models - 1)]]
    for board in leaderboards(scored)[0]:
        tests = [entry["comparison"] for entry in board["entries"] if entry["comparison"]]
        assert {test["verdict"] for test in tests} == {expected}


def test_one_or_two_rows_have_no_bootstrap_interval() -> None:
    for rows in (1, 2, 3):
        scored = [model([right] * rows, rouge_l=[(right * 0.9, 1)] * rows) for right in (0, 1)]
        binary, resampled = (board["entries"][0] for board in leaderboards(scored)[0])
        assert binary["interval"] is not None, "Wilson's"
        assert binary["comparison"]["interval"] is not None, "Agresti and Min's"
        found = [entry is not None for entry in (resampled["interval"], resampled["comparison"]["interval"])]
        assert found == [rows == 3] * 2


def test_an_import_says_of_which_score_the_lower_is_better() -> None:
    nats = [[(4.0 + n, 10.0) for n in range(8)], [(3.0 + n, 10.0) for n in range(8)]]
    signatures = {"bits": "agg:bits_per_byte", "loss": "agg:mean", "exact_match": "agg:mean|ignore_case:true"}
    models = [
        ScoredRows(one.ids, one.statistics, signatures, frozenset({"bits", "loss"}))
        for one in (model([0] * 8, bits=rows, loss=[(value, 1.0) for value, _ in rows]) for rows in nats)
    ]
    boards = {board["metric"]: board for board in leaderboards(models)[0]}
    assert boards["bits"]["entries"][0]["score"] == pytest.approx(sum(value for value, _ in nats[1]) / 80 / np.log(2))
    for name in ("bits", "loss"):
        best = boards[name]["entries"][0]
        assert (boards[name]["lower_is_better"], best["index"], best["comparison"]["verdict"]) == (True, 1, "better")
    assert not boards["exact_match"]["lower_is_better"]
    models[1] = ScoredRows(models[1].ids, models[1].statistics, {**signatures, "exact_match": "agg:mean"})
    assert [warning.example for warning in leaderboards(models)[1]] == ["exact_match"]


IMPORT = {"source": "lm-eval", "version": "0.4.13", "task": "gsm8k", "task_version": "3.0", "task_hash": "a",
          "num_fewshot": 5, "model": "m"}  # fmt: skip


def evaluation(imported: dict[str, object] | None) -> Evaluation:
    scope = {"model_id": "m", "split": "test", "rows": 3, "metrics": [], "compare_base": False, "settings": {}}
    dataset = {} if imported else {"dataset_id": "d", "dataset_version": "v1"}
    fields = {"id": "e", "project": "p", "model_uri": "u", "scope": {**scope, **dataset, "imported": imported}}
    return Evaluation.model_validate(fields)


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (None, "source"),
        ({"task": "arc"}, "task"),
        ({"task_hash": "b"}, "task_hash"),
        ({"num_fewshot": 0}, "num_fewshot"),
        ({"generation": '{"max_gen_toks": 8}'}, "generation"),
    ],
)
def test_imports_are_compared_with_those_of_the_same_task(other: dict[str, object] | None, field: str) -> None:
    check_comparable([evaluation(IMPORT), evaluation({**IMPORT, "version": "0.4.12", "model": "n"})])
    different = evaluation(None if other is None else {**IMPORT, **other})
    for pair in ([evaluation(IMPORT), different], [different, evaluation(IMPORT)]):
        with pytest.raises(NotComparable) as refused:
            check_comparable(pair)
        assert refused.value.field == field
