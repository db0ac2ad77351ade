"""Incremental detokenization: text from a stream of tokens, in whole characters, cut at stop strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

REPLACEMENT_CHARACTER = "\ufffd"
"""An incomplete character decodes to it."""


class IncrementalDetokenizer:
    """Turns the tokens of one answer into text as they arrive; `stopped` once a stop string has appeared.

    Text that may be the beginning of a stop string is held back. Special tokens are left out, unless `special`.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str] = (), *, special: bool = False) -> None:
        self._tokenizer = tokenizer
        self._options = {"skip_special_tokens": not special, "clean_up_tokenization_spaces": False}
        self._stops = [stop for stop in stops if stop]
        self._ids: list[int] = []  # the tokens last decoded, as context, then those not decoded yet
        self._decoded = 0
        self._held_back = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """The text that this token completes, often empty."""
        self._ids.append(token)
        text = self._new_text()
        if text.endswith(REPLACEMENT_CHARACTER):  # the rest of the character is in the next tokens
            return ""
        return self._release(text)

    def finish(self) -> str:
        """The text still held back at the end of the answer."""
        text = self._release(self._new_text())
        rest, self._held_back = self._held_back, ""
        return text if self.stopped else text + rest

    def _new_text(self) -> str:
        """Text of the new tokens, decoded after the previous ones: some tokenizers join words depending on context."""
        context = self._decode(self._ids[: self._decoded])
        return self._decode(self._ids)[len(context) :]

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, **self._options))

    def _release(self, text: str) -> str:
        self._ids = self._ids[self._decoded :]
        self._decoded = len(self._ids)
        if self.stopped:
            return ""
        text = self._held_back + text
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:  # the stop string that ends first wins, however the text was cut into tokens
            self.stopped, self._held_back = True, ""
            return text[: min(found)[1]]
        self._held_back = text[len(text) - self._possible_stop(text) :]
        return text[: len(text) - len(self._held_back)]

    def _possible_stop(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a stop string."""
        longest = max(map(len, self._stops), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((n for n in sizes if any(stop.startswith(text[-n:]) for stop in self._stops)), 0)
