"""Files as streams of (line number, value): JSON Lines, CSV, text and Parquet; JSON documents are in documents.py."""

import csv
from collections.abc import Callable, Iterator
from typing import IO, Any

import msgspec

from services.dataset.engine.documents import json_items
from services.dataset.engine.lines import BadRow, Item, Opener, check_is_text, decoded, lines
from services.dataset.formats import MAX_CELL, MAX_RATIO, MAX_ROW_BYTES, SMALL_ARCHIVE
from shared.engine.process.protocol import EngineError

DELIMITERS = ",;\t|"
BATCH = 256
"""Rows of a Parquet file that are Python objects at one time."""


Decode = Callable[[bytes], object]
_decode = msgspec.json.Decoder().decode


def items(name: str, extension: str, opened: Opener, plain: Decode = lambda line: None) -> Iterator[Item]:
    """The rows of a file by its extension (never `.zip`). Raises EngineError where the whole file is unreadable.

    Of JSON Lines a row is what `plain` makes of its line, and the decoded value where that is None.
    """
    if extension == ".parquet":
        return parquet_items(name, opened)
    with opened() as stream:
        check_is_text(name, stream)
    match extension:
        case ".jsonl":
            return jsonl_items(opened, plain)
        case ".json":
            return json_items(name, opened)
        case ".csv":
            return csv_items(name, opened)
    return text_items(opened)


def jsonl_items(opened: Opener, plain: Decode = lambda line: None) -> Iterator[Item]:
    """One JSON value a line; blank lines are no rows."""
    with opened() as stream:
        for number, line in lines(stream):
            if isinstance(line, BadRow):
                yield number, line
            elif not line.isspace():
                try:
                    yield number, plain(line) or _decode(line)
                except (ValueError, RecursionError) as error:
                    yield number, _not_json(line, error).of(line)


def _not_json(line: bytes, error: Exception) -> BadRow:
    try:
        decoded(line)
    except BadRow as bad:
        return bad
    if isinstance(error, RecursionError):
        return BadRow("not JSON that can be read: nested too deeply")
    hint = "; NaN and Infinity are not JSON" if b"NaN" in line or b"Infinity" in line else ""
    reason = str(error).removeprefix("JSON is malformed: ")
    if "truncated" in reason or (reason.startswith("invalid character") and _ends_within_text(line)):
        reason = "the line ends too early"
    return BadRow(f"not JSON: {reason}{hint}")


def _ends_within_text(line: bytes) -> bool:
    """Decoded without its newline, which is an invalid character in a string that was cut off."""
    try:
        msgspec.json.decode(line.rstrip())
    except (ValueError, RecursionError) as error:
        return "truncated" in str(error)
    return False


def text_items(opened: Opener) -> Iterator[Item]:
    """Paragraphs between blank lines; in a file without blank lines, every line."""
    paragraphs = _has_blank_line(opened)
    with opened() as stream:
        held: list[str] = []
        start, size = 1, 0
        for number, line in lines(stream):
            blank = isinstance(line, bytes) and line.isspace()
            if not blank:
                start = start if held else number
                text = _text(line)
                size += len(line) if isinstance(line, bytes) else 0
                if isinstance(text, BadRow) or size > MAX_ROW_BYTES:
                    reason = (
                        text if isinstance(text, BadRow) else BadRow(f"the paragraph exceeds {MAX_ROW_BYTES} bytes")
                    )
                    yield number, reason
                    held, size = [], 0
                    continue
                held.append(text)
            if held and (blank or not paragraphs):
                yield start, {"text": "".join(held).strip("\r\n")}
                held, size = [], 0
        if held:
            yield start, {"text": "".join(held).strip("\r\n")}


def _text(line: bytes | BadRow) -> str | BadRow:
    try:
        return line if isinstance(line, BadRow) else decoded(line)
    except BadRow as bad:
        return bad


