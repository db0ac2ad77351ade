"""JSON Lines: one JSON value per line."""

from collections.abc import Callable, Iterator

import msgspec

from services.dataset.engine.lines import BadRow, NumberedRow, OpenFile, decode_utf8, read_lines

FastDecode = Callable[[bytes], object]
"""Decodes a line into a value that needs no further checks, or returns None to leave it to the general decoder."""
_decode = msgspec.json.Decoder().decode


def read_jsonl(open_file: OpenFile, fast_decode: FastDecode = lambda line: None) -> Iterator[NumberedRow]:
    """Yield the value of each line that is not blank. Each line goes through `fast_decode` first."""
    with open_file() as stream:
        for number, line in read_lines(stream):
            if isinstance(line, BadRow):
                yield number, line
            elif not line.isspace():
                try:
                    yield number, fast_decode(line) or _decode(line)
                except (ValueError, RecursionError) as error:
                    yield number, _bad_json(line, error).with_raw(line)


def _bad_json(line: bytes, error: Exception) -> BadRow:
    try:
        decode_utf8(line)
    except BadRow as bad:
        return bad
    if isinstance(error, RecursionError):
        return BadRow("not JSON that can be read: nested too deeply")
    hint = "; NaN and Infinity are not JSON" if b"NaN" in line or b"Infinity" in line else ""
    reason = str(error).removeprefix("JSON is malformed: ")
    if "truncated" in reason or (reason.startswith("invalid character") and _ends_inside_string(line)):
        reason = "the line ends too early"
    return BadRow(f"not JSON: {reason}{hint}")


def _ends_inside_string(line: bytes) -> bool:
    """Whether the newline alone is the invalid character: without it, msgspec calls the line truncated."""
    try:
        msgspec.json.decode(line.rstrip())
    except (ValueError, RecursionError) as error:
        return "truncated" in str(error)
    return False
