"""JSON documents: an array of rows, or an object that holds one, streamed at constant memory.

Python's JSON decoder reads one element at a time from a sliding window of text. A file may have any size, and every
row has its line number.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from services.dataset.engine.json_lines import read_jsonl
from services.dataset.engine.lines import BadRow, NumberedRow, OpenFile, read_lines
from services.dataset.formats import MAX_ROW_BYTES
from shared.engine.process.protocol import EngineError

ROW_KEYS = ("data", "rows", "examples", "train")
"""Keys of a top-level object that may hold the array of rows."""
WINDOW_BYTES = 1 << 20
WHITESPACE = re.compile(r"[ \t\r\n]*")


def read_json(name: str, open_file: OpenFile) -> Iterator[NumberedRow]:
    """Yield the rows of `[…]`, of `{"data": […]}` (or another of ROW_KEYS), or of JSON Lines named .json.

    Raises EngineError `file_unreadable` at the first syntax error.
    """
    if _is_json_lines(open_file):
        yield from read_jsonl(open_file)
        return
    with open_file() as stream:
        yield from _DocumentReader(name, stream).rows()


def _is_json_lines(open_file: OpenFile) -> bool:
    """Whether the first line is a whole object and the next one begins another."""
    with open_file() as stream:
        first, second = _first_two_lines(stream)
    try:
        return second.lstrip().startswith(b"{") and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _first_two_lines(stream: IO[bytes]) -> tuple[bytes, bytes]:
    found = [b"", b""]
    index = 0
    for _, line in read_lines(stream):
        if isinstance(line, BadRow) or index == 2:
            break
        if not line.isspace():
            found[index] = line
            index += 1
    return found[0], found[1]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _DocumentReader:
    """A cursor over the text of one JSON file."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._name, self._stream = name, stream
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._decoder = json.JSONDecoder(parse_constant=_refuse_constant)
        self._text, self._position, self._line, self._at_end = "", 0, 1, False

    def rows(self) -> Iterator[NumberedRow]:
        """Yield the elements of the array of rows."""
        opening = self._peek()
        if opening == "{":
            self._seek_rows()
        elif opening != "[":
            self._refuse("it is neither an array of rows nor an object that holds one")
        yield from self._elements()

    def _seek_rows(self) -> None:
        """Move to the array of rows in the top-level object, past its other members."""
        self._expect("{")
        while self._peek() == '"':
            key = self._read_value()
            self._expect(":")
            if key in ROW_KEYS and self._peek() == "[":
                return
            self._read_value()
            if self._peek() == ",":
                self._expect(",")
        expected = ", ".join(f'"{key}"' for key in ROW_KEYS)
        self._refuse(f"the object has no array of rows under {expected}")

    def _elements(self) -> Iterator[NumberedRow]:
        self._expect("[")
        if self._peek() == "]":
            return
        while True:
            self._peek()
            line = self._line
            yield line, self._read_value()
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

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._position, end)
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
            self._refuse(f"invalid UTF-8: byte 0x{error.object[error.start]:02x}; save the file as UTF-8")
        self._text, self._position, self._at_end = self._text[self._position :] + text, 0, not chunk
        return bool(chunk)

    def _refuse(self, reason: str) -> None:
        detail = f"{self._name} line {self._line}: {reason}."
        remedy = 'Upload an array of objects, {"data": [...]}, or a .jsonl file with one object per line.'
        raise EngineError("file_unreadable", detail, file=self._name, line=self._line, remedy=remedy)
