"""Writing and reading the Parquet shards of normalized rows, one row group in memory at a time."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shared.engine.arrow import binary_array, integer_array

SCHEMA = pa.schema([("row_id", pa.int64()), ("source", pa.string()), ("row", pa.string()), ("columns", pa.string())])
SHARD_ROWS = 50_000
ROW_GROUP_ROWS = 2_000
ROW_GROUP_BYTES = 8 << 20
WRITER_OPTIONS = {"compression": "zstd", "compression_level": 1, "use_dictionary": False, "write_statistics": False}
"""Rows rarely repeat and no reader filters by them: dictionaries and statistics would cost time for nothing."""

Record = tuple[int, str, bytes, bytes]
"""(index in the upload, "file:line", JSON of the normalized row, JSON of kept values of further columns or nothing)."""


class ShardWriter:
    """Writes `<split>-00000.parquet …` in a thread: a row group is compressed while the next one is read."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder, self._split = folder, split
        self._buffer: list[Record] = []
        self._buffered_bytes = self._shard_rows = self.rows = 0
        self._writer: Any = None
        self._thread = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None
        self.names: list[str] = []

    def add(self, record: Record) -> None:
        """Append a row."""
        self._buffer.append(record)
        self._buffered_bytes += len(record[2])
        self.rows += 1
        if len(self._buffer) >= ROW_GROUP_ROWS or self._buffered_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the buffered rows and finish the last shard."""
        self._flush()
        self._wait_for_writer()
        self._thread.shutdown()
        self._close_shard()

    def _flush(self) -> None:
        self._wait_for_writer()
        if self._buffer:
            self._pending = self._thread.submit(self._write, self._buffer)
        self._buffer, self._buffered_bytes = [], 0

    def _wait_for_writer(self) -> None:
        if self._pending is not None:
            self._pending.result()

    def _write(self, records: list[Record]) -> None:
        if self._writer is None:
            self.names.append(f"{self._split}-{len(self.names):05d}.parquet")
            self._writer = pq.ParquetWriter(self._folder / self.names[-1], SCHEMA, **WRITER_OPTIONS)
        ids, sources, rows, columns = zip(*records, strict=True)
        encoded = ([source.encode() for source in sources], rows, columns)
        texts = [binary_array(column, pa.string()) for column in encoded]
        self._writer.write_table(pa.table([integer_array(np.array(ids, np.int64)), *texts], schema=SCHEMA))
        self._shard_rows += len(records)
        if self._shard_rows >= SHARD_ROWS:
            self._close_shard()

    def _close_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._shard_rows = None, 0


def read_rows(paths: list[str], offset: int, limit: int) -> list[tuple[int, str, bytes]]:
    """Return (id, source, JSON) of rows [offset, offset + limit) in order, reading only the row groups with them."""
    found: list[tuple[int, str, bytes]] = []
    for path in paths:
        with pq.ParquetFile(path) as file:
            for group in range(file.metadata.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if offset < rows and len(found) < limit:
                    table = file.read_row_group(group).slice(offset, limit - len(found)).to_pylist()
                    found += [(row["row_id"], row["source"], row["row"].encode()) for row in table]
                offset = max(0, offset - rows)
        if len(found) >= limit:
            break
    return found
