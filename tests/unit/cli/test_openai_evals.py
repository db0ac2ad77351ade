"""What becomes of exported evals: requests, and a list of everything that has no counterpart."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.errors import CommandError
from cli.openai_evals import plan, read_export

CHECK = {
    "id": "same-1", "type": "string_check", "name": "same", "operation": "eq",
    "input": "{{ sample.output_text }}", "reference": "{{ item.ideal }}",
}  # fmt: skip
SCORE = {
    "type": "score_model", "name": "polite", "model": "gpt-4o", "sampling_params": None, "pass_threshold": 0.5,
    "input": [{"type": "message", "role": "user", "content": {"type": "input_text", "text": "{{ item.question }}"}}],
}  # fmt: skip
ITEM = {"type": "object", "properties": {"ideal": {"type": "string"}, "question": {"type": "string"}}}
SCHEMA = {"type": "object", "properties": {"item": ITEM, "sample": {"type": "object"}}}
EVAL = {
    "object": "eval", "id": "eval_1", "name": "Support", "metadata": {},
    "data_source_config": {"type": "custom", "schema": SCHEMA}, "testing_criteria": [CHECK, SCORE],
}  # fmt: skip
MESSAGES = {"type": "template", "template": [{"role": "user", "content": "{{ item.question }}"}]}
RUN = {
    "object": "eval.run", "id": "run_1", "eval_id": "eval_1", "name": "gpt-4o", "model": "gpt-4o",
    "data_source": {
        "type": "completions", "model": "gpt-4o", "input_messages": MESSAGES,
        "sampling_params": {"temperature": 0, "seed": None}, "source": {"type": "file_id", "id": "file-1"},
    },
    "result_counts": {"total": 2},
}  # fmt: skip


def output_item(number: int, answer: str | None) -> dict[str, Any]:
    sample = {"output": [{"role": "assistant", "content": answer}]}
    item = {"ideal": "yes", "question": f"q{number}"}
    own = {"object": "eval.run.output_item", "id": f"item_{number}", "run_id": "run_1", "eval_id": "eval_1"}
    return {**own, "datasource_item_id": number, "datasource_item": item, "sample": sample}


def planned(tmp_path: Path, *objects: Any, **models: str) -> tuple[list[Any], list[str]]:
    file = tmp_path / "export.jsonl"
    file.write_text("\n".join(json.dumps(each) for each in objects))
    names = {name.replace("_", "-"): model for name, model in models.items()}
    evals, problems = plan(read_export([file]), names)
    return evals, [f"{problem.subject}: {problem.detail}" for problem in problems]


def test_mapped_model_answers_the_rows_of_the_export(tmp_path: Path) -> None:
    page = {"object": "list", "data": [output_item(1, "no"), output_item(0, "yes")], "has_more": False}
    (found,), problems = planned(tmp_path, EVAL, RUN, page, gpt_4o="seedling")
    assert problems == []
    assert found.body["data_source_config"] == {"type": "custom", "item_schema": ITEM, "include_sample_schema": True}
    check, score = found.body["testing_criteria"]
    assert "id" not in check
    assert (score["model"], "sampling_params" in score) == ("seedling", False)
    source = found.runs[0].body["data_source"]
    assert (source["type"], source["model"], source["sampling_params"]) == (
        "completions",
        "seedling",
        {"temperature": 0},
    )
    assert [row["item"]["question"] for row in source["source"]["content"]] == ["q0", "q1"]


def test_answers_of_a_model_that_is_not_mapped_are_graded_again(tmp_path: Path) -> None:
    (found,), problems = planned(tmp_path, EVAL, RUN, output_item(0, "yes"), output_item(1, None))
    assert [criterion["name"] for criterion in found.body["testing_criteria"]] == ["same"]
    rows = found.runs[0].body["data_source"]["source"]["content"]
    assert [row["sample"] for row in rows] == [{"output_text": "yes"}]
    assert problems == [
        "eval eval_1, criterion 'polite': gpt-4o grades it.",
        "run run_1: 1 of its rows have no answer to grade.",
    ]


def test_everything_without_a_counterpart_is_listed(tmp_path: Path) -> None:
    cosine = {"type": "text_similarity", "name": "near", "evaluation_metric": "cosine"}
    stored = {**EVAL, "id": "eval_2", "data_source_config": {"type": "stored_completions", "schema": {}}}
    coded = {**EVAL, "id": "eval_3", "testing_criteria": [cosine]}
    empty = {"object": "eval", "id": "eval_4"}
    cut = {"object": "list", "data": [EVAL], "has_more": True}
    missing = {**RUN, "eval_id": "eval_9", "id": "run_9"}
    objects = (
        cut,
        stored,
        {**RUN, "id": "run_2", "eval_id": "eval_2"},
        coded,
        empty,
        missing,
        RUN,
        {"x": 1},
        output_item(0, "a"),
    )
    (found,), problems = planned(tmp_path, *objects, gpt_4o="seedling", gpt_5="seedling")
    assert found.source == "eval eval_1"
    for text in (
        "has_more",
        "eval eval_2: It grades stored completions",
        "eval eval_2: Its 1 runs",
        "criterion 'near': There is no metric cosine",
        "eval eval_3: None of its criteria",
        "run run_9: Its eval eval_9",
        "Not an exported object",
        "eval eval_4: It grades no rows of its own",
        "--map gpt-5: No run and no criterion",
        "run run_1: The files have 1 of its 2 output items",
    ):
        assert any(text in problem for problem in problems), (text, problems)


def test_rows_alone_become_a_run_of_the_only_eval(tmp_path: Path) -> None:
    rows = [{"item": {"ideal": "yes"}, "sample": {"output_text": "yes"}}, {"item": {"ideal": "no"}}]
    (found,), problems = planned(tmp_path, EVAL, *rows, gpt_4o="seedling")
    assert [run.rows for run in found.runs] == [1]
    assert problems == ["2 rows: 1 of them have no sample."]


def test_rows_of_a_run_whose_file_is_not_exported(tmp_path: Path) -> None:
    (found,), _ = planned(tmp_path, EVAL, RUN, {"item": {"question": "q"}}, gpt_4o="seedling")
    assert found.runs[0].body["data_source"]["source"]["content"] == [{"item": {"question": "q"}}]
    (found,), problems = planned(tmp_path, EVAL, RUN)
    assert found.runs == []
    assert "run run_1: The files have neither its rows (file_id) nor answers to grade." in problems


def test_broken_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text(json.dumps(EVAL) + "\n{broken")
    with pytest.raises(CommandError, match=r"export\.jsonl:2"):
        read_export([file])
