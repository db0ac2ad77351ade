"""Streaming tool call parsers for the three formats in which a model's output can hold calls."""

import json
import uuid
from typing import Protocol

from services.inference.protocol import ToolCallDelta

OPEN, CLOSE = "<tool_call>", "</tool_call>"
ParsedDelta = tuple[str, list[ToolCallDelta]]
"""The text outside of calls, and the tool call deltas."""


class ToolCallParser(Protocol):
    """Parses the output of one choice."""

    def parse(self, text: str, last: bool) -> ParsedDelta:
        """Parse the next `text`. After the `last` one, nothing is held back."""


class HermesToolParser:
    """Parses text with `<tool_call>{"name", "arguments"}</tool_call>` blocks: the format of Hermes, Qwen and others.

    A block without such JSON stays text. Whitespace around a block belongs to the block.
    """

    def __init__(self, *, parallel: bool = True) -> None:
        self._parallel, self._buffer, self._calls = parallel, "", 0
        self._after_call = False

    def parse(self, text: str, last: bool) -> ParsedDelta:
        """See `ToolCallParser`."""
        self._append(text)
        plain, calls = "", []
        while (start := self._buffer.find(OPEN)) >= 0 and (last or self._buffer.find(CLOSE, start) >= 0):
            block, _, after = self._buffer[start:].partition(CLOSE)
            if call := _parse_call(block.removeprefix(OPEN), self._calls):
                plain += self._buffer[:start].rstrip()
                calls += [call] if self._parallel or not self._calls else []
                self._calls += 1
                self._buffer, self._after_call = "", True
                self._append(after)
            else:
                cut = len(self._buffer) - len(after)
                plain, self._buffer = plain + self._buffer[:cut], after
        safe = len(self._buffer) if last else self._safe_length(start)
        plain, self._buffer = plain + self._buffer[:safe], self._buffer[safe:]
        return plain, calls

    def _append(self, text: str) -> None:
        self._buffer += text
        if self._after_call:
            self._buffer = self._buffer.lstrip()
            self._after_call = not self._buffer

    def _safe_length(self, start: int) -> int:
        """Number of leading characters that are not part of a block, its start, or whitespace before it."""
        if start < 0:
            start = next(at for at in range(len(self._buffer) + 1) if OPEN.startswith(self._buffer[at:][: len(OPEN)]))
        return len(self._buffer[:start].rstrip())


class JsonListToolParser:
    """Parses a JSON list of {"name", "arguments"}, the schema of tool_choice `required`."""

    def __init__(self) -> None:
        self._buffer, self._calls = "", 0

    def parse(self, text: str, last: bool) -> ParsedDelta:
        """See `ToolCallParser`. The rest of a truncated list becomes text."""
        self._buffer += text
        calls = []
        while "}" in text and (call := self._next_call()):
            calls.append(call)
            self._calls += 1
        rest = self._buffer.strip("[,] \t\r\n") if last else ""
        return rest, calls

    def _next_call(self) -> ToolCallDelta | None:
        buffered = self._buffer.lstrip("[, \t\r\n")
        try:
            _, end = json.JSONDecoder().raw_decode(buffered)
        except ValueError:
            return None
        self._buffer = buffered[end:]
        return _parse_call(buffered[:end], self._calls)


class NamedToolParser:
    """Parses output that is the arguments of the function named in the request."""

    def __init__(self, name: str) -> None:
        self._name: str | None = name

    def parse(self, text: str, last: bool) -> ParsedDelta:
        """See `ToolCallParser`."""
        if not text:
            return "", []
        name, self._name = self._name, None
        return "", [ToolCallDelta(0, text, name and _new_call_id(), name)]


def _parse_call(text: str, index: int) -> ToolCallDelta | None:
    try:
        call = json.loads(text)
        name, arguments = call["name"], call["arguments"]
        text_arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return ToolCallDelta(index, text_arguments, _new_call_id(), str(name))
    except (ValueError, TypeError, KeyError):
        return None


def _new_call_id() -> str:
    return f"call_{uuid.uuid4().hex[:24]}"
