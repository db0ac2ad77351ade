"""Parquet and Arrow files. Fields of structs that are null are dropped: Arrow gives every struct all fields.

Nulls inside JSON texts are kept, so arguments of tool calls that may be null belong into one. Maps become objects, and
a float32 of 0.1 the number 0.1, not its digits in float64.
"""

from collections.abc import Iterator
from typing import IO, Any

from services.dataset.engine.lines import BadRow, NumberedRow, OpenFile, check_header
from services.dataset.formats import MAX_EXPANSION, SMALL_ARCHIVE_BYTES
from shared.engine.process.protocol import EngineError

FILE_MAGIC = b"ARROW1"
"""How an IPC file begins; a stream begins with its schema."""
BATCH_ROWS = 256
"""Rows that are Python objects at a time: bounds memory."""


def read_parquet(name: str, open_file: OpenFile) -> Iterator[NumberedRow]:
    """Yield the rows in batches of BATCH_ROWS, numbered from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_file() as stream:
        try:
            file = pq.ParquetFile(stream)
            metadata = file.metadata
            size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
            _check_size(name, size, stream)
            check_header(name, file.schema_arrow.names)
            yield from _numbered_rows(file.iter_batches(batch_size=BATCH_ROWS))
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(name, "Parquet", error) from error


def read_arrow(name: str, open_file: OpenFile) -> Iterator[NumberedRow]:
    """Yield the rows of an IPC file or stream (`save_to_disk` of `datasets`), numbered from 1."""
    import pyarrow as pa

    with open_file() as stream:
        try:
            yield from _numbered_rows(_mapped_batches(name, stream))
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(name, "Arrow", error) from error


def _mapped_batches(name: str, stream: IO[bytes]) -> Iterator[Any]:
    """Yield batches of BATCH_ROWS of a file that is mapped into memory, and so read as it is needed."""
    import pyarrow as pa

    source = pa.memory_map(stream.name)
    if stream.read(len(FILE_MAGIC)) == FILE_MAGIC:
        file = pa.ipc.open_file(source)
        batches = (file.get_batch(index) for index in range(file.num_record_batches))
    else:
        batches = iter(pa.ipc.open_stream(source))
    size = 0
    for batch in batches:
        check_header(name, batch.schema.names)
        batch.validate(full=True)  # an offset outside its buffer would read other memory
        size += batch.nbytes
        _check_size(name, size, stream)
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def _unreadable(name: str, kind: str, error: Exception) -> EngineError:
    remedy = (
        "Check that it was transferred completely, and is no pointer of Git LFS (`git lfs pull` downloads the file)."
    )
    return EngineError("file_unreadable", f"{name} is not a readable {kind} file: {error}", file=name, remedy=remedy)


def _numbered_rows(batches: Iterator[Any]) -> Iterator[NumberedRow]:
    number = 0
    for batch in map(_with_shortest_floats, batches):
        is_nested = any(_is_nested(field.type) for field in batch.schema)
        for row in _to_rows(batch):
            number += 1
            if is_nested and isinstance(row, dict):
                for cell in row.values():
                    _drop_nulls(cell)
            yield number, row


def _with_shortest_floats(batch: Any) -> Any:
    """Replace float32 columns by float64 ones with the same digits."""
    import pyarrow as pa

    for index, field in enumerate(batch.schema):
        if pa.types.is_float32(field.type):
            digits = batch.column(index).cast(pa.string()).cast(pa.float64())
            batch = batch.set_column(index, field.with_type(pa.float64()), digits)
    return batch


def _is_nested(type: Any) -> bool:
    return bool(type.num_fields)


def _drop_nulls(value: Any) -> None:
    """Drop the null fields of structs in place, at every depth. Nulls in lists are values."""
    if isinstance(value, dict):
        for key in [key for key, item in value.items() if item is None]:
            del value[key]
        value = value.values()
    elif not isinstance(value, list):
        return
    for item in value:
        if isinstance(item, dict | list):
            _drop_nulls(item)


def _to_rows(batch: Any) -> list[Any]:
    """Convert a batch to Python rows; invalid UTF-8 rejects only the row that has it."""
    try:
        return list(batch.to_pylist(maps_as_pydicts="lossy"))
    except UnicodeDecodeError:
        return [_to_row(batch, index) for index in range(batch.num_rows)]


def _to_row(batch: Any, index: int) -> object:
    try:
        return batch.slice(index, 1).to_pylist(maps_as_pydicts="lossy")[0]
    except UnicodeDecodeError:
        return BadRow("invalid UTF-8 in a string column")


def _check_size(name: str, size: int, stream: IO[bytes]) -> None:
    limit = max(SMALL_ARCHIVE_BYTES, MAX_EXPANSION * stream.seek(0, 2))
    if size > limit:
        remedy = "Upload it less compressed, or in several files."
        raise EngineError(
            "archive_refused", f"{name} would unpack to {size} bytes.", file=name, limit=limit, remedy=remedy
        )
