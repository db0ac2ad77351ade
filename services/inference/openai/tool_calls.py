"""Tool calls read out of an answer as it is written, in the three forms in which one may hold them."""

import json
import uuid
from typing import Protocol

from services.inference.protocol import CallPiece

OPEN, CLOSE = "<tool_call>", "</tool_call>"
Read = tuple[str, list[CallPiece]]
"""Plain text, and what there is of calls."""


class Reader(Protocol):
    """Reads one answer."""

    def read(self, text: str, last: bool) -> Read:
        """What more `text` brings; after the `last` nothing is held back."""


class HermesCalls:
    """Text with calls in it, `<tool_call>{"name", "arguments"}</tool_call>`: the format of Hermes, Qwen and others.

    A block that is no such JSON stays text. Spaces around blocks belong to them.
    """

    def __init__(self, *, parallel: bool = True) -> None:
        self._parallel, self._held, self._calls = parallel, "", 0
        self._after_call = False

    def read(self, text: str, last: bool) -> Read:
        """See `Reader`."""
        self._take(text)
        said, calls = "", []
        while (start := self._held.find(OPEN)) >= 0 and (last or self._held.find(CLOSE, start) >= 0):
            block, _, after = self._held[start:].partition(CLOSE)
            if call := _call(block.removeprefix(OPEN), self._calls):
                said += self._held[:start].rstrip()
                calls += [call] if self._parallel or not self._calls else []
                self._calls += 1
                self._held, self._after_call = "", True
                self._take(after)
            else:
                cut = len(self._held) - len(after)
                said, self._held = said + self._held[:cut], after
        sure = len(self._held) if last else self._sure(start)
        said, self._held = said + self._held[:sure], self._held[sure:]
        return said, calls

    def _take(self, text: str) -> None:
        self._held += text
        if self._after_call:
            self._held = self._held.lstrip()
            self._after_call = not self._held

    def _sure(self, start: int) -> int:
        """Characters that can neither be a block, begin one, nor be space before one."""
        if start < 0:
            start = next(at for at in range(len(self._held) + 1) if OPEN.startswith(self._held[at:][: len(OPEN)]))
        return len(self._held[:start].rstrip())


class ListedCalls:
    """A JSON list of {"name", "arguments"}, as the schema of a required call has it."""

    def __init__(self) -> None:
        self._held, self._calls = "", 0

    def read(self, text: str, last: bool) -> Read:
        """See `Reader`; what remains of a list that was cut off is text."""
        self._held += text
        calls = []
        while "}" in text and (found := self._first()):
            calls.append(found)
            self._calls += 1
        rest = self._held.strip("[,] \t\r\n") if last else ""
        return rest, calls

    def _first(self) -> CallPiece | None:
        held = self._held.lstrip("[, \t\r\n")
        try:
            _, end = json.JSONDecoder().raw_decode(held)
        except ValueError:
            return None
        self._held = held[end:]
        return _call(held[:end], self._calls)


class NamedCall:
    """The arguments of a function whose name the request gave."""

    def __init__(self, name: str) -> None:
        self._name: str | None = name

    def read(self, text: str, last: bool) -> Read:
        """See `Reader`."""
        if not text:
            return "", []
        name, self._name = self._name, None
        return "", [CallPiece(0, text, name and _new_id(), name)]


def _call(text: str, index: int) -> CallPiece | None:
    try:
        call = json.loads(text)
        name, arguments = call["name"], call["arguments"]
        written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return CallPiece(index, written, _new_id(), str(name))
    except (ValueError, TypeError, KeyError):
        return None


def _new_id() -> str:
    return f"call_{uuid.uuid4().hex[:24]}"
