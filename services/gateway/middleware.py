"""ASGI middleware around every request: trace, access log, metrics, security headers, and unhandled errors."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry.trace import Span
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.metrics import GatewayMetrics
from shared.runtime.errors import AnnealError, answer
from shared.runtime.http.routes import Route
from shared.runtime.telemetry.http_metrics import UNMATCHED
from shared.runtime.telemetry.http_spans import record_response, server_span

log = structlog.get_logger("anneal.access")

SECURITY_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}


class GatewayMiddleware:
    """The outermost ASGI app."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            return
        started, status = time.perf_counter(), 0

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                MutableHeaders(scope=message).update({**SECURITY_HEADERS, "x-request-id": request_id})
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        with server_span(scope) as span, _request_id(span) as request_id:
            try:
                await self._app(scope, receive, send_observed)
            except Exception as error:
                span.record_exception(error)
                log.exception("request_failed", path=scope["path"])
                if status == 0 and scope["type"] == "http":
                    await answer(_internal_error(), scope["path"])(scope, receive, send_observed)
            finally:
                self._record(scope, status, time.perf_counter() - started, span)

    def _record(self, scope: Scope, status: int, seconds: float, span: Span) -> None:
        method = scope.get("method", "WS")
        route: Route | None = scope.get("anneal.route")
        service, pattern = (route.service, route.pattern) if route else ("none", UNMATCHED)
        template = scope.get("anneal.template", pattern)
        record_response(span, scope, template if route else None, status)
        self._metrics.requests.observe(service, scope, template, status, seconds)
        duration_ms = round(seconds * 1000, 1)
        log.info("request", method=method, path=scope["path"], service=service, status=status, ms=duration_ms)


@contextmanager
def _request_id(span: Span) -> Iterator[str]:
    """Use the trace id as the request id, in the response header and on every log line."""
    request_id = format(span.get_span_context().trace_id, "032x")
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield request_id


def _internal_error() -> AnnealError:
    remedy = "Search the log for the trace_id and report the problem."
    return AnnealError("An unexpected error occurred.", remedy=remedy)
