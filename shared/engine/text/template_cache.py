"""Renders conversations without running the chat template for each one, where it only copies message contents.

For each sequence of roles the template runs once, with contents that it cannot read. Whatever would inspect one (a
test, a comparison, a filter other than `trim`) raises ContentRead, and conversations with these roles are left to the
template. Otherwise its output is literal text with slots for the contents, and the spans and boundaries lie at the
same places in it for all conversations with these roles. Filling the slots is then exactly what the template does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import accumulate, chain
from typing import Any, TypeAlias

from jinja2 import Environment, Template, nodes

from shared.engine.text.literal_specials import LiteralSpecials
from shared.engine.text.samples import RenderedSample, Span

MAX_TURNS = 64
"""Longer conversations hardly share their roles."""
_MAX_ENTRIES = 1_000
_SLOT = re.compile("\ue000([0-9]+)(t?)\ue001")
"""A slot as it stands in the output: the index of the message, and `t` if its content is trimmed. The delimiters are
private-use characters; a template that contains one is not cached."""
_CAPTURING = (nodes.Concat, nodes.Mod, nodes.AssignBlock, nodes.Macro, nodes.CallBlock, nodes.FilterBlock)
"""Syntax that turns a content into an ordinary `str`, which the template could then read without being noticed."""
_FILTERS = {"capitalize", "count", "default", "first", "last", "length", "list", "lower", "tojson", "trim", "upper"}
"""Filters that do not; of these only `trim` accepts an opaque content."""
_TESTS = {"boolean", "defined", "false", "float", "integer", "mapping", "none", "number", "string", "true", "undefined"}
"""Tests that give the same answer for every text."""

SlotPosition: TypeAlias = tuple[int, int]
"""A position in the output: the number of slots before it, and the bytes of literal text before it."""


class ContentRead(Exception):
    """A template inspects the content of a message."""


def _refuse(*_: Any) -> Any:
    raise ContentRead


class OpaqueContent:
    """Stands for any message content that is not blank: can be output, concatenated and trimmed, but not read."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return True

    def __add__(self, other: str | OpaqueContent) -> OpaqueContent:
        return OpaqueContent(self._text + str(other))

    def __radd__(self, other: str) -> OpaqueContent:
        return OpaqueContent(other + self._text)

    def strip(self) -> OpaqueContent:
        """Mark the content as trimmed; refused once something has been concatenated."""
        slot = _SLOT.fullmatch(self._text) or _refuse()
        return OpaqueContent(f"\ue000{slot[1]}t\ue001")

    __repr__ = __format__ = __eq__ = __hash__ = __len__ = __iter__ = __contains__ = __getitem__ = __getattr__ = _refuse


def compile_for_opaque_contents(environment: Environment, source: str) -> Template | None:
    """Compile a template so that reading an OpaqueContent raises ContentRead; None where a read could go unnoticed."""
    tree = environment.parse(source)
    filters = {found.name for found in tree.find_all(nodes.Filter)}
    if "\ue000" in source or filters - _FILTERS or any(tree.find_all(_CAPTURING)):
        return None
    guarded = environment.overlay()
    guarded.filters = {name: _guard(environment.filters[name]) for name in filters}
    guarded.filters["trim"] = _trim
    guarded.tests = {name: test if name in _TESTS else _guard(test) for name, test in environment.tests.items()}
    guarded.tests["string"] = lambda value: isinstance(value, (str, OpaqueContent))
    return guarded.from_string(source)


def _guard(function: Any) -> Any:
    @wraps(function)
    def guarded(*values: Any, **named: Any) -> Any:
        if any(isinstance(value, OpaqueContent) for value in (*values, *named.values())):
            raise ContentRead
        return function(*values, **named)

    return guarded


def _trim(value: Any) -> Any:
    return value.strip() if isinstance(value, OpaqueContent) else str(value).strip()


@dataclass(frozen=True)
class SlottedText:
    """What the template writes for one sequence of roles: literal text, and slots for the contents between it.

    Each slot is the index of a message and whether its content is trimmed. There is one literal more than slots.
    """

    literals: list[bytes]
    slots: list[tuple[int, bool]]
    trained: list[tuple[SlotPosition, SlotPosition]]
    boundaries: list[SlotPosition]

    @classmethod
    def parse(cls, text: str, trained: Sequence[Span], boundaries: Sequence[int]) -> SlottedText:
        """Parse the template's output for opaque contents; spans and boundaries in characters."""

        def position(at: int) -> SlotPosition:
            literal = _SLOT.sub("", text[:at])
            return len(_SLOT.findall(text[:at])), len(literal.encode())

        return cls(
            [literal.encode() for literal in _SLOT.sub("\ue000", text).split("\ue000")],
            [(int(index), bool(trimmed)) for index, trimmed in _SLOT.findall(text)],
            [(position(start), position(end)) for start, end in trained],
            [position(at) for at in boundaries],
        )

    def fill(self, contents: Sequence[str]) -> RenderedSample:
        """The conversation with these message contents."""
        fills = [(contents[index].strip() if trimmed else contents[index]).encode() for index, trimmed in self.slots]
        filled_before = [0, *accumulate(map(len, fills))]  # bytes of contents before each slot
        return RenderedSample(
            b"".join([*chain.from_iterable(zip(self.literals, fills, strict=False)), self.literals[-1]]),
            [(filled_before[a] + start, filled_before[b] + end) for (a, start), (b, end) in self.trained],
            [filled_before[slots] + at for slots, at in self.boundaries],
        )


class TemplateCache:
    """Slotted texts by roles. `render` makes one from messages with opaque contents, or None if it must read them."""

    def __init__(
        self, render: Callable[[list[dict[str, Any]]], SlottedText | None], literal_specials: LiteralSpecials
    ) -> None:
        self._render, self._literal_specials = render, literal_specials
        self._entries: dict[tuple[str, ...], SlottedText | None] = {}

    def get(self, row: Mapping[str, Any]) -> RenderedSample | None:
        """Render a row; None if it has more than plain messages, or the template must run for it."""
        if row.keys() != {"messages"} or len(row["messages"]) > MAX_TURNS:
            return None
        turns = [(message.get("role"), message.get("content"), len(message)) for message in row["messages"]]
        if not all(type(role) is type(text) is str and text and size == 2 for role, text, size in turns):
            return None
        if any(text.isspace() or self._literal_specials.occur_in(text) for _, text, _ in turns):
            return None
        slotted = self._entry(tuple(role for role, _, _ in turns))
        return slotted.fill([text for _, text, _ in turns]) if slotted else None

    def _entry(self, roles: tuple[str, ...]) -> SlottedText | None:
        if roles not in self._entries:
            if len(self._entries) >= _MAX_ENTRIES:
                return None
            opaque = [{"role": role, "content": OpaqueContent(f"\ue000{i}\ue001")} for i, role in enumerate(roles)]
            self._entries[roles] = self._render(opaque)
        return self._entries[roles]
