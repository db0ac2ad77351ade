"""An engine's spans: one for its lifetime, and below it those that it reports.

Engines have no network and no credentials, so they report spans to their service, which records them.
"""

from typing import Any

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span

from shared.runtime.telemetry.tracing import failed, record, tracer


class EngineSpan:
    """The span of an engine's lifetime, under the span that launches it.

    An engine that is launched outside of a trace has none: its work belongs to the requests that it serves.
    """

    def __init__(self, target: str) -> None:
        self._span: Span = INVALID_SPAN
        if trace.get_current_span().get_span_context().is_valid:
            name = target.partition(":")[0].rpartition(".")[2]
            self._span = tracer.start_span(f"engine {name}", attributes={"anneal.engine": target})
        self._context = trace.set_span_in_context(self._span)

    def observe(self, message: dict[str, Any]) -> bool:
        """Record a message; return True if it was for the trace only."""
        match message["kind"]:
            case "failed":
                failed(self._span, message["code"], message["detail"])
            case "span" if "request_id" not in message:
                if self._span.is_recording():
                    record(message, self._context)
                return True
        return False

    def end(self, signal: int | None = None) -> None:
        """End the span. Idempotent."""
        if self._span.is_recording():
            if signal:
                failed(self._span, "killed", f"ended by signal {signal}")
            self._span.end()
