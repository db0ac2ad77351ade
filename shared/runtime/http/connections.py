"""Limits of a server's connections: how many it keeps, and how long a client may take to send a request.

A client that opens connections and sends nothing, or a byte now and then, holds file descriptors (the attack
"slowloris"). At the limit, the connection that has waited longest for a request is closed for a new one, so that
whoever sends whole requests is served.
"""

import asyncio
import resource
from collections import defaultdict
from collections.abc import Collection, Container, Iterable
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

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
UNKNOWN_CLIENT = ""
"""A connection without an address: of a Unix socket."""
LOG_INTERVAL_S = 10.0


def connection_limit() -> int:
    """Half of the process's file descriptors; the rest is for files, engines and other services."""
    return min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Networks(Container[str]):
    """The addresses in any of these networks."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._networks = [ip_network(entry, strict=False) for entry in entries]

    def __contains__(self, address: object) -> bool:
        return any(ip_address(str(address)) in network for network in self._networks)


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 connection with these limits. uvicorn's own would refuse new clients in favor of idle ones."""

    max_connections = connection_limit()
    max_per_address = 0
    """Connections of one client address; 0 for no limit."""
    shared_addresses: Container[str] = frozenset()
    """Addresses of many clients, such as proxies: without a limit."""
    of_address: ClassVar[defaultdict[str, set["LimitedProtocol"]]] = defaultdict(set)
    request_timeout = REQUEST_TIMEOUT_S
    _received = 0
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, for an idle one if there are too many, or else only to answer 503."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self.loop.call_later(self.request_timeout, self._check)
        self._address = self.client[0] if self.client else UNKNOWN_CLIENT
        own = self.of_address[self._address]
        own.add(self)
        is_limited = self.client and self.max_per_address and self._address not in self.shared_addresses
        if is_limited and len(own) > self.max_per_address:
            self._replace_idle(own)
        elif len(self.connections) > self.max_connections:
            self._replace_idle(self.connections)

    def _replace_idle(self, connections: Collection[Any]) -> None:
        """Close the one of these that has been idle for longest, or refuse this one."""
        idle = [other for other in connections if isinstance(other, LimitedProtocol) and other.idle]
        oldest = min(idle, key=lambda other: other._idle_since)
        if oldest is self:
            self.app = _refuse
        else:
            oldest.transport.abort()
            self.connections.discard(oldest)  # now: many may be accepted before its connection_lost is called
            oldest._forget()

    def _forget(self) -> None:
        """Count no longer."""
        self.of_address[self._address].discard(self)
        if not self.of_address[self._address]:
            del self.of_address[self._address]

    def connection_lost(self, exc: Exception | None) -> None:
        """Count no longer."""
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Count no longer: websockets are limited by their tickets."""
        self._forget()
        super().handle_websocket_upgrade(event)

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


def public_protocol(per_address: int, proxies: Iterable[str]) -> type[LimitedProtocol]:
    """The protocol of a server that clients reach: `per_address` connections (0: half of all), but for `proxies`."""

    class PublicProtocol(LimitedProtocol):
        max_per_address = per_address or max(1, LimitedProtocol.max_connections // 2)
        shared_addresses = Networks(proxies)

    return PublicProtocol


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
