"""Token tables keep tokens and loss masks, and know which rows have something to learn within a maximum length."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from services.training.engine.data.batches import Samples
from services.training.engine.data.skipped_rows import SkippedRows
from services.training.engine.data.token_store import Table, TableWriter, is_valid, write_index
from shared.engine.text.samples import EncodedSample, Span

ROWS: list[tuple[int, list[Span]]] = [
    (6, [(2, 4)]),
    (4, [(0, 1)]),  # nothing predicts a document's first token
    (5, [(0, 2)]),
    (3, [(1, 2)]),
    (2, []),
    (7, [(0, 1), (2, 2), (4, 6)]),
]
"""The length of each sample, and its trained spans."""


def write(folder: Path, split: str, first: int, last: int) -> None:
    with TableWriter(folder, split) as writer:
        for row in range(first, last):
            length, spans = ROWS[row]
            writer.add(row, EncodedSample.from_ids(range(100 * row, 100 * row + length), spans))


@pytest.mark.parametrize("parts", [[0, 6], [0, 1, 6], [0, 2, 2, 4, 6]])
@pytest.mark.parametrize("max_length", [99, 5, 4, 1])
def test_rows_in_use_have_a_predicted_trained_token_within_the_maximum_length(
    tmp_path: Path, parts: list[int], max_length: int
) -> None:
    with TableWriter(tmp_path, "train") as writer:
        for first, last in pairwise(parts):
            write(tmp_path / "part", "train", first, last)
            writer.append_table(tmp_path / "part", "train")
    assert list((tmp_path / "part").iterdir()) == []
    table = Table.open(tmp_path, "train")
    samples = Samples.from_table(table, max_length)
    used = []
    for row, (length, spans) in enumerate(ROWS):
        mask = [any(start <= token < end for start, end in spans) for token in range(length)][:max_length]
        assert table.ids(row, max_length).tolist() == [100 * row + token for token in range(len(mask))]
        assert table.trained(row, max_length).tolist() == mask
        used += [row] if any(mask[1:]) else []
    assert samples.rows.tolist() == used
    assert samples.lengths.tolist() == [min(ROWS[row][0], max_length) for row in used]
    assert samples.cut.tolist() == [row for row in used if ROWS[row][0] > max_length]
    assert samples.untrained.tolist() == [row for row in range(len(ROWS)) if row not in used]


@pytest.mark.parametrize("content", ["", "{", "null", "{}", '{"sizes": {}}', None])
def test_folder_with_a_damaged_index_is_not_used(tmp_path: Path, content: str | None) -> None:
    write(tmp_path, "train", 0, 6)
    write_index(tmp_path, [], SkippedRows(), template_hash="t")
    assert is_valid(tmp_path, template_hash="t")
    (tmp_path / "index.json").unlink()
    if content is not None:
        (tmp_path / "index.json").write_text(content)
    assert not is_valid(tmp_path, template_hash="t")


def test_long_tables_are_appended_whole(tmp_path: Path) -> None:
    rows = (1 << 16) + 3
    for folder in (tmp_path / "part", tmp_path / "expected"):
        with TableWriter(folder, "train") as writer:
            for row in range(rows):
                writer.add(row, EncodedSample.from_ids([row], [(0, 1)]))
    with TableWriter(tmp_path, "train") as writer:
        writer.append_table(tmp_path / "part", "train")
    for kind in ("tokens", "spans", "samples"):
        assert (tmp_path / f"train.{kind}").read_bytes() == (tmp_path / f"expected/train.{kind}").read_bytes()
