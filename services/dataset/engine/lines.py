"""Reading a file line by line, with line numbers, at constant memory however long a line is."""

from collections.abc import Callable, Iterator
from typing import IO

from services.dataset.formats import MAX_ROW_BYTES
from shared.engine.process.protocol import EngineError

BOM = b"\xef\xbb\xbf"
SIGNATURES = {
    b"PK\x03\x04": "a zip archive",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"%PDF": "a PDF",
}
"""First bytes of files that are often uploaded under a text file's name."""

OpenFile = Callable[[], IO[bytes]]
"""Opens a file of the upload at its start; may be called more than once."""


class BadRow(Exception):
    """A row that is rejected. The text is the reason; `raw` is the undecoded row, where decoding failed."""

    raw: object = None

    def with_raw(self, raw: object) -> "BadRow":
        """Attach the undecoded row."""
        self.raw = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        return self


NumberedRow = tuple[int, object]
"""A line number (from 1) and its decoded value, or the BadRow that says why there is none."""


def require_text(name: str, stream: IO[bytes]) -> None:
    """Refuse a binary or UTF-16 file under a text file's name. Reads the first 4 bytes. Raises EngineError."""
    head = stream.read(4)
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            remedy = "Save it as UTF-8." if "UTF-16" in kind else "Unpack it, or upload it with its own extension."
            raise EngineError("file_unreadable", f"{name} is {kind}, not UTF-8 text.", file=name, remedy=remedy)


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
        raise BadRow(
            f"invalid UTF-8: byte 0x{byte:02x} at position {error.start + 1}; save the file as UTF-8"
        ) from error
