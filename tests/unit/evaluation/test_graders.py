"""Graders equal the reference libraries; templates and formulas read what OpenAI documents, and refuse the rest."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from rapidfuzz.distance import LCSseq
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import sentence_bleu

from services.evaluation.engine.grade import Grading
from services.evaluation.engine.similarity import similarity
from services.evaluation.errors import Unsupported
from services.evaluation.evals.item_schema import BadItem, check_schema, check_value
from services.evaluation.evals.models import Eval
from services.evaluation.graders.definitions import Criterion, Grader, ScoreModel
from services.evaluation.graders.formula import Formula, FormulaError
from services.evaluation.graders.grades import Grade, GradingFailed, ModelAnswer
from services.evaluation.graders.input_messages import ItemReference, UnusableMessages
from services.evaluation.graders.templates import InvalidTemplate, UnknownName, Variable, resolve, sample_of, variables
from services.evaluation.openai.requests import criteria_of
from shared.engine.process.protocol import null_reporter
from shared.runtime.errors import InvalidInput

SAMPLE = Path(__file__).parents[3] / "services/dataset/samples/triage.jsonl"
LICENSE = (Path(__file__).parents[3] / "LICENSE").read_text()
SENTENCES = [" ".join(part.split()) for part in LICENSE.split(".") if 8 <= len(part.split()) <= 60][:40]
ANSWERS = [json.loads(line)["messages"][-1]["content"] for line in SAMPLE.read_text().splitlines()[:40]]
PAIRS = [*itertools.pairwise(SENTENCES), *itertools.pairwise(ANSWERS)]
PAIRS += [(text, text.replace("the ", "a ").replace("order", "parcel")) for text in SENTENCES + ANSWERS]


def grade(definition: dict[str, Any], item: Any, output: str) -> Grade:
    grader: Any = TypeAdapter(Grader).validate_python({"name": "g", **definition})
    backend = Grading([], [grader], {}, null_reporter(), lambda: None)
    found: Grade = grader.grade(item, sample_of(output), backend)
    return found


# Similarity


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, "L"])
def test_rouge_equals_rouge_score(order: int | str) -> None:
    scorer = RougeScorer([f"rouge{order}"])
    scores = [similarity(f"rouge_{order}".lower(), text, reference) for text, reference in PAIRS]
    expected = [scorer.score(reference, text)[f"rouge{order}"].fmeasure for text, reference in PAIRS]
    assert scores == pytest.approx(expected, abs=1e-12)
    assert len({round(score, 6) for score in scores}) > 10


def test_bleu_equals_sacrebleu() -> None:
    scores = [similarity("bleu", text, reference) for text, reference in PAIRS]
    assert scores == pytest.approx([sentence_bleu(text, [reference]).score / 100 for text, reference in PAIRS])
    assert len({round(score, 6) for score in scores}) > 10


def test_fuzzy_match_is_twice_the_common_subsequence_over_both_lengths() -> None:
    for text, reference in PAIRS:
        expected = 2 * LCSseq.similarity(text, reference) / (len(text) + len(reference))
        assert similarity("fuzzy_match", text, reference) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["cosine", "gleu", "meteor"])
def test_metrics_without_a_library_are_refused(metric: str) -> None:
    with pytest.raises(Unsupported) as raised:
        grade({"type": "text_similarity", "input": "", "reference": "", "evaluation_metric": metric}, {}, "")
    assert (raised.value.field, bool(raised.value.remedy)) == ("evaluation_metric", True)


# Checks


@pytest.mark.parametrize(
    ("operation", "output", "score"),
    [
        ("eq", "Yes", 1),
        ("eq", "yes", 0),
        ("ne", "yes", 1),
        ("ne", "Yes", 0),
        ("like", "Oh Yes!", 1),
        ("like", "oh yes", 0),
        ("ilike", "oh yes", 1),
        ("ilike", "no", 0),
    ],
)
def test_string_checks(operation: str, output: str, score: int) -> None:
    definition = {"type": "string_check", "operation": operation, "input": "{{sample.output_text}}"}
    found = grade({**definition, "reference": "{{ item.ideal }}"}, {"ideal": "Yes"}, output)
    assert (found.score, found.passed) == (score, bool(score))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("0.75", 0.75), (" 1 \n", 1.0), ('{"steps": [], "result": 0.5}', 0.5), ('{"score": 1}', 1.0)]
    + [(text, None) for text in ("good", "0.5 or so", "2", "-1", "nan", "1e999", '{"result": true}', "[0.5]", "")],
)
def test_scores_of_models_are_numbers_in_the_range(answer: str, expected: float | None) -> None:
    message = {"role": "user", "content": "Rate {{ sample.output_text }}"}
    grader = ScoreModel(type="score_model", name="g", model="m", input=[message])  # type: ignore[list-item]
    backend = Grading([], [grader], {}, null_reporter(), lambda: None)
    backend.answers = {grader.requests({}, sample_of("x"))[0]: ModelAnswer(answer, "stop", 5, 2)}
    if expected is None:
        with pytest.raises(GradingFailed, match="not a number from 0 to 1"):
            grader.grade({}, sample_of("x"), backend)
        return
    found = grader.grade({}, sample_of("x"), backend)
    assert (found.score, found.passed, found.details["usage"]["total_tokens"]) == (expected, expected >= 0.5, 7)


def test_multi_grader_combines_scores_by_name() -> None:
    check = {
        "type": "string_check",
        "name": "c",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "a",
    }
    near = {"type": "text_similarity", "name": "n", "evaluation_metric": "fuzzy_match"}
    graders = {"exact": check, "near": {**near, "input": "{{ sample.output_text }}", "reference": "ab"}}
    multi = {"type": "multi", "graders": graders, "calculate_output": "max(exact, 0.1) * near^2"}
    assert grade(multi, {}, "a").score == pytest.approx((2 / 3) ** 2)
    assert grade({**multi, "graders": check, "calculate_output": "1 - c"}, {}, "a").score == 0
    with pytest.raises(GradingFailed):
        grade({**multi, "calculate_output": "1 / (exact - exact)"}, {}, "a")
    with pytest.raises(GradingFailed, match="ANNEAL_PYTHON_GRADERS"):
        grade(
            {**multi, "graders": {"p": {"type": "python", "name": "p", "source": "x"}}, "calculate_output": "p"}, {}, ""
        )
    with pytest.raises(ValidationError):
        grade({**multi, "graders": {"m": multi}}, {}, "a")


# Thresholds


SIMILARITY = {"type": "text_similarity", "input": "", "reference": "", "evaluation_metric": "bleu"}
RATING = {"type": "score_model", "model": "m", "input": [{"role": "user", "content": ""}]}
PYTHON = {"type": "python", "source": "x"}


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, True, "0.8", 10**400, [1]])
@pytest.mark.parametrize("definition", [SIMILARITY, RATING, PYTHON])
def test_thresholds_that_are_no_numbers_are_refused(definition: dict[str, Any], wrong: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Criterion).validate_python({**definition, "name": "g", "pass_threshold": wrong})
    (error,) = raised.value.errors()
    assert (error["loc"][-1], set(error["ctx"])) == ("pass_threshold", {"ge", "le"})


@pytest.mark.parametrize(
    ("definition", "limit"),
    [
        ({**SIMILARITY, "pass_threshold": 80}, (0, 1)),
        ({**SIMILARITY, "pass_threshold": -1}, (0, 1)),
        ({**RATING, "pass_threshold": 50}, (0, 1)),
        ({**RATING, "range": [1, 5], "pass_threshold": 0.5}, (1, 5)),
    ],
)
def test_thresholds_that_no_score_reaches_or_misses_are_refused(
    definition: dict[str, Any], limit: tuple[float, float]
) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Criterion).validate_python({**definition, "name": "g"})
    (error,) = raised.value.errors()
    assert (error["loc"][-1], error["ctx"]) == ("pass_threshold", {"ge": limit[0], "le": limit[1]})


def test_thresholds_at_the_ends_are_taken() -> None:
    for definition in ({**SIMILARITY, "pass_threshold": 1}, {**RATING, "range": [1, 5], "pass_threshold": 5}):
        TypeAdapter(Criterion).validate_python({**definition, "name": "g"})


def test_an_eval_of_an_earlier_version_says_which_threshold_cannot_be_used() -> None:
    criterion = {**SIMILARITY, "name": "g", "pass_threshold": 80}
    fields: dict[str, Any] = {"name": "e", "item_schema": {}, "include_sample": False, "testing_criteria": [criterion]}
    with pytest.raises(InvalidInput, match="criterion 0 cannot be used: a number from 0 to 1") as raised:
        criteria_of(Eval(id="eval_1", project="p", **fields))
    assert (raised.value.field, raised.value.limit) == ("testing_criteria.0.pass_threshold", {"ge": 0, "le": 1})


# Formulas


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * 2", 1.25),
        ("-a^2", -0.0625),
        ("2 ** 3", 8),
        ("min(a, b, 1) + abs(-b)", 0.75),
        ("log(8, 2) + max(a, b)", 3.5),
        ("floor(2.5) + ceil(2.5) + sqrt(4) + exp(0) + log(1)", 8),
    ],
)
def test_formulas(text: str, value: float) -> None:
    assert Formula(text, ("a", "b")).evaluate({"a": 0.25, "b": 0.5}) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "c",
        "a.real",
        "a[0]",
        "__import__('os')",
        "(lambda: a)()",
        "a if b else a",
        "'a' * 9",
        "True",
        "1j",
        "min(*a)",
        "abs(x=a)",
        "min()",
        "min(a)",
        "abs(a, a)",
        "exp(a, a)",
        "log(a, 2, 2)",
        "a < b",
        "[a]",
        "1e400",
        "+".join(["a"] * 300),
        "(" * 500,
        "9" * 2000,
        "open(a)",
    ],
)
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        Formula(text, ("a", "b"))


@pytest.mark.parametrize("text", ["1 / (a - a)", "(-1) ^ 0.5", "99 ^ 99 ^ 99", "log(0)", "sqrt(-1)"])
def test_formulas_without_a_finite_value(text: str) -> None:
    with pytest.raises(FormulaError):
        Formula(text, ("a",)).evaluate({"a": 0.5})


@given(st.text(max_size=40))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    try:
        value = Formula(text, ("a",)).evaluate({"a": 0.5})
    except FormulaError:
        return
    assert math.isfinite(value)


# Templates


def test_templates_resolve_nested_names_once() -> None:
    item = {"a": {"b": [{"c": "x"}, 2]}, "text": "{{ item.secret }}", "secret": "s", "n-1": None}
    template = "{{item.a.b[0].c}}|{{ item.a.b }}|{{ item.text }}|{{ item.n-1 }}|{{ sample.output_json.k }}"
    assert resolve(template, item, sample_of('{"k": "é"}')) == 'x|[{"c": "x"}, 2]|{{ item.secret }}|null|é'


@pytest.mark.parametrize("path", ["item.b", "item.a[0]", "item.a.b[9]", "item.a.b.c", "sample.output_json"])
def test_names_that_a_row_lacks(path: str) -> None:
    with pytest.raises(UnknownName, match="There is no"):
        Variable.parse(path, "f").value({"item": {"a": {"b": [1]}}, "sample": sample_of("no JSON")})


@pytest.mark.parametrize(
    "text", ["answer", "item", "item.", "item..a", "item.a b", "item.a | upper", "items.a", "", "7*7"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidTemplate):
        list(variables(f"{{{{ {text} }}}}", "field"))


def test_conversations_in_a_row_are_read_or_refused() -> None:
    reference = ItemReference(type="item_reference", item_reference="item.input")
    parts = [{"type": "input_text", "text": "a"}, {"type": "text", "text": "b"}]
    read = reference.render({"input": [{"type": "message", "role": "developer", "content": parts}]})
    assert read == [{"role": "system", "content": "a\nb"}]
    for wrong in ([], "text", [{"role": "robot", "content": ""}], [{"role": "user", "content": [{"type": "image"}]}]):
        with pytest.raises(UnusableMessages):
            reference.render({"input": wrong})


# Schemas of rows


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_rows_match_their_schema() -> None:
    check_schema(SCHEMA, "schema")
    check_value(SCHEMA, {"n": 1.0, "tags": ["a"]}, "item")
    wrong = {"item.n": {"tags": []}, "item.tags.1": {"n": 1, "tags": ["a", "c"]}, "item.x": {"n": 1, "x": 1}}
    for field, value in wrong.items():
        with pytest.raises(BadItem) as raised:
            check_value(SCHEMA, value, "item")
        assert raised.value.field == field
    for value in (True, "1", 1.5, None):
        with pytest.raises(BadItem):
            check_value(SCHEMA, {"n": value}, "item")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://example.com"},
        {"properties": {"a": {"pattern": "(a+)+$"}}},
        {"type": "array"},
        {"type": "text"},
        {"required": "a"},
        {"properties": []},
        {"type": [{}]},
        {"properties": {"a": 1}},
        [],
    ],
)
def test_schemas_that_would_not_be_checked_are_refused(schema: Any) -> None:
    with pytest.raises(InvalidInput):
        check_schema(schema, "schema")
