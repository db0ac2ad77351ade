"""Parquet shards of normalized rows, one row group in memory at a time."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shared.engine.arrow import binary_array, integer_array

SCHEMA = pa.schema([("row_id", pa.int64()), ("source", pa.string()), ("row", pa.string())])
SHARD_ROWS = 50_000
GROUP_ROWS = 2_000
GROUP_BYTES = 8 << 20
WRITING = {"compression": "zstd", "compression_level": 1, "use_dictionary": False, "write_statistics": False}
"""Rows hardly repeat and nobody filters by their text: dictionaries and statistics would only cost time."""

Record = tuple[int, str, bytes]
"""(ordinal in the upload, "file:line", JSON of the normalized row)."""


class ShardWriter:
    """Writes `<split>-00000.parquet …` into a folder, in a thread: rows are compressed while the next ones are read."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder, self._split = folder, split
        self._held: list[Record] = []
        self._bytes = self._in_shard = self.rows = 0
        self._writer: Any = None
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self.names: list[str] = []

    def add(self, record: Record) -> None:
        """Append a row."""
        self._held.append(record)
        self._bytes += len(record[2])
        self.rows += 1
        if len(self._held) >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is held and finish the last shard."""
        self._flush()
        self._wait()
        self._thread.shutdown()
        self._end_shard()

    def _flush(self) -> None:
        self._wait()
        if self._held:
            self._writing = self._thread.submit(self._write, self._held)
        self._held, self._bytes = [], 0

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def _write(self, records: list[Record]) -> None:
        if self._writer is None:
            self.names.append(f"{self._split}-{len(self.names):05d}.parquet")
            self._writer = pq.ParquetWriter(self._folder / self.names[-1], SCHEMA, **WRITING)
        ids, sources, rows = zip(*records, strict=True)
        texts = [binary_array(column, pa.string()) for column in ([source.encode() for source in sources], rows)]
        self._writer.write_table(pa.table([integer_array(np.array(ids, np.int64)), *texts], schema=SCHEMA))
        self._in_shard += len(records)
        if self._in_shard >= SHARD_ROWS:
            self._end_shard()

    def _end_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._in_shard = None, 0


def read_rows(paths: list[str], offset: int, limit: int) -> list[Record]:
    """Rows [offset, offset + limit) of shards in order, reading only the row groups that hold them."""
    found: list[Record] = []
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
