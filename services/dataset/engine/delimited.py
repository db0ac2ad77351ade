"""Tables as text: CSV and TSV, as spreadsheets, pandas and R write them."""

import csv
import re
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, NamedTuple

from services.dataset.engine.lines import (
    ENCODING_REMEDY,
    HEAD_BYTES,
    BadRow,
    NumberedRow,
    OpenFile,
    check_header,
    read_lines,
)
from services.dataset.formats import MAX_CELL_CHARS
from services.dataset.layouts import find_layout
from shared.engine.process.protocol import EngineError

DELIMITERS = ",;\t|"
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line by which Excel is told the delimiter."""
SNIFFED_ROWS = 20
CERTAIN_ROWS = 6
"""Lines with the same number of delimiters that make a table of any text."""


class _Lines:
    """Lines for csv.reader, with those of the current record.

    Invalid UTF-8 becomes lone surrogates, so that only its own record is rejected.
    """

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._lines, self._name = read_lines(stream), name
        self.number = 0
        self.record: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        if isinstance(line, BadRow):
            detail = f"{self._name} line {self.number}: {line}"
            raise EngineError("file_unreadable", detail, file=self._name, line=self.number)
        text = line.decode("utf-8", "surrogateescape")
        self.record.append(text)
        return text


class Dialect(NamedTuple):
    """How the records of a table are written."""

    delimiter: str
    spaced: bool
    """Spaces follow the delimiter and belong to no cell."""
    has_separator_line: bool


def find_dialect(open_file: OpenFile, preferred: str = ",") -> Dialect:
    """Find out how a table is written by its first two lines.

    The delimiter is the one of a line `sep=`, else the candidate that the header has most often, else `preferred`.
    """
    with open_file() as stream:
        first, second = (_text(line) for _, line in _two_lines(stream))
    separator = SEPARATOR_LINE.fullmatch(first)
    header_line = second if separator else first
    delimiter = separator[1] if separator else _detect_delimiter(header_line, preferred)
    spaced = delimiter != " " and f"{delimiter} " in _unquoted(header_line)
    return Dialect(delimiter, spaced, bool(separator))


def read_delimited(name: str, open_file: OpenFile, preferred: str = ",") -> Iterator[NumberedRow]:
    """Yield each record as {column: cell}, numbered by its first line. Records without a value are skipped."""
    csv.field_size_limit(MAX_CELL_CHARS)
    delimiter, spaced, has_separator_line = find_dialect(open_file, preferred)
    with open_file() as stream:
        lines = _Lines(name, stream)
        if has_separator_line:
            next(lines)
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced, strict=True)
        header = _read_header(name, reader, lines)
        while True:
            number = lines.number + 1
            lines.record.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, _bad_record(error, number, lines.record)
                continue
            if any(cells):
                yield number, _to_record(header, cells, delimiter)


def columns_of_table(open_file: OpenFile) -> list[str] | None:
    """Return the columns if the file is a table: its first lines have the same number of cells, two or more.

    That a header has a layout, or that tabs separate the cells, is enough for few lines; prose has commas, too.
    """
    with open_file() as stream:
        text = stream.read(HEAD_BYTES).decode("utf-8-sig", "replace")
    lines = [line for line in text.splitlines()[:SNIFFED_ROWS] if line.strip()]
    delimiter = _detect_delimiter(lines[0], ",") if lines else ","
    try:
        records = list(islice(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), SNIFFED_ROWS))
    except csv.Error:
        return None
    header = [column.strip() for column in records[0]] if records else []
    if len(header) < 2 or len(records) < 2:
        return None
    complete = records[1:-1] or records[1:]  # the last record may be cut
    if {len(record) for record in complete} != {len(header)}:
        return None
    enough = 2 if find_layout(header) else 3 if delimiter == "\t" else CERTAIN_ROWS
    return header if len(records) >= enough else None


def _two_lines(stream: IO[bytes]) -> list[tuple[int, bytes | BadRow]]:
    return [*islice(read_lines(stream), 2), (0, b""), (0, b"")][:2]


def _text(line: bytes | BadRow) -> str:
    return line.decode("utf-8", "replace") if isinstance(line, bytes) else ""


def _unquoted(line: str) -> str:
    return "".join(line.split('"')[::2])


def _detect_delimiter(header: str, preferred: str) -> str:
    """Return the candidate that occurs most outside quotes; the preferred one where none occurs more often.

    Tabs that a .tsv has are its delimiter, however many commas its header has.
    """
    if preferred == "\t" and preferred in header:
        return preferred
    return max(preferred + DELIMITERS, key=_unquoted(header).count)


def _read_header(name: str, reader: Any, lines: _Lines) -> list[str]:
    """Return the names of the columns. Unnamed ones are called as pandas calls them; at the end they are dropped."""
    try:
        found: list[str] = next((record for record in reader if any(record)), [])
    except csv.Error as error:
        reason = _bad_record(error, 1, lines.record)
        raise EngineError("file_unreadable", f"{name} line 1: {reason}", file=name, line=1) from error
    header = [column.strip() for column in found]
    while header and not header[-1]:
        header.pop()
    header = [column or f"Unnamed: {index}" for index, column in enumerate(header)]
    check_header(name, header)
    return header


def _to_record(header: list[str], cells: list[str], delimiter: str) -> object:
    if len(cells) > len(header) and not any(cells[len(header) :]):
        del cells[len(header) :]
    if len(cells) != len(header):
        return BadRow(_wrong_width(header, cells, delimiter)).with_raw(cells)
    for column, cell in zip(header, cells, strict=True):
        if not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell):
            return BadRow(f"invalid UTF-8 in column {column!r}; {ENCODING_REMEDY}").with_raw(cells)
    return dict(zip(header, cells, strict=True))


def _wrong_width(header: list[str], cells: list[str], delimiter: str) -> str:
    reason = f"{len(cells)} fields, but the header names {len(header)} columns"
    if len(cells) < len(header):
        return reason
    spaced = any(cell.startswith(' "') for cell in cells)
    remedy = "remove the spaces before the quotes" if spaced else "put cells with it into quotes"
    return f"{reason}: {delimiter!r} separates fields; {remedy}"


def _bad_record(error: csv.Error, number: int, record: list[str]) -> BadRow:
    """Say in plain words what is wrong with a record that begins in line `number`. It counts for all its lines."""
    reason, count = str(error), max(1, len(record))
    if "unexpected end" in reason or (count > 1 and "field larger" in reason):
        line = number + _last_opening_quote(record)
        until = "the end of the file" if "unexpected end" in reason else f"line {number + count - 1}"
        reason = f"the quote in line {line} is never closed: it takes in all lines up to {until}"
        reason += '; close it, or double a quote that belongs to the text ("")'
    elif "expected after" in reason:
        line = number + _last_opening_quote(record)
        reason = f'text follows a closing quote, where the quotes of line {line} end; double quotes inside a cell ("")'
    elif "new-line" in reason:
        reason = "a carriage return inside a cell without quotes; save the file with one kind of line end"
    bad = BadRow(f"not CSV: {reason}").with_raw("".join(record))
    bad.rows = count
    return bad


def _last_opening_quote(record: list[str]) -> int:
    """Return the index of the line with the last quote that opens a cell; doubled quotes close and open it again."""
    is_open, opened = False, 0
    for index, line in enumerate(record):
        for _ in range(line.count('"')):
            is_open = not is_open
            opened = index if is_open else opened
    return opened
