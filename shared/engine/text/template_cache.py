"""Conversations as text without running the chat template for each, where it only copies what was said.

For each sequence of roles the template is run once with contents that cannot be read: whatever would look at one (a
test, a comparison, a filter other than `trim`) fails, and such conversations are left to the template. What it writes
is text with gaps, in which spans and boundaries lie at the same places for all conversations with these roles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import accumulate, chain
from typing import Any, TypeAlias

from jinja2 import Environment, Template, nodes

from shared.engine.text.tokenize import Marked, Span

MOST_TURNS = 64
"""Longer conversations hardly share their roles."""
_MOST = 1_000
_GAP = re.compile("\ue000([0-9]+)(t?)\ue001")
_CAPTURING = (nodes.Concat, nodes.Mod, nodes.AssignBlock, nodes.Macro, nodes.CallBlock, nodes.FilterBlock)
"""What may turn a content into ordinary text, which could then be read unnoticed."""
_FILTERS = {"capitalize", "count", "default", "first", "last", "length", "list", "lower", "tojson", "trim", "upper"}
"""Those that do not; of hidden contents only `trim` takes one."""
_TESTS = {"boolean", "defined", "false", "float", "integer", "mapping", "none", "number", "string", "true", "undefined"}
"""Those whose answer is the same for every text."""

Place: TypeAlias = tuple[int, int]
"""Gaps before it, and bytes of the template's own text before it."""


class Looked(Exception):
    """A template wanted to read a content."""


def _look(*_: Any) -> Any:
    raise Looked


class Hidden:
    """The content of a message that is not empty: it may be put out, appended to, and trimmed."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return True

    def __add__(self, other: str | Hidden) -> Hidden:
        return Hidden(self._text + str(other))

    def __radd__(self, other: str) -> Hidden:
        return Hidden(other + self._text)

    def strip(self) -> Hidden:
        """Possible before something is appended."""
        gap = _GAP.fullmatch(self._text) or _look()
        return Hidden(f"\ue000{gap[1]}t\ue001")

    __repr__ = __format__ = __eq__ = __hash__ = __len__ = __iter__ = __contains__ = __getitem__ = __getattr__ = _look


def blind(environment: Environment, source: str) -> Template | None:
    """The template for hidden contents; None where it may read them in a way that would not be noticed."""
    tree = environment.parse(source)
    filters = {found.name for found in tree.find_all(nodes.Filter)}
    if "\ue000" in source or filters - _FILTERS or any(tree.find_all(_CAPTURING)):
        return None
    apart = environment.overlay()
    apart.filters = {name: _guarded(environment.filters[name]) for name in filters}
    apart.filters["trim"] = _trim
    apart.tests = {name: test if name in _TESTS else _guarded(test) for name, test in environment.tests.items()}
    apart.tests["string"] = lambda value: isinstance(value, (str, Hidden))
    return apart.from_string(source)


def _guarded(function: Any) -> Any:
    @wraps(function)
    def guarded(*values: Any, **named: Any) -> Any:
        if any(isinstance(value, Hidden) for value in (*values, *named.values())):
            raise Looked
        return function(*values, **named)

    return guarded


def _trim(value: Any) -> Any:
    return value.strip() if isinstance(value, Hidden) else str(value).strip()


@dataclass(frozen=True)
class Skeleton:
    """The text of conversations with the same roles. `gaps`: which content, and whether it is trimmed."""

    glue: list[bytes]
    gaps: list[tuple[int, bool]]
    trained: list[tuple[Place, Place]]
    boundaries: list[Place]

    @classmethod
    def of(cls, text: str, trained: Sequence[Span], boundaries: Sequence[int]) -> Skeleton:
        """From a text with gaps."""

        def place(at: int) -> Place:
            before = _GAP.sub("", text[:at])
            return len(_GAP.findall(text[:at])), len(before.encode())

        return cls(
            [glue.encode() for glue in _GAP.sub("\ue000", text).split("\ue000")],
            [(int(index), bool(trimmed)) for index, trimmed in _GAP.findall(text)],
            [(place(start), place(end)) for start, end in trained],
            [place(at) for at in boundaries],
        )

    def filled(self, contents: Sequence[str]) -> Marked:
        """The conversation in which this was said."""
        said = [(contents[index].strip() if trimmed else contents[index]).encode() for index, trimmed in self.gaps]
        before = [0, *accumulate(map(len, said))]
        return Marked(
            b"".join([*chain.from_iterable(zip(self.glue, said, strict=False)), self.glue[-1]]),
            [(before[a] + start, before[b] + end) for (a, start), (b, end) in self.trained],
            [before[gaps] + at for gaps, at in self.boundaries],
        )


class Skeletons:
    """Skeletons by roles. `learn` makes one out of messages with hidden contents, or says that there is none."""

    def __init__(self, learn: Callable[[list[dict[str, Any]]], Skeleton | None]) -> None:
        self._learn = learn
        self._known: dict[tuple[str, ...], Skeleton | None] = {}

    def filled(self, row: Mapping[str, Any]) -> Marked | None:
        """A row as text, if it holds nothing but plain messages whose skeleton there is."""
        if row.keys() != {"messages"} or len(row["messages"]) > MOST_TURNS:
            return None
        turns = [(message.get("role"), message.get("content"), len(message)) for message in row["messages"]]
        if not all(type(role) is type(said) is str and said and size == 2 for role, said, size in turns):
            return None
        if any(said.isspace() for _, said, _ in turns):
            return None
        skeleton = self._of(tuple(role for role, _, _ in turns))
        return skeleton.filled([said for _, said, _ in turns]) if skeleton else None

    def _of(self, roles: tuple[str, ...]) -> Skeleton | None:
        if roles not in self._known:
            if len(self._known) >= _MOST:
                return None
            hidden = [{"role": role, "content": Hidden(f"\ue000{at}\ue001")} for at, role in enumerate(roles)]
            self._known[roles] = self._learn(hidden)
        return self._known[roles]
