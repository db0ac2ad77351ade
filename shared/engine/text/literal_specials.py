"""Special tokens that a user wrote as text: `<|im_end|>` in a message must not end the turn.

Before a template renders them, such texts get a mark after their first character, which tells them from the tokens
that the template itself writes. After rendering, the marks are removed, and their places are encoded as plain text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from shared.engine.text.samples import Span

MARK = "\ufdd0"
"""A code point that Unicode reserves for use within a process. A text that has it already after the first character of
a special token gets one more, so that removing one restores every text."""

Rendered: TypeAlias = tuple[str, list[Span], list[int], list[Span]]
"""A text, its trained spans, its boundaries and its special tokens that are plain text, all in characters."""


class LiteralSpecials:
    """Finds the special tokens of one tokenizer in the texts of a conversation."""

    def __init__(self, tokens: Sequence[str]) -> None:
        longest_first = sorted(filter(None, tokens), key=len, reverse=True)
        self._firsts = frozenset(token[0] for token in longest_first)
        self._find = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        marked = (f"{re.escape(token[0])}{MARK}+{re.escape(token[1:])}" for token in longest_first)
        self._find_marked = re.compile("|".join(marked) or "(?!)")

    @classmethod
    def of(cls, tokenizer: Any) -> LiteralSpecials:
        """Those of a tokenizer: added tokens that are special; `<think>` and the like usually are not."""
        return cls([token.content for token in tokenizer.added_tokens_decoder.values() if token.special])

    def occur_in(self, text: str) -> bool:
        """Whether a text contains one."""
        if not any(first in text for first in self._firsts):
            return False
        return bool(self._find.search(text) or (MARK in text and self._find_marked.search(text)))

    def mark(self, value: Any) -> Any:
        """Return a JSON value with every special token in its strings marked; the same value if there is none."""
        if isinstance(value, str):
            value = self._find_marked.sub(_insert_mark, value) if MARK in value else value
            return self._find.sub(_insert_mark, value) if self.occur_in(value) else value
        if isinstance(value, Mapping):
            return {key: self.mark(item) for key, item in value.items()}
        return [self.mark(item) for item in value] if isinstance(value, list | tuple) else value

    def restore(self, text: str, trained: Sequence[Span], boundaries: Sequence[int]) -> Rendered:
        """Remove the marks from a rendered text; positions in characters are moved accordingly."""
        if MARK not in text:
            return text, list(trained), list(boundaries), []
        found = [match.start() for match in self._find_marked.finditer(text)]
        lengths = [match.end() - match.start() - 1 for match in self._find_marked.finditer(text)]
        position = _shift(found)
        plain = self._find_marked.sub(lambda match: match[0].replace(MARK, "", 1), text)
        literals = [(position(start), position(start) + length) for start, length in zip(found, lengths, strict=True)]
        return (
            plain,
            [(position(start), position(end)) for start, end in trained],
            [position(boundary) for boundary in boundaries],
            literals,
        )


def _insert_mark(match: re.Match[str]) -> str:
    return match[0][0] + MARK + match[0][1:]


def _shift(starts: Sequence[int]) -> Callable[[int], int]:
    """Map a position in the marked text to the one in the plain text."""
    return lambda position: position - bisect_left(starts, position)
