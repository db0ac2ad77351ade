"""Writes all rows of a version as JSON lines, in the order of the upload; uploading them again gives the same rows.

Loss masks are written in OpenAI's form (`weight`: 0), spans in Axolotl's (`train_detail`), unpaired preferences in
TRL's (`prompt`, `completion`, `label`). Where there are test rows, every row names its split: uploaded again, they are
not trained. Spec: {"splits": {split: [paths]}, "out": path}. Result: {}.
"""

import heapq
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow.parquet as pq

from shared.engine.process.protocol import Commands, Reporter

OWN_KEYS = ('"train":', '"untrained":', '"completion":')
"""Keys of normalized rows that other tools write differently."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Merge the splits by row id, with one batch of each sorted run of shards in memory."""
    splits: dict[str, list[str]] = spec["splits"]
    names_splits = bool(splits.get("test"))
    runs = [_read_shards(run, split) for split, paths in splits.items() for run in _sorted_runs(paths)]
    with open(spec["out"], "w", encoding="utf-8") as out:
        for _, row, split in heapq.merge(*runs):
            out.write(to_public_row(row, split if names_splits else None) + "\n")
    return {}


def to_public_row(text: str, split: str | None = None) -> str:
    """Return a normalized row, given and returned as JSON, with the keys that other tools read, and its split."""
    if split is None and not any(key in text for key in OWN_KEYS):
        return text
    row = json.loads(text)
    row |= {} if split is None else {"split": split}
    for message in chain(*(row.get(part, ()) for part in ("messages", "chosen", "rejected", "completion"))):
        _restore_mask(message)
    if "completion" in row:
        row = {"prompt": row.pop("messages"), **row}
    return json.dumps(row, ensure_ascii=False)


def _restore_mask(message: dict[str, Any]) -> None:
    if message.pop("train", True) is False:
        message["weight"] = 0
    position, spans = 0, []
    for start, end in (*message.pop("untrained", ()), (len(message["content"]), None)):
        spans += [(position, start, True), (start, end, False)]
        position = end
    detail = [
        {"begin_offset": start, "end_offset": end - 1, "train": trained}
        for start, end, trained in spans
        if end is not None and start < end
    ]
    if any(not span["train"] for span in detail):
        message["train_detail"] = detail


def _sorted_runs(paths: list[str]) -> list[list[str]]:
    """Divide the shards of a split where row ids are not ascending any more: a split may be made of two."""
    runs: list[list[str]] = []
    last = -1
    for path in paths:
        first, end = _first_and_last_id(path)
        if first < last or not runs:
            runs.append([])
        runs[-1].append(path)
        last = end
    return runs


def _first_and_last_id(path: str) -> tuple[int, int]:
    with pq.ParquetFile(path) as file:
        groups = (file.read_row_group(group, ["row_id"])["row_id"] for group in (0, file.num_row_groups - 1))
        first, last = groups
        return first[0].as_py(), last[-1].as_py()


def _read_shards(paths: list[str], split: str) -> Iterator[tuple[int, str, str]]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["row_id", "row"]):
                ids, rows = batch["row_id"].to_pylist(), batch["row"].to_pylist()
                yield from ((id, row, split) for id, row in zip(ids, rows, strict=True))
