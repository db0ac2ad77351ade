"""ASGI middleware around every request: trace, access log, metrics, security headers, and unhandled errors."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry.trace import Span
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.audit.recording import REFUSED, request_of
from services.gateway.audit.trail import AuditLog
from services.gateway.metrics import GatewayMetrics
from shared.runtime.errors import AnnealError, answer
from shared.runtime.http.routes import Route
from shared.runtime.telemetry.http_metrics import UNMATCHED
from shared.runtime.telemetry.http_spans import record_response, server_span

log = structlog.get_logger("anneal.access")

TEXT_LIMIT = 512
SECURITY_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}


class GatewayMiddleware:
    """The outermost ASGI app."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics, audit: AuditLog) -> None:
        self._app, self._metrics, self._audit = app, metrics, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            return
        started, status, received, sent = time.perf_counter(), 0, 0, 0

        async def receive_observed() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def send_observed(message: Message) -> None:
            nonlocal status, sent
            sent += len(message.get("body", b""))
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update({**SECURITY_HEADERS, "x-request-id": request_id})
                headers.setdefault("cache-control", "no-store")
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        with server_span(scope) as span, _request_id(span) as request_id:
            try:
                await self._app(scope, receive_observed, send_observed)
            except Exception as error:
                span.record_exception(error)
                log.exception("request_failed", path=scope["path"])
                if status == 0 and scope["type"] == "http":
                    await answer(_internal_error(), scope["path"])(scope, receive, send_observed)
            finally:
                seconds = time.perf_counter() - started
                self._record(scope, status, seconds, span)
                log.info("request", **_access(scope, status, seconds), received=received, sent=sent)

    def _record(self, scope: Scope, status: int, seconds: float, span: Span) -> None:
        route: Route | None = scope.get("anneal.route")
        service, pattern = (route.service, route.pattern) if route else ("none", UNMATCHED)
        template = scope.get("anneal.template", pattern)
        record_response(span, scope, template if route else None, status)
        self._metrics.requests.observe(service, scope, template, status, seconds)
        if status in REFUSED and "anneal.audited" not in scope:
            self._audit.count_refused(request_of(scope), status)


def _access(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    """A line of the access log, without the query and other headers: they may hold secrets."""
    request, route = request_of(scope), scope.get("anneal.route")
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return {
        "method": scope.get("method", "WS"),
        "path": _printable(scope["path"]),
        "service": route.service if route else "none",
        "status": status,
        "ms": round(seconds * 1000, 1),
        "subject": request.subject,
        "credential": request.credential,
        "project": request.project,
        "address": request.address,
        "agent": _printable(agent.decode("latin-1")),
    }


def _printable(text: str) -> str:
    """The beginning of a client's text; JSON escapes control characters but DEL."""
    return text[:TEXT_LIMIT].replace("\x7f", "\\x7f")


@contextmanager
def _request_id(span: Span) -> Iterator[str]:
    """Use the trace id as the request id, in the response header and on every log line."""
    request_id = format(span.get_span_context().trace_id, "032x")
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield request_id


def _internal_error() -> AnnealError:
    remedy = "Search the log for the trace_id and report the problem."
    return AnnealError("An unexpected error occurred.", remedy=remedy)
