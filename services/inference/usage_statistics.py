"""Usage of each project and model in the last minute in this process: requests, tokens, time to first token."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from services.inference.protocol import Started, TextDelta

WINDOW_S = 60.0
"""Length of the sliding window in seconds."""
MAX_REQUESTS_PER_MODEL = 10_000
"""Maximum requests kept per model."""


@dataclass
class RequestUsage:
    """One request: the time of its last message, its completion tokens, and its time to first token in seconds."""

    last_seen: float
    tokens: int = 0
    first_token_seconds: float | None = None


@dataclass(frozen=True)
class ModelUsage:
    """One model's last minute; `first_token_seconds` is a median, None without any output."""

    requests_per_second: float = 0.0
    tokens_per_second: float = 0.0
    first_token_seconds: float | None = None


class UsageStatistics:
    """The requests of the last minute by (project, uri of the model)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._requests: dict[tuple[str, str], deque[RequestUsage]] = {}

    @contextmanager
    def request(self, model: tuple[str, str]) -> Iterator[Callable[[Started | TextDelta], None]]:
        """Track one request; yields a function to call with each message."""
        started = self._clock()
        usage = RequestUsage(started)

        def observe(message: Started | TextDelta) -> None:
            usage.last_seen = self._clock()
            if isinstance(message, TextDelta):
                usage.tokens += message.tokens
                if usage.first_token_seconds is None:
                    usage.first_token_seconds = usage.last_seen - started

        try:
            yield observe
        finally:
            self._requests.setdefault(model, deque(maxlen=MAX_REQUESTS_PER_MODEL)).append(usage)
            self._drop_expired()

    def of(self, model: tuple[str, str]) -> ModelUsage:
        """Return the statistics of one model in one project."""
        self._drop_expired()
        requests = self._requests.get(model, ())
        waits = [usage.first_token_seconds for usage in requests if usage.first_token_seconds is not None]
        tokens = sum(usage.tokens for usage in requests)
        return ModelUsage(len(requests) / WINDOW_S, tokens / WINDOW_S, median(waits) if waits else None)

    def _drop_expired(self) -> None:
        """Drop requests that are older than the window."""
        oldest = self._clock() - WINDOW_S
        for model, requests in list(self._requests.items()):
            while requests and requests[0].last_seen < oldest:
                requests.popleft()
            if not requests:
                del self._requests[model]
