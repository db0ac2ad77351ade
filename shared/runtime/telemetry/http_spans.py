"""Spans of HTTP by OpenTelemetry's conventions: a server's request or websocket, a client's request."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode
from starlette.types import Scope

from shared.runtime.telemetry.tracing import tracer, within

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Polled every few seconds by machines: no spans."""


@contextmanager
def server_span(scope: Scope) -> Iterator[Span]:
    """The span of a request or a websocket, in the trace that its headers name; `record_response` completes it.

    Without recording it has random ids, so that logs, errors and events of a request still share a trace id.
    """
    parent = extract({key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]})
    if scope["path"] not in PROBES:
        with tracer.start_as_current_span(_method(scope), parent, SpanKind.SERVER, _request_attributes(scope)) as span:
            if span.get_span_context().is_valid:
                yield span
                return
    made = trace.get_current_span(parent).get_span_context()
    if not made.is_valid:
        made = SpanContext(secrets.randbits(128), secrets.randbits(64), is_remote=False)
    span = NonRecordingSpan(made)
    with within(trace.set_span_in_context(span)):
        yield span


def record_response(span: Span, scope: Scope, route: str | None, status: int) -> None:
    """Name the span by its route template, and record the response's status (0: the client left before it)."""
    if not span.is_recording():
        return
    if route:
        span.update_name(f"{_method(scope)} {route}")
        span.set_attribute("http.route", route)
    _set_status(span, status, error_from=500)


@contextmanager
def client_span(method: str, service: str, host: str, port: int | None, *, resend: int) -> Iterator[Span]:
    """A request to a service, up to the response headers; `record_client_response` records them. `resend`: retries."""
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "server.address": host,
        "server.port": port or 80,
        "peer.service": f"anneal-{service}",
    }
    if resend:
        attributes["http.request.resend_count"] = resend
    with tracer.start_as_current_span(f"{method} {service}", kind=SpanKind.CLIENT, attributes=attributes) as span:
        yield span


def record_client_response(span: Span, status: int) -> None:
    """Record the response's status; to a client every 4xx is an error too."""
    _set_status(span, status, error_from=400)


def _set_status(span: Span, status: int, *, error_from: int) -> None:
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= error_from:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))


def _method(scope: Scope) -> str:
    return str(scope.get("method", "GET"))  # a websocket starts as a GET


def _request_attributes(scope: Scope) -> dict[str, str | int]:
    """Attributes of a request, without its query, which may hold a ticket."""
    attributes: dict[str, str | int] = {
        "http.request.method": _method(scope),
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    if scope["type"] == "websocket":
        attributes["network.protocol.name"] = "websocket"
    if client := scope.get("client"):
        attributes["client.address"] = client[0]
    return attributes
