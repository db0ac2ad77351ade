"""Readers that yield the numbered rows of a file: one per file format."""

import csv
from collections.abc import Iterator
from typing import IO, Any

from services.dataset.engine.json_documents import read_json
from services.dataset.engine.json_lines import FastDecode, read_jsonl
from services.dataset.engine.lines import BadRow, NumberedRow, OpenFile, decode_utf8, read_lines, require_text
from services.dataset.formats import MAX_CELL_CHARS, MAX_EXPANSION, MAX_ROW_BYTES, SMALL_ARCHIVE_BYTES
from shared.engine.process.protocol import EngineError

DELIMITERS = ",;\t|"
BATCH_ROWS = 256
"""Rows of a Parquet file that are Python objects at a time: bounds memory."""


def read_file(
    name: str, extension: str, open_file: OpenFile, fast_decode: FastDecode = lambda line: None
) -> Iterator[NumberedRow]:
    """Yield the rows of a file by its extension (never `.zip`).

    In JSON Lines, `fast_decode` sees each line first. Raises EngineError where the whole file is unreadable.
    """
    if extension == ".parquet":
        return read_parquet(name, open_file)
    with open_file() as stream:
        require_text(name, stream)
    match extension:
        case ".jsonl":
            return read_jsonl(open_file, fast_decode)
        case ".json":
            return read_json(name, open_file)
        case ".csv":
            return read_csv(name, open_file)
    return read_text(open_file)


def read_text(open_file: OpenFile) -> Iterator[NumberedRow]:
    """Yield the paragraphs between blank lines; every line, in a file without blank lines."""
    has_paragraphs = _has_inner_blank_line(open_file)
    with open_file() as stream:
        paragraph: list[str] = []
        start, size = 1, 0
        for number, line in read_lines(stream):
            blank = isinstance(line, bytes) and line.isspace()
            if not blank:
                start = start if paragraph else number
                text = _decode_or_reject(line)
                size += len(line) if isinstance(line, bytes) else 0
                if isinstance(text, str) and size > MAX_ROW_BYTES:
                    text = BadRow(f"the paragraph exceeds {MAX_ROW_BYTES} bytes")
                if isinstance(text, BadRow):
                    yield number, text
                    paragraph, size = [], 0
                    continue
                paragraph.append(text)
            if paragraph and (blank or not has_paragraphs):
                yield start, {"text": "".join(paragraph).strip("\r\n")}
                paragraph, size = [], 0
        if paragraph:
            yield start, {"text": "".join(paragraph).strip("\r\n")}


def _decode_or_reject(line: bytes | BadRow) -> str | BadRow:
    try:
        return line if isinstance(line, BadRow) else decode_utf8(line)
    except BadRow as bad:
        return bad


def _has_inner_blank_line(open_file: OpenFile) -> bool:
    """Whether a blank line stands between two lines of text (one at the end does not count)."""
    with open_file() as stream:
        seen_text = blank_after_text = False
        for _, line in read_lines(stream):
            blank = isinstance(line, bytes) and line.isspace()
            if not blank and blank_after_text:
                return True
            seen_text = seen_text or not blank
            blank_after_text = seen_text and blank
    return False


class _CsvLines:
    """Lines for csv.reader. Invalid UTF-8 becomes lone surrogates, so that only its own record is rejected."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._lines, self._name = read_lines(stream), name

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        if isinstance(line, BadRow):
            raise EngineError("file_unreadable", f"{self._name} line {number}: {line}", file=self._name, line=number)
        return line.decode("utf-8", "surrogateescape")


def read_csv(name: str, open_file: OpenFile) -> Iterator[NumberedRow]:
    """Yield each record as {column: cell}, numbered by its first line."""
    csv.field_size_limit(MAX_CELL_CHARS)
    with open_file() as stream:
        first = next(read_lines(stream), (1, b""))[1]
    delimiter = _detect_delimiter(first if isinstance(first, bytes) else b"")
    with open_file() as stream:
        reader = csv.reader(_CsvLines(name, stream), delimiter=delimiter, strict=True)
        header = _read_header(name, reader)
        while True:
            number = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, BadRow(f"not CSV: {error}")
                continue
            if cells:
                yield number, _to_record(header, cells)


def _detect_delimiter(header: bytes) -> str:
    """Return the candidate that occurs most outside quotes; a comma where none occurs."""
    unquoted = "".join(header.decode("utf-8", "replace").split('"')[::2])
    return max(DELIMITERS, key=unquoted.count)


def _read_header(name: str, reader: Any) -> list[str]:
    try:
        header = [column.strip() for column in next(reader, [])]
    except csv.Error as error:
        raise EngineError("file_unreadable", f"{name} line 1: not CSV: {error}", file=name, line=1) from error
    if not all(header) or len(set(header)) != len(header):
        remedy = "Name every column once in the first line."
        raise EngineError("file_unreadable", f"{name}: the header has unnamed or repeated columns.", remedy=remedy)
    return header


def _to_record(header: list[str], cells: list[str]) -> object:
    if len(cells) != len(header):
        return BadRow(f"{len(cells)} fields, but the header names {len(header)} columns").with_raw(cells)
    for column, cell in zip(header, cells, strict=True):
        if not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell):
            return BadRow(f"invalid UTF-8 in column {column!r}; save the file as UTF-8").with_raw(cells)
    return dict(zip(header, cells, strict=True))


def read_parquet(name: str, open_file: OpenFile) -> Iterator[NumberedRow]:
    """Yield the rows in batches of BATCH_ROWS, numbered from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_file() as stream:
        try:
            file = pq.ParquetFile(stream)
            _check_size(name, file, stream)
            number = 0
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for row in _to_rows(batch):
                    number += 1
                    yield number, row
        except (pa.ArrowException, OSError) as error:
            remedy = "Check that it was written and transferred completely."
            raise EngineError(
                "file_unreadable", f"{name} is not a readable Parquet file: {error}", file=name, remedy=remedy
            ) from error


def _to_rows(batch: Any) -> list[Any]:
    """Convert a batch to Python rows; invalid UTF-8 rejects only the row that has it."""
    try:
        return list(batch.to_pylist())
    except UnicodeDecodeError:
        return [_to_row(batch, index) for index in range(batch.num_rows)]


def _to_row(batch: Any, index: int) -> object:
    try:
        return batch.slice(index, 1).to_pylist()[0]
    except UnicodeDecodeError:
        return BadRow("invalid UTF-8 in a string column")


def _check_size(name: str, file: Any, stream: IO[bytes]) -> None:
    metadata = file.metadata
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    limit = max(SMALL_ARCHIVE_BYTES, MAX_EXPANSION * stream.seek(0, 2))
    if size > limit:
        remedy = "Upload it less compressed, or in several files."
        raise EngineError(
            "archive_refused", f"{name} would unpack to {size} bytes.", file=name, limit=limit, remedy=remedy
        )
