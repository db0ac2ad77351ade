"""What `anneal import lm-eval` finds in a folder, and what it lists as not imported."""

import json
import shutil
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.lm_eval import read_run

RUNS = Path(__file__).parents[2] / "support" / "lm_eval"


def test_a_folder_and_its_results_are_the_same_run() -> None:
    run = read_run(RUNS / "base")
    assert run == read_run(run.file)
    assert run.model == "seedling"
    assert run.samples.keys() == {"shop_answer", "shop_choice", "shop_words"}


def test_what_is_not_imported_is_listed() -> None:
    found = [f"{problem.subject}: {problem.detail}" for problem in read_run(RUNS / "tuned").problems()]
    assert found == [
        "group shop: It is a group; its scores are those of its tasks: shop_choice, shop_answer.",
        "task shop_answer: There is no samples_shop_answer_*.jsonl of this run.",
    ]
    assert list(read_run(RUNS / "tuned").problems(["shop_choice"])) == []


def test_model_arguments_of_earlier_versions_are_text(tmp_path: Path) -> None:
    results = {"results": {}, "configs": {}, "config": {"model_args": "model=model_1,base_url=http://host/v1"}}
    (tmp_path / "results_2024-08-01T10-00-00.5.json").write_text(json.dumps(results))
    assert read_run(tmp_path).model == "model_1"


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no results_\*.json"):
        read_run(tmp_path)
    with pytest.raises(CommandError, match="2 results_"):
        read_run(RUNS)
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        read_run(tmp_path / "results_none.json")
    (other := tmp_path / "results_x.json").write_text('{"results": []}')
    with pytest.raises(CommandError, match="no results of lm-eval"):
        read_run(other)
    other.write_text('{"results": ')
    with pytest.raises(CommandError, match="cannot be read as JSON"):
        read_run(other)
    shutil.copy(read_run(RUNS / "base").file, other)
    with pytest.raises(CommandError, match="lacks the time"):
        read_run(other)
