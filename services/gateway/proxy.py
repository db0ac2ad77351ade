"""A room behind an HTTP address: the same Target as one in this process, streaming both ways (one after the other)."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import structlog
from starlette.types import Receive, Scope, Send

from services.gateway.targets import TIMEOUT, Target, away
from shared.runtime.errors import answer
from shared.runtime.resources import Misconfigured
from shared.runtime.telemetry.http_spans import client_span, received
from shared.runtime.telemetry.tracing import traceparent

log = structlog.get_logger(__name__)

WORKING = httpx.Timeout(None, connect=5.0, read=600.0)
"""A room may think for long before it answers a write; the engine and the worker know their own limits."""
READING = httpx.Timeout(None, connect=5.0, read=60.0)
"""What is only read comes at once, or the room hangs."""
REPEATABLE = frozenset({"GET", "HEAD"})
KEEPALIVE = 2.0
"""Seconds that an idle connection is used again: less than the rooms' servers keep theirs open."""
PAUSE = 0.2
"""Seconds before an idempotent read is tried a second time: time for another replica to take over."""
RESPONSE_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade"})


class ClientLeft(Exception):
    """Who sent the request went away in the middle of it."""


class Replicas(httpx.AsyncBaseTransport):
    """Spreads requests over the addresses of the room `name`, and passes over those that do not answer.

    A connection that cannot be made is tried elsewhere, since nothing was sent; one that breaks is tried once more only
    for an idempotent read.
    """

    def __init__(self, urls: Sequence[str], name: str) -> None:
        self._urls, self._next, self._name = [httpx.URL(url) for url in urls], count(), name
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEEPALIVE)
        self._connections = httpx.AsyncHTTPTransport(limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One response, its body unread."""
        repeatable = request.method in REPEATABLE and not {"content-length", "transfer-encoding"} & set(request.headers)
        for left in range(len(self._urls), -1, -1):
            at = self._urls[next(self._next) % len(self._urls)]
            request.url = request.url.copy_with(scheme=at.scheme, host=at.host, port=at.port)
            try:
                return await self._send(request, resend=len(self._urls) - left)
            except httpx.TransportError as error:
                unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if not left or isinstance(error, httpx.ReadTimeout) or not (unsent or repeatable):
                    raise
                repeatable = repeatable and unsent
            await asyncio.sleep(PAUSE)
        raise AssertionError("unreachable")

    async def _send(self, request: httpx.Request, *, resend: int) -> httpx.Response:
        """One try, with the trace of this hop."""
        with client_span(request.method, self._name, request.url.host, request.url.port, resend=resend) as span:
            if trace := traceparent():
                request.headers["traceparent"] = trace
            response = await self._connections.handle_async_request(request)
            received(span, response.status_code)
            return response

    async def aclose(self) -> None:
        """Let the connections go."""
        await self._connections.aclose()


class OverHttp:
    """The room `name` behind one address, or several for its replicas."""

    def __init__(self, *urls: str, name: str = "room") -> None:
        self._name = name
        self._client = httpx.AsyncClient(transport=Replicas(urls, name), base_url="http://room", timeout=WORKING)
        self._client.headers.clear()  # what the room hears is what the client said

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request; a room that is away becomes a 503 that names it."""
        sent = asyncio.Event()
        body = _body(receive, sent) if _has_body(scope) else None
        if body is None:
            sent.set()
        method, timeout = scope["method"], READING if scope["method"] in REPEATABLE else WORKING
        request = self._client.build_request(
            method, _target(scope), headers=_headers(scope), content=body, timeout=timeout
        )
        try:
            response = await self._client.send(request, stream=True)
        except ClientLeft:
            return
        except httpx.TransportError as error:
            log.warning("room_away", room=self._name, url=str(request.url), error=repr(error))
            await answer(away(self._name), scope["path"])(scope, receive, send)
            return
        try:
            await _first_of(_pass_on(response, send), _left(receive, sent))
        finally:
            await response.aclose()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """The same connections, for the gateway's own questions."""
        yield self._client

    async def ping(self) -> None:
        """Raise unless the room is well."""
        (await self._client.get("/healthz", timeout=TIMEOUT)).raise_for_status()

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()


def rooms_at(addresses: Mapping[str, str]) -> dict[str, Target]:
    """A target for each room of `name -> url`, or `url|url` for replicas. Raises Misconfigured when there are none."""
    if not addresses:
        raise Misconfigured(
            "The gateway does not know where the rooms are.", remedy="Set ANNEAL_ROOMS=dataset=http://…,training=…"
        )
    return {name: OverHttp(*urls.split("|"), name=name) for name, urls in addresses.items()}


def _target(scope: Scope) -> httpx.URL:
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    return httpx.URL(raw.decode("ascii") + ("?" + query.decode("ascii") if query else ""))


def _headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What the client said; Host, framing and trace are the connection's own."""
    own = (b"host", b"content-length", b"transfer-encoding", b"traceparent")
    kept = [(name, value) for name, value in scope["headers"] if name not in own]
    sizes = [(name, value) for name, value in scope["headers"] if name == b"content-length"]
    return [*kept, *sizes]


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def _body(receive: Receive, sent: asyncio.Event) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        more = message.get("more_body", False)
        yield message.get("body", b"")
    sent.set()


async def _left(receive: Receive, sent: asyncio.Event) -> None:
    """Wait until the client has gone: then the room is to know, and stop."""
    await sent.wait()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_of(work: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None]) -> None:
    """Run both until one ends; what it raises is raised."""
    tasks = [asyncio.create_task(work), asyncio.create_task(other)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(response: httpx.Response, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in RESPONSE_HOP]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for chunk in response.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
