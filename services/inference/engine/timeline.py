"""Trace spans of a request's phases: queue, load model, prefill, decode."""

from __future__ import annotations

from dataclasses import dataclass

from shared.engine.process.protocol import Reporter


@dataclass
class _Phase:
    """A request's current phase, its start, and the number of unfinished choices."""

    name: str
    started_at: int
    unfinished: int = 0


class Timeline:
    """Reports each phase as a span of its request. Only requests passed to `enqueue` are traced."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._phases: dict[str, _Phase] = {}

    def enqueue(self, request_id: str) -> None:
        """Start tracing a request that is queued."""
        self._phases[request_id] = _Phase("queue", self._reporter.clock())

    def start_phase(self, request_id: str, name: str, *, choices: int = 0) -> None:
        """Report the current phase and start the next one."""
        if phase := self._phases.get(request_id):
            self._report(request_id, phase)
            self._phases[request_id] = _Phase(name, self._reporter.clock(), choices or phase.unfinished)

    def finish_choice(self, request_id: str) -> None:
        """Note a finished choice; the last one ends the trace."""
        if phase := self._phases.get(request_id):
            phase.unfinished -= 1
            if not phase.unfinished:
                self.finish(request_id)

    def finish(self, request_id: str, error: str | None = None) -> None:
        """Report the last phase, with an error if the request failed."""
        if phase := self._phases.pop(request_id, None):
            self._report(request_id, phase, error)

    def _report(self, request_id: str, phase: _Phase, error: str | None = None) -> None:
        self._reporter.record_span(phase.name, phase.started_at, request_id=request_id, error=error)
