"""Samples of lm-eval in forms that no version writes: a refusal, or a row without what cannot be read."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.evaluation.errors import UnreadableImport
from services.evaluation.imports.samples import Row, read_samples

LINE: dict[str, Any] = {
    "doc_id": 0,
    "target": "0",
    "arguments": {
        "gen_args_0": {"arg_0": "Is it?", "arg_1": " yes"},
        "gen_args_1": {"arg_0": "Is it?", "arg_1": " no"},
    },
    "resps": [],
    "filtered_resps": [[-1.0, True], [-2.0, False]],
    "filter": "none",
    "metrics": ["acc"],
    "doc_hash": "a",
    "prompt_hash": "b",
    "target_hash": "c",
    "acc": 1.0,
}


def read(folder: Path, **changes: Any) -> Row:
    path = folder / "samples.jsonl"
    path.write_text(json.dumps({**LINE, **changes}) + "\n", "utf-8")
    return read_samples(path, path.name).rows[0]


def test_a_row_of_choices(tmp_path: Path) -> None:
    assert read(tmp_path) == Row("samples.jsonl:1", "Is it?", "yes", "yes")


@pytest.mark.parametrize("place", ["gen_args_0", "gen_args_1"])
def test_a_request_without_arguments_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(UnreadableImport, match=r"samples\.jsonl:1"):
        read(tmp_path, arguments={**LINE["arguments"], place: {}})


def test_a_target_of_many_digits_is_a_text(tmp_path: Path) -> None:
    assert read(tmp_path, target="1" * 5000).reference == "1" * 5000


@pytest.mark.parametrize("likelihood", [10**400, float("nan")])
def test_a_likelihood_that_is_no_number_gives_no_answer(tmp_path: Path, likelihood: float) -> None:
    assert read(tmp_path, filtered_resps=[[likelihood, True], [-2.0, False]]).answer is None
