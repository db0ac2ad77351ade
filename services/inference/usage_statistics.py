"""How each model is used: requests, tokens, and the wait for the first of them, in this process's last minute."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from services.inference.protocol import Begun, Text

WINDOW = 60.0
"""Seconds that a figure looks back."""
MOST = 10_000
"""Requests of one model that are remembered."""


@dataclass
class Use:
    """One request: when it ended or was last heard of, its answers' tokens, seconds until its first text."""

    at: float
    tokens: int = 0
    first: float | None = None


@dataclass(frozen=True)
class Figure:
    """One model's last minute; `first_token_seconds` is a median, None where nothing was written."""

    requests_per_second: float = 0.0
    tokens_per_second: float = 0.0
    first_token_seconds: float | None = None


class Figures:
    """The requests of the last minute by model."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._uses: dict[str, deque[Use]] = {}

    @contextmanager
    def request(self, uri: str) -> Iterator[Callable[[Begun | Text], None]]:
        """Around one request; call what it gives with each message."""
        started = self._clock()
        use = Use(started)

        def note(message: Begun | Text) -> None:
            use.at = self._clock()
            if isinstance(message, Text):
                use.tokens += message.tokens
                use.first = use.at - started if use.first is None else use.first

        try:
            yield note
        finally:
            self._uses.setdefault(uri, deque(maxlen=MOST)).append(use)
            self._forget()

    def of(self, uri: str) -> Figure:
        """A model's figures."""
        self._forget()
        uses = self._uses.get(uri, ())
        waits = [use.first for use in uses if use.first is not None]
        tokens = sum(use.tokens for use in uses)
        return Figure(len(uses) / WINDOW, tokens / WINDOW, median(waits) if waits else None)

    def _forget(self) -> None:
        """Drop what is older than the window."""
        oldest = self._clock() - WINDOW
        for uri, uses in list(self._uses.items()):
            while uses and uses[0].at < oldest:
                uses.popleft()
            if not uses:
                del self._uses[uri]
