"""The rows of a version, split by split, and those of them that a filter selects."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow.parquet as pq

from shared.engine.process.protocol import Reporter

SPLIT_ORDER = ("test", "validation", "train")
"""Of equal rows, the one in the first of these splits stays: what is held out is not trained."""
BATCH_ROWS = 1_000
COLUMNS = ["row_id", "source", "row", "columns"]
NOT_TEXT = {"role", "type", "id", "tool_call_id"}
"""Members whose values are no words of a person or a model."""
decode = msgspec.json.Decoder().decode

Splits = Mapping[str, Sequence[str]]
"""Paths of shards by split."""


class StoredRow(NamedTuple):
    """A row as its shard has it; `row` and `columns` are JSON."""

    split: str
    row_id: int
    source: str
    row: str
    columns: str


def read_splits(splits: Splits, reporter: Reporter | None = None) -> Iterator[StoredRow]:
    """Yield all rows in SPLIT_ORDER, one batch in memory."""
    done = 0
    for split in SPLIT_ORDER:
        for path in splits.get(split, ()):
            with pq.ParquetFile(path) as file:
                names = [name for name in COLUMNS if name in file.schema_arrow.names]
                for batch in file.iter_batches(BATCH_ROWS, columns=names):
                    found = batch.to_pydict()
                    further = found.get("columns") or [""] * batch.num_rows
                    rows = zip(found["row_id"], found["source"], found["row"], further, strict=True)
                    yield from (StoredRow(split, *row[:3], row[3] or "") for row in rows)
                    done += batch.num_rows
                    if reporter is not None and reporter.alive():
                        reporter.progress(done, None, "rows")


def read_at(splits: Splits, positions: Sequence[int]) -> dict[int, StoredRow]:
    """Return the rows at these positions of `read_splits`, reading only the row groups that have them."""
    wanted, found, start = sorted(set(positions)), dict[int, StoredRow](), 0
    for split in SPLIT_ORDER:
        for path in splits.get(split, ()):
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    end = start + file.metadata.row_group(group).num_rows
                    here = [position for position in wanted if start <= position < end]
                    if here:
                        table = file.read_row_group(group).take([position - start for position in here]).to_pylist()
                        for position, row in zip(here, table, strict=True):
                            columns = row.get("columns") or ""
                            found[position] = StoredRow(split, row["row_id"], row["source"], row["row"], columns)
                    start = end
    return found


class RowFilter:
    """Whether a row has a text (regardless of case), and a value in one of its further columns."""

    def __init__(self, search: str | None, where: str | None) -> None:
        """`where` is column=value."""
        self._needle = (search or "").casefold()
        self._column, _, self._value = (where or "").partition("=")

    @property
    def selects_all(self) -> bool:
        """Whether there is no condition."""
        return not self._needle and not self._column

    def __call__(self, row: str, columns: str) -> bool:
        """Whether the row meets every condition."""
        if self._column:
            values = decode(columns) if columns else {}
            if self._column not in values or _text(values[self._column]) != self._value:
                return False
        return not self._needle or any(self._needle in text.casefold() for text in texts(decode(row)))


def texts(value: Any) -> Iterator[str]:
    """Yield the texts of a normalized row: of its turns, answers and tools."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            if name not in NOT_TEXT:
                yield from texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def _text(value: Any) -> str:
    """A value as people write it: true, not True; 1, not 1.0."""
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else msgspec.json.encode(value).decode()
