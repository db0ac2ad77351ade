"""JSON documents: arrays of rows, objects that hold them, and single objects, streamed at constant memory.

Python's JSON decoder reads one element at a time from a sliding window of text. A file may have any size, and every
row has its line number.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from services.dataset.engine.json_columns import rows_of_object
from services.dataset.engine.json_lines import FastDecode, read_jsonl, with_columns
from services.dataset.engine.lines import BOM, ENCODING_REMEDY, BadRow, NumberedRow, OpenFile
from services.dataset.engine.splits import split_of
from services.dataset.formats import MAX_ROW_BYTES
from services.dataset.layouts import find_layout
from shared.engine.process.protocol import EngineError
from shared.json_keys import RepeatedKey, unique_keys

ROW_KEYS = ("data", "rows", "examples")
"""Keys of a top-level object that may hold an array of rows, beside the names of splits."""
WINDOW_BYTES = 1 << 20
WHITESPACE = re.compile(r"[ \t\r\n]*")


class SplitRow(dict[str, Any]):
    """A row from the array of a split, such as {"test": […]}."""

    split: str


def read_json(
    name: str,
    open_file: OpenFile,
    fast_decode: FastDecode = lambda line: None,
    report_unread: Callable[[str], None] = lambda member: None,
    *,
    lines: bool = False,
) -> Iterator[NumberedRow]:
    """Yield the rows of a JSON or JSON Lines file, by its content; where it may be both, it has `lines` or not.

    `report_unread` is called with the name of each array or object beside the arrays of rows. Raises EngineError
    `file_unreadable` at the first syntax error of a document.
    """
    found = is_json_lines(open_file)
    if lines if found is None else found:
        yield from read_jsonl(open_file, fast_decode)
        return
    with open_file() as stream:
        yield from _DocumentReader(name, stream, report_unread).rows()


def is_json_lines(open_file: OpenFile) -> bool | None:
    """Whether the file has one JSON value per line (True) or is a document (False), by its first two lines.

    None where it may be both: a single object, or a first line that is not JSON at all.
    """
    with open_file() as stream:
        first, second = _first_two_lines(stream)
    if first.startswith(b"["):
        if _is_conversation(first):
            return True
        return None if first.rstrip() != b"[" and _is_object(second) else False
    if _is_object(first):
        return second.lstrip().startswith(b"{") or None
    is_open = first.startswith(b"{") and first.rstrip().endswith((b"{", b"[", b",", b":"))
    return False if is_open and not _is_object(second) else None


def _is_conversation(line: bytes) -> bool:
    try:
        return isinstance(with_columns(json.loads(line)), dict)
    except (ValueError, RecursionError):
        return False


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _first_two_lines(stream: IO[bytes]) -> tuple[bytes, bytes]:
    """Return the first two lines that are not blank; of one that is too long, a bracket."""
    found: list[bytes] = []
    while len(found) < 2 and (line := stream.readline(MAX_ROW_BYTES + 1)):
        line = line.removeprefix(BOM).lstrip()
        if len(line) > MAX_ROW_BYTES:
            return (b"[" if line.startswith(b"[") else b""), b""
        found += [line] if line else []
    return (*found, b"", b"")[0], (*found, b"", b"")[1]


def _of_split(split: str | None, row: object) -> object:
    if split is None or not isinstance(row, dict):
        return row
    row = SplitRow(row)
    row.split = split
    return row


class _DocumentReader:
    """A cursor over the text of one JSON file."""

    def __init__(self, name: str, stream: IO[bytes], report_unread: Callable[[str], None]) -> None:
        self._name, self._stream, self._report_unread = name, stream, report_unread
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._decoder = json.JSONDecoder(object_pairs_hook=self._collect)
        self._repeated: RepeatedKey | None = None
        """The key that the last value gives twice in one object."""
        self._text, self._position, self._line, self._at_end = "", 0, 1, False
        self._consumed = 0

    def rows(self) -> Iterator[NumberedRow]:
        """Yield the rows of all documents in the file: objects and arrays may follow each other."""
        while opening := self._peek():
            if opening == "{":
                yield from self._object()
            elif opening == "[":
                yield from self._elements()
            else:
                self._refuse(f"{opening!r} stands outside an array of rows and outside an object")

    def _object(self) -> Iterator[NumberedRow]:
        """Yield the arrays of rows that the object holds; else the rows that it is itself."""
        line, start, found = self._line, self._consumed, False
        members: dict[str, Any] = {}
        repeated: RepeatedKey | None = None
        for key in self._keys():
            split = split_of(key)
            if (split or key in ROW_KEYS) and self._holds_rows():
                found = True
                yield from self._elements(split, members.get("columns"))
                continue
            repeated = repeated or (RepeatedKey(key) if key in members else None)
            members[key] = self._read_value()
            repeated = repeated or self._repeated
            if self._consumed - start > MAX_ROW_BYTES and not found:
                self._refuse(f"an object without an array of rows is longer than {MAX_ROW_BYTES} characters")
        if repeated:
            yield line, BadRow(str(repeated)).with_raw(members)
        elif not found:
            yield from self._rows_of(line, members)
        elif (layout := find_layout(members)) and layout[0].form != "text":
            self._refuse(f"the object holds an array of rows, and is a row itself: it has {', '.join(members)}")
        else:
            read = ("columns", "index") if "columns" in members else ()
            for key, value in members.items():
                if isinstance(value, list | dict) and value and key not in read:
                    self._report_unread(key)

    def _rows_of(self, line: int, members: dict[str, Any]) -> Iterator[NumberedRow]:
        """Yield the rows of an object without an array of rows; the tables of {"train": {"a": […]}, …}, by split."""
        if not members or not all(split_of(key) and isinstance(value, dict) for key, value in members.items()):
            yield from rows_of_object(line, members)
            return
        for key, table in members.items():
            for number, row in rows_of_object(line, table):
                yield number, _of_split(split_of(key), row)

    def _keys(self) -> Iterator[str]:
        """Yield the keys of the object at the cursor; the caller reads each value."""
        self._expect("{")
        while self._peek() == '"':
            key: str = self._read_value()
            self._expect(":")
            yield key
            if self._peek() != ",":
                break
            self._expect(",")
        self._expect("}")

    def _holds_rows(self) -> bool:
        """Whether the value at the cursor is an array of objects or arrays."""
        if self._peek() != "[":
            return False
        while (found := WHITESPACE.match(self._text, self._position + 1)) and found.end() == len(self._text):
            if not self._read_more():
                return False
        return found is not None and self._text[found.end()] in "{[]"

    def _elements(self, split: str | None = None, columns: Any = None) -> Iterator[NumberedRow]:
        """Yield the elements of an array; `columns` name their cells in pandas' orientation `split`."""
        self._expect("[")
        while self._peek() != "]":
            line, value = self._line, self._read_value()
            if self._repeated:
                value = BadRow(str(self._repeated)).with_raw(value)
            if isinstance(value, list) and isinstance(columns, list) and len(value) == len(columns):
                value = dict(zip(map(str, columns), value, strict=True))
            yield line, _of_split(split, with_columns(value))
            if self._peek() != ",":
                break
            self._expect(",")
        self._expect("]")

    def _peek(self) -> str:
        """Return the next character that is not whitespace; empty at the end."""
        while True:
            found = WHITESPACE.match(self._text, self._position)
            self._advance(found.end() if found else self._position)
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read_more():
                return ""

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            found = repr(self._peek()) if self._peek() else "the end of the file"
            self._refuse(f"expected {character!r}, found {found}")
        self._advance(self._position + 1)

    def _read_value(self) -> Any:
        """Decode one value, reading more text while it is incomplete.

        A value that ends where the text ends may continue in the next chunk (a number, say), so it is decoded again.
        """
        self._peek()
        while True:
            self._repeated = None
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
                if end < len(self._text) or self._at_end:
                    self._advance(end)
                    return value
                self._read_more()
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or len(self._text) - self._position > MAX_ROW_BYTES:
                    self._refuse(f"a value is nested too deeply, broken, or larger than {MAX_ROW_BYTES} characters")
                if not self._read_more():
                    self._refuse(f"not JSON: {getattr(error, 'msg', error)}")

    def _collect(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        try:
            return unique_keys(pairs)
        except RepeatedKey as repeated:
            self._repeated = repeated
            return dict(pairs)

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._position, end)
        self._consumed += end - self._position
        self._position = end

    def _read_more(self) -> bool:
        """Append at least as much text as the window holds: doubling keeps a long value at linear time."""
        if self._at_end:
            return False
        chunk = self._stream.read(max(WINDOW_BYTES, len(self._text) - self._position))
        try:
            text = self._utf8.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            self._advance(len(self._text))
            self._line += error.object[: error.start].count(b"\n")
            self._refuse(f"invalid UTF-8: byte 0x{error.object[error.start]:02x}; {ENCODING_REMEDY}")
        self._text, self._position, self._at_end = self._text[self._position :] + text, 0, not chunk
        return bool(chunk)

    def _refuse(self, reason: str) -> None:
        detail = f"{self._name} line {self._line}: {reason}."
        remedy = (
            'Upload an array of objects, {"data": [...]}, or a .jsonl file with one object per line; from pandas, '
            'to_json(path, orient="records", lines=True).'
        )
        raise EngineError("file_unreadable", detail, file=self._name, line=self._line, remedy=remedy)
