"""Joins the deltas of an answer that nobody reads as it comes: a message per token takes the service longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

INTERVAL_S = 0.25
"""Seconds between the messages of an answer: what is not counted where its client leaves before the end."""


class JoinedDeltas:
    """The deltas of one choice since the last message. Its first text is sent at once, for the time to first token."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._sent_at = clock, float("-inf")
        self._text, self._tokens = "", 0
        self._logprobs: list[dict[str, Any]] = []

    def add(self, delta: dict[str, Any]) -> dict[str, Any] | None:
        """All deltas since the last message as one, with their number as `joined`; None while there is time."""
        self._text += delta["text"]
        self._tokens += 1
        self._logprobs += delta.get("logprobs", ())
        now = self._clock()
        if "finish" not in delta and not (self._text and now - self._sent_at >= INTERVAL_S):
            return None
        joined = {**delta, "text": self._text, "joined": self._tokens}
        if self._logprobs:
            joined["logprobs"] = self._logprobs
        self._sent_at, self._text, self._tokens, self._logprobs = now, "", 0, []
        return joined
