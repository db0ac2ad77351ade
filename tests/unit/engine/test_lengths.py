"""Counted lengths are those of the samples that training makes of the rows."""

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
from shared.engine.text.template import ChatTemplate

SAID = ({"role": "user", "content": "Hi there"}, {"role": "assistant", "content": "Good morning"})
ASKED = {"role": "user", "content": "And?"}
PAIR = {"messages": [ASKED], "chosen": [SAID[1]], "rejected": [{"role": "assistant", "content": "No"}]}
ROWS: list[dict[str, Any]] = [
    {"messages": SAID},
    {"messages": [*SAID, ASKED, {"role": "assistant", "content": "Nothing"}]},
    {"messages": [ASKED]},
    {"text": "Once upon a time"},
    PAIR,
]
REFUSED: dict[str, Any] = {"messages": [{"role": "assistant"}]}


def counted(folder: Path, model: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    pq.write_table(pa.table({"row": [json.dumps(row) for row in rows]}), folder / "rows.parquet")
    spec = {"shards": [str(folder / "rows.parquet")], "rows": len(rows), "model": model}
    return lengths.main(spec, null_reporter(), Commands(BytesIO()))


def test_every_sample_is_counted_with_its_trained_tokens(
    tmp_path: Path, tiny_ref: dict[str, Any], template: ChatTemplate
) -> None:
    found = counted(tmp_path, tiny_ref, ROWS)
    encoded = [template.encode(sample) for row in ROWS for sample in lengths.split_preference_row(row)]
    expected = Counter((len(one), sum(one.trained), [*one.trained, True].index(True)) for one in encoded)
    assert found["samples"] == [[*length, count] for length, count in sorted(expected.items())]
    assert (found["counted"], found["refused"]) == (len(ROWS), 0)


def test_rows_that_the_template_refuses_are_counted_apart(tmp_path: Path, tiny_ref: dict[str, Any]) -> None:
    found = counted(tmp_path, tiny_ref, [REFUSED, ROWS[0]])
    assert (found["counted"], found["refused"], len(found["samples"])) == (2, 1, 1)


def test_of_many_rows_an_even_share_is_counted(tmp_path: Path, tiny_ref: dict[str, Any]) -> None:
    found = counted(tmp_path, tiny_ref, [ROWS[0], ROWS[1]] * (lengths.MAX_ROWS // 2 + 1))
    assert found["counted"] == lengths.MAX_ROWS // 2 + 1
