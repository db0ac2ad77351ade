"""Tracing through OpenTelemetry's API: no-op until a process exports its spans (exporter.py). ADR 9 lists the spans.

A `traceparent` (W3C Trace Context) names a span in events, documents and manifests.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, Status, StatusCode

tracer = trace.get_tracer("anneal")


def recording() -> bool:
    """Whether spans are exported. If not, a span would only repeat its parent's context."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def trace_id() -> str | None:
    """The current trace id in hex, or None outside of a trace."""
    here = _here()
    return format(here.trace_id, "032x") if here.is_valid else None


def traceparent(within: Context | None = None) -> str | None:
    """The W3C traceparent of the current span, or of the one in the given context, to propagate it."""
    carrier: dict[str, str] = {}
    inject(carrier, within)
    return carrier.get("traceparent")


def context_of(traceparent: str | None) -> Context:
    """A context with only the span of a traceparent; empty for None."""
    return extract({"traceparent": traceparent}, Context()) if traceparent else Context()


def nearest(own: str | None) -> str | None:
    """The traceparent of an event about an object whose trace is `own`.

    The current span, where it belongs to that trace or the object has none; else `own`.
    """
    there = _span_context(own)
    return own if there.is_valid and there.trace_id != _here().trace_id else traceparent()


def continuing(origin: str | None, name: str) -> str | None:
    """The traceparent of work that the current request starts on an object of `origin`'s trace.

    The work continues that trace with a span `name`; the request's span, if in another trace, and that span link to
    each other. If the origin was not sampled, the work stays in the request's trace.
    """
    there = _span_context(origin)
    if not there.trace_flags.sampled or there.trace_id == _here().trace_id:
        return traceparent()
    requesting = trace.get_current_span()
    links = [Link(_here())] if _here().is_valid else []
    with tracer.start_span(name, context_of(origin), links=links) as begun:
        requesting.add_link(begun.get_span_context())
        return traceparent(trace.set_span_in_context(begun, Context()))


@contextmanager
def within(parent: Context) -> Iterator[None]:
    """Make `parent` the current context."""
    token = context.attach(parent)
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def part(name: str, **attributes: Any) -> Iterator[None]:
    """A child span of the current span; no-op outside of a trace."""
    if not _here().is_valid:
        yield
        return
    with tracer.start_as_current_span(name, attributes=attributes):
        yield


@contextmanager
def unrecorded() -> Iterator[None]:
    """Continue the current trace without recording, for operations that repeat every few seconds."""
    here = _here()
    muted = SpanContext(here.trace_id, here.span_id, is_remote=False)
    with within(trace.set_span_in_context(NonRecordingSpan(muted))):
        yield


def failed(span: Span, cause: str, detail: str) -> None:
    """Mark a span as an error that was reported rather than raised."""
    span.add_event("exception", {"exception.type": cause, "exception.message": detail})
    span.set_attribute("error.type", cause)
    span.set_status(Status(StatusCode.ERROR, f"{cause}: {detail}"))


def record(message: Mapping[str, Any], parent: Context) -> None:
    """Record an engine's span: {name, start, end (ns since 1970), attributes, error (a sentence, or None)}."""
    span = tracer.start_span(message["name"], parent, attributes=message["attributes"], start_time=message["start"])
    if message["error"]:
        failed(span, "engine_error", message["error"])
    span.end(message["end"])


def _here() -> SpanContext:
    return trace.get_current_span().get_span_context()


def _span_context(traceparent: str | None) -> SpanContext:
    return trace.get_current_span(context_of(traceparent)).get_span_context()
