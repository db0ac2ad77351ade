"""Rate, errors and duration of HTTP requests by route template, in each service and at the gateway."""

import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.telemetry.metrics import Metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
BROKEN = 500


class Requests:
    """Counts answered requests under `<prefix>_requests_total` and `<prefix>_request_seconds`."""

    def __init__(self, metrics: Metrics, prefix: str, what: str) -> None:
        labels = ("room", "method", "route")
        self._total = metrics.counter(
            f"{prefix}_requests", f"{what}, by status (`none`: the client left first)", *labels, "status"
        )
        self._seconds = metrics.histogram(f"{prefix}_request_seconds", f"{what}: time to the last byte", *labels)

    def observe(self, service: str, scope: Mapping[str, Any], route: str, status: int, seconds: float) -> None:
        """Count a request. Websockets are not timed; unknown methods share a label."""
        if scope["type"] == "websocket":
            self._total.labels(service, "WS", route, str(status or "none")).inc()
            return
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self._total.labels(service, method, route, str(status or "none")).inc()
        self._seconds.labels(service, method, route).observe(seconds)


class Measured:
    """A service's ASGI app that counts requests by route template, which bounds the number of series."""

    def __init__(self, app: ASGIApp, service: str, requests: Requests) -> None:
        self._app, self._service, self._requests = app, service, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        started, status = time.perf_counter(), 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception:
            status = status or BROKEN
            raise
        finally:
            route = getattr(scope.get("route"), "path", UNMATCHED)
            self._requests.observe(self._service, scope, route, status, time.perf_counter() - started)
