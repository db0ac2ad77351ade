"""A JSON document as a stream of rows: an array of objects, or an object around one, at constant memory.

Python's decoder reads one element at a time from a sliding window of text, so that a file of any size is fine and
every row still has its line number.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from services.dataset.engine.lines import BadRow, Item, Opener, lines
from services.dataset.formats import MAX_ROW_BYTES
from shared.engine.process.protocol import EngineError

WRAPPERS = ("data", "rows", "examples", "train")
"""Members of a top-level object that may hold the array of rows."""
WINDOW = 1 << 20
SPACE = re.compile(r"[ \t\r\n]*")


def json_items(name: str, opened: Opener) -> Iterator[Item]:
    """Rows of `[…]`, of `{"data": […]}` (or rows, examples, train), or of JSON Lines under the name .json."""
    from services.dataset.engine.sources import jsonl_items

    if _is_json_lines(opened):
        yield from jsonl_items(opened)
        return
    with opened() as stream:
        yield from _Document(name, stream).rows()


def _is_json_lines(opened: Opener) -> bool:
    """The first line is a whole object, and another one follows."""
    with opened() as stream:
        first, second = _first_two(stream)
    try:
        return second.lstrip().startswith(b"{") and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _first_two(stream: IO[bytes]) -> tuple[bytes, bytes]:
    found = [b"", b""]
    index = 0
    for _, line in lines(stream):
        if isinstance(line, BadRow) or index == 2:
            break
        if not line.isspace():
            found[index] = line
            index += 1
    return found[0], found[1]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _Document:
    """A cursor over the text of one JSON file."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._name, self._stream = name, stream
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._decoder = json.JSONDecoder(parse_constant=_refuse_constant)
        self._text, self._at, self._line, self._ended = "", 0, 1, False

    def rows(self) -> Iterator[Item]:
        """The elements of the array, wherever it is."""
        opening = self._peek()
        if opening == "{":
            self._enter_wrapper()
        elif opening != "[":
            self._refuse("it is neither an array of rows nor an object around one")
        yield from self._elements()

    def _enter_wrapper(self) -> None:
        """Move to the array of a wrapping object, over its other members."""
        self._take("{")
        while self._peek() == '"':
            key = self._value()
            self._take(":")
            if key in WRAPPERS and self._peek() == "[":
                return
            self._value()
            if self._peek() == ",":
                self._take(",")
        expected = ", ".join(f'"{key}"' for key in WRAPPERS)
        self._refuse(f"the object has no array of rows under {expected}")

    def _elements(self) -> Iterator[Item]:
        self._take("[")
        if self._peek() == "]":
            return
        while True:
            self._peek()
            line = self._line
            yield line, self._value()
            if self._peek() != ",":
                break
            self._take(",")
        self._take("]")

    def _peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            found = SPACE.match(self._text, self._at)
            self._advance(found.end() if found else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read():
                return ""

    def _take(self, expected: str) -> None:
        if self._peek() != expected:
            found = repr(self._peek()) if self._peek() else "the end of the file"
            self._refuse(f"expected {expected!r}, found {found}")
        self._advance(self._at + 1)

    def _value(self) -> Any:
        """Decode one value, with more text while it is incomplete; a broken one leaves no way to go on."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:
                    self._advance(end)
                    return value
                self._read()
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or len(self._text) - self._at > MAX_ROW_BYTES:
                    self._refuse(f"a value is nested too deeply, broken, or larger than {MAX_ROW_BYTES} characters")
                if not self._read():
                    self._refuse(f"not JSON: {getattr(error, 'msg', error)}")

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _read(self) -> bool:
        """Append as much text as the window holds already (so that a long value costs no quadratic time)."""
        if self._ended:
            return False
        chunk = self._stream.read(max(WINDOW, len(self._text) - self._at))
        try:
            text = self._utf8.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            self._advance(len(self._text))
            self._line += error.object[: error.start].count(b"\n")
            self._refuse(f"invalid UTF-8: byte 0x{error.object[error.start]:02x}; save the file as UTF-8")
        self._text, self._at, self._ended = self._text[self._at :] + text, 0, not chunk
        return bool(chunk)

    def _refuse(self, reason: str) -> None:
        detail = f"{self._name} line {self._line}: {reason}."
        remedy = 'Give an array of objects, {"data": [...]}, or one object a line in a .jsonl file.'
        raise EngineError("file_unreadable", detail, file=self._name, line=self._line, remedy=remedy)
