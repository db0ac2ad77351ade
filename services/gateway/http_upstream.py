"""A service behind an HTTP address: an Upstream that streams the request, then the response."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import structlog
from starlette.types import Receive, Scope, Send

from services.gateway.upstreams import TIMEOUT_S, Upstream, service_unavailable
from shared.runtime.errors import Misconfigured, answer
from shared.runtime.http.replicas import IDEMPOTENT_METHODS, ReplicaTransport

log = structlog.get_logger(__name__)

WRITE_TIMEOUT = httpx.Timeout(None, connect=5.0, read=600.0)
"""A write may take minutes before the response starts; the engine and the worker enforce their own limits."""
READ_TIMEOUT = httpx.Timeout(None, connect=5.0, read=60.0)
"""A read responds quickly, or the service hangs."""
CANCELLED_WITH_CLIENT = frozenset({"/v1/chat/completions", "/v1/completions"})
"""Nothing but their answer is of use, so the service ends their work where the client has gone before it begins."""
RESPONSE_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade"})


class ClientDisconnected(Exception):
    """The client disconnected before its request was complete."""


class HttpUpstream:
    """The service `name` at one address, or at several for its replicas."""

    def __init__(self, *urls: str, name: str = "service") -> None:
        self._name = name
        transport = ReplicaTransport(urls, name)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://service", timeout=WRITE_TIMEOUT)
        self._client.headers.clear()  # the service receives the client's headers, not httpx's defaults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request. An unavailable service becomes a 503 that names it."""
        body_sent = asyncio.Event()
        body = _request_body(receive, body_sent) if _has_body(scope) else None
        if body is None:
            body_sent.set()
        method, timeout = scope["method"], READ_TIMEOUT if scope["method"] in IDEMPOTENT_METHODS else WRITE_TIMEOUT
        request = self._client.build_request(
            method, _upstream_url(scope), headers=_request_headers(scope), content=body, timeout=timeout
        )
        sending = self._client.send(request, stream=True)
        try:
            if scope["path"] in CANCELLED_WITH_CLIENT:
                response = await _unless_first_ends(sending, _wait_for_disconnect(receive, body_sent))
            else:
                response = await sending
        except ClientDisconnected:
            return
        except httpx.TransportError as error:
            log.warning("service_unavailable", service=self._name, url=str(request.url), error=repr(error))
            await answer(service_unavailable(self._name), scope["path"])(scope, receive, send)
            return
        try:
            await _until_first_ends(_send_response(response, send), _wait_for_disconnect(receive, body_sent))
        finally:
            await response.aclose()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Yield a client over the same connections, for the gateway's own requests."""
        yield self._client

    async def ping(self) -> None:
        """Raise unless the service is healthy."""
        (await self._client.get("/healthz", timeout=TIMEOUT_S)).raise_for_status()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def upstreams_at(addresses: Mapping[str, str]) -> dict[str, Upstream]:
    """Return an upstream per service, from `name -> url` or `url|url` for replicas. Raises Misconfigured if empty."""
    if not addresses:
        raise Misconfigured(
            "The gateway has no service addresses.", remedy="Set ANNEAL_SERVICES=dataset=http://…,training=…"
        )
    return {name: HttpUpstream(*urls.split("|"), name=name) for name, urls in addresses.items()}


def _upstream_url(scope: Scope) -> httpx.URL:
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    return httpx.URL(raw.decode("ascii") + ("?" + query.decode("ascii") if query else ""))


def _request_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the client's headers; Host, framing and trace context belong to each connection."""
    own = (b"host", b"content-length", b"transfer-encoding", b"traceparent")
    kept = [(name, value) for name, value in scope["headers"] if name not in own]
    sizes = [(name, value) for name, value in scope["headers"] if name == b"content-length"]
    return [*kept, *sizes]


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def _request_body(receive: Receive, body_sent: asyncio.Event) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        more = message.get("more_body", False)
        yield message.get("body", b"")
    body_sent.set()


async def _wait_for_disconnect(receive: Receive, body_sent: asyncio.Event) -> None:
    """Wait until the client disconnects, so that the service's work can be cancelled."""
    await body_sent.wait()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless_first_ends(
    work: Coroutine[Any, Any, httpx.Response], disconnect: Coroutine[Any, Any, None]
) -> httpx.Response:
    """The result of `work`. Raises ClientDisconnected, and cancels it, if `disconnect` ends first."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(disconnect)
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnected
        return working.result()
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


async def _until_first_ends(work: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None]) -> None:
    """Run both until one ends, cancel the other, and raise the exception of the one that ended."""
    tasks = [asyncio.create_task(work), asyncio.create_task(other)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send_response(response: httpx.Response, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in RESPONSE_HOP_BY_HOP]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for chunk in response.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
