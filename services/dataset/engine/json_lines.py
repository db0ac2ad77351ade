"""JSON Lines: one JSON value per line."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from services.dataset.engine.lines import BadRow, NumberedRow, OpenFile, decode_utf8, read_lines
from shared.json_keys import RepeatedKey, unique_keys

FastDecode = Callable[[bytes], object]
"""Decodes a line into a value that needs no further checks, or returns None to leave it to the general decoder."""
PYTHON_LINE = re.compile(rb"\s*[\[{]+\s*'")
_decode = msgspec.json.Decoder().decode


def read_jsonl(open_file: OpenFile, fast_decode: FastDecode = lambda line: None) -> Iterator[NumberedRow]:
    """Yield the value of each line that is not blank. Each line goes through `fast_decode` first."""
    with open_file() as stream:
        for number, line in read_lines(stream):
            if isinstance(line, BadRow):
                yield number, line
            elif not line.isspace():
                yield number, fast_decode(line) or _decode_line(line)


def with_columns(value: object) -> object:
    """Return a list of messages as the row that has it under `messages`; any other value as it is."""
    if not isinstance(value, list) or not value:
        return value
    is_conversation = all(isinstance(item, dict) and item.keys() & {"role", "from"} for item in value)
    return {"messages": value} if is_conversation else value


def _decode_line(line: bytes) -> object:
    try:
        return with_columns(_decode_value(line))
    except RepeatedKey as repeated:
        return BadRow(str(repeated)).with_raw(line)


def _decode_value(line: bytes) -> object:
    try:
        value = _decode(line)
        return json.loads(line, object_pairs_hook=unique_keys) if has_other_colons(line, count_colons(value)) else value
    except (ValueError, RecursionError) as error:
        if b"NaN" in line or b"Infinity" in line:  # pandas and Python write them, though they are not JSON
            with suppress(ValueError, RecursionError):
                return json.loads(line, object_pairs_hook=unique_keys)
        return _bad_json(line, error).with_raw(line)


def has_other_colons(line: bytes, colons: int) -> bool:
    """Whether a JSON text may give a key twice in one object: its decoded value accounts for `colons` colons.

    One stands behind each key, all others within texts, where they may also be escaped.
    """
    return line.count(b":") != colons or b"\\u003" in line


def repeats_key(line: bytes) -> bool:
    """Whether a JSON text gives a key twice in one object."""
    try:
        json.loads(line, object_pairs_hook=unique_keys)
    except RepeatedKey:
        return True
    return False


def count_colons(value: object) -> int:
    """The colons of a JSON value as text, where none is escaped and no key repeated."""
    if isinstance(value, str):
        return value.count(":")
    if isinstance(value, dict):
        return len(value) + sum(map(count_colons, value)) + sum(map(count_colons, value.values()))
    return sum(map(count_colons, value)) if isinstance(value, list) else 0


def _bad_json(line: bytes, error: Exception) -> BadRow:
    try:
        decode_utf8(line)
    except BadRow as bad:
        return bad
    if isinstance(error, RecursionError):
        return BadRow("not JSON that can be read: nested too deeply")
    reason = str(error).removeprefix("JSON is malformed: ")
    if PYTHON_LINE.match(line):
        reason = "Python wrote it with single quotes; write rows with json.dumps"
    elif _is_json(line):
        reason = "an escape such as \\ud83d is half a character; write both halves"
    elif _is_json(line, strict=False):
        reason = "a text contains a control character, such as a tab; write it as an escape (\\t)"
    elif "truncated" in reason or (reason.startswith("invalid character") and _ends_inside_string(line)):
        reason = "the line ends too early; every row is one line"
    elif "trailing characters" in reason:
        reason = "more follows the first value; every row is one line"
    return BadRow(f"not JSON: {reason}")


def _is_json(line: bytes, *, strict: bool = True) -> bool:
    """Whether Python's decoder reads the line; it takes half a surrogate pair, and control characters if not strict."""
    with suppress(ValueError, RecursionError):
        json.loads(line, strict=strict)
        return True
    return False


def _ends_inside_string(line: bytes) -> bool:
    """Whether the newline alone is the invalid character: without it, msgspec calls the line truncated."""
    try:
        msgspec.json.decode(line.rstrip())
    except (ValueError, RecursionError) as error:
        return "truncated" in str(error)
    return False
