"""Writes all rows of a version as JSON lines, in the order of the upload.

Spec: {"splits": [[paths], …], "out": path}. Result: {}.
"""

import heapq
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from shared.engine.process.protocol import Commands, Reporter


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Merge the splits by row id, with one batch of each in memory."""
    with open(spec["out"], "w", encoding="utf-8") as out:
        for _, row in heapq.merge(*(_read_split(paths) for paths in spec["splits"])):
            out.write(row + "\n")
    return {}


def _read_split(paths: list[str]) -> Iterator[tuple[int, str]]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["row_id", "row"]):
                yield from zip(batch["row_id"].to_pylist(), batch["row"].to_pylist(), strict=True)
