"""Limits of a server's connections: how many it keeps, and how long a client may take to send a request.

A client that opens connections and sends nothing, or a byte now and then, holds file descriptors (the attack
"slowloris"). At the limit, the connection that has waited longest for a request is closed for a new one, so that
whoever sends whole requests is served.
"""

import asyncio
import resource
from typing import Any

import h11
import structlog
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.runtime.errors import Unavailable, answer

log = structlog.get_logger(__name__)

REQUEST_TIMEOUT_S = 30.0
"""A request's headers must be complete after twice this time, and its body must bring MIN_BODY_BYTES within it."""
MIN_BODY_BYTES = 1000
MAX_CONNECTIONS = 10_000
LOG_INTERVAL_S = 10.0


def connection_limit() -> int:
    """Half of the process's file descriptors; the rest is for files, engines and other services."""
    return min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 connection with these limits. uvicorn's own would refuse new clients in favor of idle ones."""

    max_connections = connection_limit()
    request_timeout = REQUEST_TIMEOUT_S
    _received = 0
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, for an idle one if there are too many, or else only to answer 503."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self.loop.call_later(self.request_timeout, self._check)
        if len(self.connections) > self.max_connections:
            idle = [other for other in self.connections if isinstance(other, LimitedProtocol) and other.idle]
            oldest = min(idle, key=lambda other: other._idle_since)
            if oldest is self:
                self.app = _refuse
            else:
                oldest.transport.abort()
                self.connections.discard(oldest)  # now: many may be accepted before its connection_lost is called

    @property
    def idle(self) -> bool:
        """Whether no request has arrived completely enough to be served, or it is answered and still arrives."""
        return self.conn.their_state is h11.IDLE or bool(self.cycle and self.cycle.response_complete)

    def data_received(self, data: bytes) -> None:
        """Count what arrives."""
        self._received += len(data)
        super().data_received(data)

    def on_response_complete(self) -> None:
        """The next request has as long as the first."""
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def _check(self) -> None:
        """Close the connection if its client is too slow."""
        if self not in self.connections or self.transport.is_closing():
            return  # closed, or a websocket now, which pings
        is_late = self.conn.their_state is h11.IDLE and self.loop.time() - self._idle_since >= self.request_timeout
        is_body_awaited = self.conn.their_state is h11.SEND_BODY and not self.flow.read_paused
        if is_late or (is_body_awaited and self._received < MIN_BODY_BYTES):
            self.transport.abort()
            return
        self._received = 0
        self.loop.call_later(self.request_timeout, self._check)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    error = Unavailable("The server has too many connections.", remedy="Try again in a few seconds.")
    response = answer(error, scope["path"])
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


def log_accept_errors_rarely(loop: asyncio.AbstractEventLoop) -> None:
    """asyncio reports every connection that it cannot accept; one line in a while says as much."""
    logged_at = float("-inf")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal logged_at
        if not context["message"].startswith("socket.accept()"):
            loop.default_exception_handler(context)
        elif loop.time() - logged_at > LOG_INTERVAL_S:
            logged_at = loop.time()
            log.warning("connections_not_accepted", error=str(context.get("exception")), remedy="Raise `ulimit -n`.")

    loop.set_exception_handler(handle)
