"""Requests to a service at one address or several: the transport of the gateway, and of services that call others."""

import asyncio
from collections.abc import Sequence
from itertools import count

import httpx

from shared.runtime.telemetry.http_spans import client_span, record_client_response
from shared.runtime.telemetry.tracing import traceparent

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD"})
KEEPALIVE_S = 2.0
"""Seconds that an idle connection is reused: less than the services' servers keep it open."""
RETRY_DELAY_S = 0.2
"""Delay before an idempotent read is retried: time for another replica to take over."""


class ReplicaTransport(httpx.AsyncBaseTransport):
    """Distributes requests round-robin over the replicas of the service `name`, and skips replicas that do not respond.

    A failed connection is retried on the next replica, since nothing was sent. A connection that breaks later is
    retried once, and only for an idempotent read.
    """

    def __init__(self, urls: Sequence[str], name: str) -> None:
        self._urls, self._next, self._name = [httpx.URL(url) for url in urls], count(), name
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEEPALIVE_S)
        self._connections = httpx.AsyncHTTPTransport(limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response with its body unread."""
        has_body = not {"content-length", "transfer-encoding"}.isdisjoint(request.headers)
        retryable = request.method in IDEMPOTENT_METHODS and not has_body
        for retries_left in range(len(self._urls), -1, -1):
            replica = self._urls[next(self._next) % len(self._urls)]
            request.url = request.url.copy_with(scheme=replica.scheme, host=replica.host, port=replica.port)
            try:
                return await self._send(request, resend=len(self._urls) - retries_left)
            except httpx.TransportError as error:
                unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if not retries_left or isinstance(error, httpx.ReadTimeout) or not (unsent or retryable):
                    raise
                retryable = retryable and unsent
            await asyncio.sleep(RETRY_DELAY_S)
        raise AssertionError("unreachable")

    async def _send(self, request: httpx.Request, *, resend: int) -> httpx.Response:
        """Send once, in a client span whose trace context the service continues."""
        with client_span(request.method, self._name, request.url.host, request.url.port, resend=resend) as span:
            if trace := traceparent():
                request.headers["traceparent"] = trace
            response = await self._connections.handle_async_request(request)
            record_client_response(span, response.status_code)
            return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()
