"""Tracing through OpenTelemetry's API: silent until a process configures the SDK and an OTLP endpoint."""

from opentelemetry import trace
from opentelemetry.propagate import extract, inject

tracer = trace.get_tracer("anneal")


def trace_id() -> str | None:
    """The current trace id in hex, or None outside a recorded trace."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None


def traceparent() -> str | None:
    """The W3C traceparent of the current span, to carry over a hop."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")


__all__ = ["extract", "trace_id", "traceparent", "tracer"]