def _has_blank_line(opened: Opener) -> bool:
    """A blank line between two others (not only at the end)."""
    with opened() as stream:
        seen_text = blank_after = False
        for _, line in lines(stream):
            blank = isinstance(line, bytes) and line.isspace()
            if not blank and blank_after:
                return True
            seen_text = seen_text or not blank
            blank_after = seen_text and blank
    return False


class _CsvLines:
    """Text lines for csv.reader; bytes that are not UTF-8 arrive as lone surrogates, found again in the cell."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._lines, self._name = lines(stream), name

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        if isinstance(line, BadRow):
            raise EngineError("file_unreadable", f"{self._name} line {number}: {line}", file=self._name, line=number)
        return line.decode("utf-8", "surrogateescape")


def csv_items(name: str, opened: Opener) -> Iterator[Item]:
    """Records with the header's names; a record that spans lines is numbered by its first."""
    csv.field_size_limit(MAX_CELL)
    with opened() as stream:
        first = next(lines(stream), (1, b""))[1]
    delimiter = _delimiter(first if isinstance(first, bytes) else b"")
    with opened() as stream:
        reader = csv.reader(_CsvLines(name, stream), delimiter=delimiter, strict=True)
        header = _header(name, reader)
        while True:
            number = reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, BadRow(f"not CSV: {error}")
                continue
            if record:
                yield number, _record(header, record)


def _delimiter(line: bytes) -> str:
    """The candidate that occurs most in the header outside quotes; a comma when none does."""
    outside = "".join(line.decode("utf-8", "replace").split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _header(name: str, reader: Any) -> list[str]:
    try:
        header = [column.strip() for column in next(reader, [])]
    except csv.Error as error:
        raise EngineError("file_unreadable", f"{name} line 1: not CSV: {error}", file=name, line=1) from error
    if not all(header) or len(set(header)) != len(header):
        remedy = "Name every column once in the first line."
        raise EngineError("file_unreadable", f"{name}: the header has unnamed or repeated columns.", remedy=remedy)
    return header


def _record(header: list[str], record: list[str]) -> object:
    if len(record) != len(header):
        return BadRow(f"{len(record)} fields, but the header names {len(header)} columns").of(record)
    for column, cell in zip(header, record, strict=True):
        if not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell):
            return BadRow(f"invalid UTF-8 in column {column!r}; save the file as UTF-8").of(record)
    return dict(zip(header, record, strict=True))


def parquet_items(name: str, opened: Opener) -> Iterator[Item]:
    """Rows of each row group in turn; the number is that of the row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with opened() as stream:
        try:
            file = pq.ParquetFile(stream)
            _check_size(name, file, stream)
            number = 0
            for batch in file.iter_batches(batch_size=BATCH):
                for row in _rows(batch):
                    number += 1
                    yield number, row
        except (pa.ArrowException, OSError) as error:
            remedy = "Check that it was written and transferred completely."
            raise EngineError(
                "file_unreadable", f"{name} is not a readable Parquet file: {error}", file=name, remedy=remedy
            ) from error


def _rows(batch: Any) -> list[Any]:
    """Python rows of a batch; a string that is not UTF-8 spoils its own row only."""
    try:
        return list(batch.to_pylist())
    except UnicodeDecodeError:
        return [_row(batch, index) for index in range(batch.num_rows)]


def _row(batch: Any, index: int) -> object:
    try:
        return batch.slice(index, 1).to_pylist()[0]
    except UnicodeDecodeError:
        return BadRow("invalid UTF-8 in a string column")


def _check_size(name: str, file: Any, stream: IO[bytes]) -> None:
    metadata = file.metadata
    content = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    limit = max(SMALL_ARCHIVE, MAX_RATIO * stream.seek(0, 2))
    if content > limit:
        remedy = "Upload it less compressed, or in several files."
        raise EngineError(
            "archive_refused", f"{name} would unpack to {content} bytes.", file=name, limit=limit, remedy=remedy
        )
