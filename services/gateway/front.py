"""Around every request: a trace, an access log line, metrics, security headers, and an answer to what nobody caught."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import context, trace
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.metrics import DoorMetrics
from services.gateway.routes import Route
from shared.runtime.errors import AnnealError, answer
from shared.runtime.http_metrics import UNMATCHED
from shared.runtime.telemetry import extract, tracer

log = structlog.get_logger("anneal.access")

SECURITY = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}


@contextmanager
def traced(scope: Scope) -> Iterator[str]:
    """A span around the request; its trace id in hex.

    Where no tracing is set up, a random id is made, so that logs, errors and the events that follow still share one.
    """
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    with tracer.start_as_current_span(f"{scope.get('method', 'WS')} {scope['path']}", context=extract(headers)) as span:
        found = span.get_span_context()
        if found.is_valid:
            yield format(found.trace_id, "032x")
            return
        made = trace.SpanContext(secrets.randbits(128), secrets.randbits(64), is_remote=False)
        token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(made)))
        try:
            yield format(made.trace_id, "032x")
        finally:
            context.detach(token)


class Front:
    """The outermost ASGI app."""

    def __init__(self, app: ASGIApp, metrics: DoorMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            return
        started, status = time.perf_counter(), 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                MutableHeaders(scope=message).update({**SECURITY, "x-request-id": request_id})
            await send(message)

        with traced(scope) as request_id, structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, observed)
            except Exception:
                log.exception("request_failed", path=scope["path"])
                if status == 0 and scope["type"] == "http":
                    await answer(_unforeseen(), scope["path"])(scope, receive, observed)
            finally:
                self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope.get("method", "WS")
        route: Route | None = scope.get("anneal.route")
        room, pattern = (route.room, route.pattern) if route else ("none", UNMATCHED)
        self._metrics.requests.observe(room, scope, scope.get("anneal.template", pattern), status, seconds)
        log.info("request", method=method, path=scope["path"], room=room, status=status, ms=round(seconds * 1000, 1))


def _unforeseen() -> AnnealError:
    remedy = "Look for the trace_id in the log, and report it."
    return AnnealError("Something failed that should not have.", remedy=remedy)
