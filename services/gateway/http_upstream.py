"""A service behind an HTTP address: an Upstream that streams the request, then the response."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
import structlog
from starlette.types import Receive, Scope, Send

from services.gateway.upstreams import TIMEOUT_S, Upstream, service_unavailable
from shared.runtime.errors import Misconfigured, answer
from shared.runtime.http.replicas import IDEMPOTENT_METHODS, ReplicaTransport

log = structlog.get_logger(__name__)

BASE_URL = "http://service"
"""The transport replaces it by the address of a replica."""
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
        self._name, self._transport = name, ReplicaTransport(urls, name)
        self._client = httpx.AsyncClient(transport=self._transport, base_url=BASE_URL, timeout=WRITE_TIMEOUT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request. An unavailable service becomes a 503 that names it."""
        body_sent = asyncio.Event()
        request = _request(scope, receive, body_sent)
        try:
            async with _until_disconnect(receive, body_sent) as watch:
                if scope["path"] in CANCELLED_WITH_CLIENT:
                    watch()
                try:
                    response = await self._transport.handle_async_request(request)
                except httpx.TransportError as error:
                    log.warning("service_unavailable", service=self._name, url=str(request.url), error=repr(error))
                    await answer(service_unavailable(self._name), scope["path"])(scope, receive, send)
                    return
                watch()
                try:
                    await _send_response(response, send)
                finally:
                    await response.aclose()
        except ClientDisconnected:
            return

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


def _request(scope: Scope, receive: Receive, body_sent: asyncio.Event) -> httpx.Request:
    """The request to the service, without httpx's client, whose cookies and redirects cost time."""
    method = scope["method"]
    timeout = READ_TIMEOUT if method in IDEMPOTENT_METHODS else WRITE_TIMEOUT
    body = _request_body(receive, body_sent) if _has_body(scope) else None
    if body is None:
        body_sent.set()
    extensions = {"timeout": timeout.as_dict()}
    return httpx.Request(
        method, _upstream_url(scope), headers=_request_headers(scope), content=body, extensions=extensions
    )


def _upstream_url(scope: Scope) -> httpx.URL:
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    return httpx.URL(BASE_URL + raw.decode("ascii") + ("?" + query.decode("ascii") if query else ""))


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


@asynccontextmanager
async def _until_disconnect(receive: Receive, body_sent: asyncio.Event) -> AsyncIterator[Callable[[], None]]:
    """Yield what begins to watch for the client's disconnect, which ends the block with ClientDisconnected."""
    watching: asyncio.Task[None] | None = None

    async def wait() -> None:
        await body_sent.wait()
        while (await receive())["type"] != "http.disconnect":
            pass
        limit.reschedule(0)

    def watch() -> None:
        nonlocal watching
        watching = watching or asyncio.create_task(wait())

    try:
        async with asyncio.timeout(None) as limit:
            yield watch
    except TimeoutError:
        if limit.expired():
            raise ClientDisconnected from None
        raise
    finally:
        if watching:
            watching.cancel()


async def _send_response(response: httpx.Response, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in RESPONSE_HOP_BY_HOP]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for chunk in response.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
