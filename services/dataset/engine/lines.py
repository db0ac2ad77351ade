"""Lines of a file with their numbers, at constant memory however long a line is."""

from collections.abc import Callable, Iterator
from typing import IO

from services.dataset.formats import MAX_ROW_BYTES
from shared.engine.process.protocol import EngineError

BOM = b"\xef\xbb\xbf"
MAGICS = {
    b"PK\x03\x04": "a zip archive",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"%PDF": "a PDF",
}

Opener = Callable[[], IO[bytes]]
"""Opens a file of the upload at its start; may be called twice."""


class BadRow(Exception):
    """A row that cannot be used; its text is the reason, `raw` what stands there where nothing could be decoded."""

    raw: object = None

    def of(self, raw: object) -> "BadRow":
        """The same, with what stands there."""
        self.raw = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        return self


Item = tuple[int, object]
"""A line number (from 1) and what stands there: a decoded value, or the BadRow that says why there is none."""


def check_is_text(name: str, stream: IO[bytes]) -> None:
    """Refuse what is plainly something else under a text file's name. Reads the first bytes."""
    head = stream.read(4)
    for magic, what in MAGICS.items():
        if head.startswith(magic):
            remedy = "Save it as UTF-8." if "UTF-16" in what else "Unpack it, or upload it under its true extension."
            raise EngineError("file_unreadable", f"{name} is {what}, not UTF-8 text.", file=name, remedy=remedy)


def lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | BadRow]]:
    """Each line with its number and without its byte-order mark; a line over MAX_ROW_BYTES becomes a BadRow."""
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


def decoded(line: bytes) -> str:
    """The line as text; raises BadRow naming the first byte that is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise BadRow(
            f"invalid UTF-8: byte 0x{byte:02x} at position {error.start + 1}; save the file as UTF-8"
        ) from error
