"""Measured lengths are those of the samples that training makes from the rows."""

from __future__ import annotations

import json
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.engine.process.protocol import Commands, null_reporter
from shared.engine.text import lengths
from shared.engine.text.answers import conversations
from shared.engine.text.template import ChatTemplate

TURNS = ({"role": "user", "content": "Hi there"}, {"role": "assistant", "content": "Good morning"})
QUESTION = {"role": "user", "content": "And?"}
PAIR = {"messages": [QUESTION], "chosen": [TURNS[1]], "rejected": [{"role": "assistant", "content": "No"}]}
UNPAIRED = {"messages": [QUESTION], "completion": [TURNS[1]], "label": False}
ROWS: list[dict[str, Any]] = [
    {"messages": TURNS},
    {"messages": [*TURNS, QUESTION, {"role": "assistant", "content": "Nothing"}]},
    {"messages": [QUESTION]},
    {"text": "Once upon a time"},
    PAIR,
    UNPAIRED,
]
REFUSED: dict[str, Any] = {"messages": [QUESTION, {**TURNS[1], "reasoning_content": "It is early"}]}
"""A row whose reasoning the tiny model's template leaves out."""


def measure(folder: Path, model: dict[str, Any], rows: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    pq.write_table(pa.table({"row": [json.dumps(row) for row in rows]}), folder / "rows.parquet")
    spec = {"shards": [str(folder / "rows.parquet")], "rows": len(rows), "model": model, **settings}
    return lengths.main(spec, null_reporter(), Commands(BytesIO()))


def test_every_sample_is_counted_with_its_trained_tokens(
    tmp_path: Path, tiny_ref: dict[str, Any], template: ChatTemplate
) -> None:
    found = measure(tmp_path, tiny_ref, ROWS)
    encoded = [template.encode(sample) for row in ROWS for sample in conversations(row)]
    expected = Counter((len(one), sum(one.trained), [*one.trained, True].index(True)) for one in encoded)
    assert found["samples"] == [[*length, count] for length, count in sorted(expected.items())]
    assert (found["counted"], found["refused"]) == (len(ROWS), 0)


def test_supervised_training_learns_the_chosen_answer_alone(tmp_path: Path, tiny_ref: dict[str, Any]) -> None:
    chosen = {"messages": [*PAIR["messages"], *PAIR["chosen"]]}
    assert measure(tmp_path, tiny_ref, [PAIR], supervised=True) == measure(tmp_path, tiny_ref, [chosen])


def test_refused_rows_are_counted_separately(tmp_path: Path, tiny_ref: dict[str, Any]) -> None:
    found = measure(tmp_path, tiny_ref, [REFUSED, ROWS[0]])
    assert (found["counted"], found["refused"], len(found["samples"])) == (2, 1, 1)


def test_large_dataset_is_sampled_evenly(tmp_path: Path, tiny_ref: dict[str, Any]) -> None:
    found = measure(tmp_path, tiny_ref, [ROWS[0], ROWS[1]] * (lengths.MAX_ROWS // 2 + 1))
    assert found["counted"] == lengths.MAX_ROWS // 2 + 1
