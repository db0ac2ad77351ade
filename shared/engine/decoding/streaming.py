"""Text out of a stream of tokens: whole characters only, and nothing that may be part of a stop string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BROKEN = "\ufffd"
"""What an incomplete character decodes to."""


class StreamDecoder:
    """Turns the tokens of one answer into text as they come; `stopped` once a stop string has appeared.

    Special tokens are no text, unless `special`.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str] = (), *, special: bool = False) -> None:
        self._tokenizer = tokenizer
        self._options = {"skip_special_tokens": not special, "clean_up_tokenization_spaces": False}
        self._stops = [stop for stop in stops if stop]
        self._ids: list[int] = []  # the last tokens written, as context, and those not written yet
        self._written = 0
        self._held = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """The text that this token completes, often empty."""
        self._ids.append(token)
        text = self._fresh()
        if text.endswith(BROKEN):
            return ""
        return self._release(text)

    def finish(self) -> str:
        """What is still held back, at the end of the answer."""
        text = self._release(self._fresh())
        rest, self._held = self._held, ""
        return text if self.stopped else text + rest

    def _fresh(self) -> str:
        """Text of the tokens not written yet, decoded behind those before: some tokenizers join words by context."""
        before = self._decode(self._ids[: self._written])
        return self._decode(self._ids)[len(before) :]

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, **self._options))

    def _release(self, text: str) -> str:
        self._ids = self._ids[self._written :]
        self._written = len(self._ids)
        if self.stopped:
            return ""
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:  # the one that is complete first counts, however the text was cut into tokens
            self.stopped, self._held = True, ""
            return text[: min(found)[1]]
        self._held = text[len(text) - self._suspicious(text) :]
        return text[: len(text) - len(self._held)]

    def _suspicious(self, text: str) -> int:
        """Characters at the end that may be the beginning of a stop string."""
        longest = max(map(len, self._stops), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((n for n in sizes if any(stop.startswith(text[-n:]) for stop in self._stops)), 0)
