"""Where the time of a traced request goes, phase by phase: queue, load model, prefill, decode."""

from __future__ import annotations

from dataclasses import dataclass

from shared.engine.process.protocol import Reporter


@dataclass
class _Open:
    """The phase that a request is in, since when, and how many of its answers are still to come."""

    phase: str
    since: int
    answers: int = 0


class Timeline:
    """Tells the service each phase as a span of its request. Requests that never `arrive` here are not followed."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._open: dict[str, _Open] = {}

    def arrive(self, request_id: str) -> None:
        """It waits for its turn."""
        self._open[request_id] = _Open("queue", self._reporter.clock())

    def enter(self, request_id: str, phase: str, *, answers: int = 0) -> None:
        """Its next phase begins."""
        if request := self._open.get(request_id):
            self._tell(request_id, request)
            self._open[request_id] = _Open(phase, self._reporter.clock(), answers or request.answers)

    def answered(self, request_id: str) -> None:
        """One of its answers is complete; with the last one it ends."""
        if request := self._open.get(request_id):
            request.answers -= 1
            if not request.answers:
                self.end(request_id)

    def end(self, request_id: str, error: str | None = None) -> None:
        """It is over, or has failed."""
        if request := self._open.pop(request_id, None):
            self._tell(request_id, request, error)

    def _tell(self, request_id: str, request: _Open, error: str | None = None) -> None:
        self._reporter.record_span(request.phase, request.since, request_id=request_id, error=error)
