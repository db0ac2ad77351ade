"""Reading a file line by line, with line numbers, at constant memory however long a line is."""

import codecs
import io
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from services.dataset.formats import MAX_ROW_BYTES
from shared.engine.process.protocol import EngineError

ENCODING_REMEDY = "save the file as UTF-8, or upload it with its encoding"
HEAD_BYTES = 1 << 16
"""Bytes at the beginning of a file that tell what it is."""
BOM = b"\xef\xbb\xbf"
SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PAR1": "a Parquet file",
    b"ARRO": "an Arrow file",
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"%PDF": "a PDF",
    b"version https://git-lfs": "a pointer of Git LFS",
}
"""First bytes of files that are often uploaded under a text file's name."""
REMEDIES = {
    "UTF-16": "Save it as UTF-8, or upload it with encoding utf-16.",
    "Git LFS": "Upload the file that it points to: `git lfs pull` downloads it.",
    "zip archive": "Save a workbook as CSV, in UTF-8; name an archive .zip.",
    "gzip": "Add .gz to its name, or unpack it.",
    "Zstandard": "Unpack it.",
    "PDF": "Extract its text first.",
}

OpenFile = Callable[[], IO[bytes]]
"""Opens a file of the upload at its start; may be called more than once."""


class BadRow(Exception):
    """A row that is rejected. The text is the reason; `raw` is the undecoded row, where decoding failed.

    `rows` is how many it counts for: a quote that is never closed takes the lines below it with it.
    """

    raw: object = None
    rows: int = 1

    def with_raw(self, raw: object) -> "BadRow":
        """Attach the undecoded row."""
        self.raw = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        return self


NumberedRow = tuple[int, object]
"""A line number (from 1) and its decoded value, or the BadRow that says why there is none."""


def require_text(name: str, stream: IO[bytes]) -> None:
    """Refuse a binary or UTF-16 file under a text file's name, by its first bytes. Raises EngineError."""
    head = stream.read(HEAD_BYTES)
    kind = next((kind for signature, kind in SIGNATURES.items() if head.startswith(signature)), None)
    if kind is None and b"\0" in head:
        kind = "UTF-16 text without a byte-order mark, or a binary file"
    if kind is not None:
        remedy = next(
            (remedy for word, remedy in REMEDIES.items() if word in kind), "Upload it with its own extension."
        )
        raise EngineError("file_unreadable", f"{name} is {kind}, not UTF-8 text.", file=name, remedy=remedy)


def check_header(name: str, columns: Sequence[str]) -> None:
    """Refuse a table with two columns of one name, of which a row could have only one. Raises EngineError."""
    if repeated := next((column for column in columns if columns.count(column) > 1), None):
        remedy = "Name every column once; of two, remove or rename one."
        detail = f"{name}: two columns are named {repeated!r}."
        raise EngineError("file_unreadable", detail, file=name, remedy=remedy)


def with_line_feeds(open_file: OpenFile) -> OpenFile:
    """Return a function that opens a text file of the former Mac OS, with carriage returns alone, as other texts."""
    with open_file() as stream:
        head = stream.read(HEAD_BYTES)
    if b"\n" in head or b"\r" not in head.rstrip(b"\r"):
        return open_file
    return lambda: io.BufferedReader(_CarriageReturns(open_file()))


class _CarriageReturns(io.RawIOBase):
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer)).replace(b"\r", b"\n")
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._stream.close()
        super().close()


def detect_encoding(head: bytes) -> str:
    """Guess the encoding of a text by its first bytes: UTF-16 by its mark, UTF-8 where it is valid, or windows-1252.

    Encodings with one byte per character cannot be told apart: the last one is a guess that a person has to see.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def transcoded(name: str, open_file: OpenFile, encoding: str) -> OpenFile:
    """Return a function that opens a text of this encoding as UTF-8.

    A byte without a meaning in the encoding stays as it is, so that only its own row is rejected. Reading raises
    EngineError for UTF-8 under another name, at its first letter beyond ASCII: it would become two or three wrong ones.
    """
    return lambda: io.BufferedReader(_Transcoder(name, open_file(), encoding))


class _Transcoder(io.RawIOBase):
    def __init__(self, name: str, stream: IO[bytes], encoding: str) -> None:
        self._name, self._stream, self._encoding = name, stream, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._utf8 = codecs.getincrementaldecoder("utf-8")() if encoding != "utf-16" else None
        self._pending, self._at_end = b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._pending and not self._at_end:
            chunk = self._stream.read(HEAD_BYTES)
            self._at_end = not chunk
            self._refuse_utf8(chunk)
            try:
                text = self._decoder.decode(chunk, self._at_end)
            except UnicodeDecodeError as error:
                detail = f"{self._name} is not {self._encoding} text: {error.reason}."
                remedy = "Choose its encoding, or save it as UTF-8."
                raise EngineError(
                    "file_unreadable", detail, field="encoding", file=self._name, remedy=remedy
                ) from error
            self._pending = text.encode("utf-8", "surrogateescape")
        count = min(len(buffer), len(self._pending))
        buffer[:count], self._pending = self._pending[:count], self._pending[count:]
        return count

    def _refuse_utf8(self, chunk: bytes) -> None:
        """Decide by the first chunk that is not ASCII."""
        try:
            if self._utf8 is None or self._utf8.decode(chunk).isascii():
                return
        except UnicodeDecodeError:
            self._utf8 = None
            return
        detail = f"{self._name} is UTF-8, not {self._encoding}."
        remedy = "Leave encoding out."
        raise EngineError("file_unreadable", detail, field="encoding", file=self._name, remedy=remedy)

    def close(self) -> None:
        self._stream.close()
        super().close()


def read_lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | BadRow]]:
    """Yield each line with its number, without a byte-order mark; a line over MAX_ROW_BYTES is a BadRow."""
    number = 0
    while line := stream.readline(MAX_ROW_BYTES + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM)
        if len(line) <= MAX_ROW_BYTES:
            yield number, line
        else:
            _skip_line(stream, line)
            yield number, BadRow(f"the line is longer than {MAX_ROW_BYTES} bytes")


def _skip_line(stream: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(1 << 20)


def decode_utf8(line: bytes) -> str:
    """Decode a line. Raises BadRow that names the first byte that is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise BadRow(f"invalid UTF-8: byte 0x{byte:02x} at position {error.start + 1}; {ENCODING_REMEDY}") from error
