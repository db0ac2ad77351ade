"""Tracing through OpenTelemetry's API: silent until a process exports its spans (exporting.py). ADR 9 says which.

A `traceparent` (W3C Trace Context) is how a span is named where objects cannot go: in events, documents and manifests.
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
    """Whether spans go anywhere. Where they do not, a span would only repeat the context that it was given."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def trace_id() -> str | None:
    """The current trace id in hex, or None outside a recorded trace."""
    here = _here()
    return format(here.trace_id, "032x") if here.is_valid else None


def traceparent(within: Context | None = None) -> str | None:
    """The W3C traceparent of the current span, or of the one in `within`, to carry over a hop."""
    carrier: dict[str, str] = {}
    inject(carrier, within)
    return carrier.get("traceparent")


def context_of(traceparent: str | None) -> Context:
    """A context that holds the span of a traceparent and nothing else; empty for None."""
    return extract({"traceparent": traceparent}, Context()) if traceparent else Context()


def nearest(own: str | None) -> str | None:
    """The traceparent of something that happens to a thing whose trace is `own`.

    The current span, where it is of that trace or the thing has none; else `own`.
    """
    there = _span_context(own)
    return own if there.is_valid and there.trace_id != _here().trace_id else traceparent()


def continuing(origin: str | None, name: str) -> str | None:
    """The traceparent to keep with work that the current request starts on a thing of `origin`'s trace.

    The work goes on in that trace, from a span `name`; a request of another trace and that span are linked both ways.
    An origin that was not recorded is not continued: the work then stays in its request's trace.
    """
    there = _span_context(origin)
    if not there.trace_flags.sampled or there.trace_id == _here().trace_id:
        return traceparent()
    asking = trace.get_current_span()
    links = [Link(_here())] if _here().is_valid else []
    with tracer.start_span(name, context_of(origin), links=links) as begun:
        asking.add_link(begun.get_span_context())
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
    """A span around a part of what the current span does; outside of a trace nothing."""
    if not _here().is_valid:
        yield
        return
    with tracer.start_as_current_span(name, attributes=attributes):
        yield


@contextmanager
def unrecorded() -> Iterator[None]:
    """Go on in the current trace without recording: for what is repeated every few seconds."""
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
    """A span that an engine told of: {name, start, end (ns since 1970), attributes, error (a sentence, or None)}."""
    span = tracer.start_span(message["name"], parent, attributes=message["attributes"], start_time=message["start"])
    if message["error"]:
        failed(span, "engine_error", message["error"])
    span.end(message["end"])


def _here() -> SpanContext:
    return trace.get_current_span().get_span_context()


def _span_context(traceparent: str | None) -> SpanContext:
    return trace.get_current_span(context_of(traceparent)).get_span_context()
