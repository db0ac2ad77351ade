"""Upstreams of the reverse proxy: a service in this process, or behind an address in a distributed deployment."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, runtime_checkable

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.errors import ServiceUnavailable
from shared.runtime.http.principal import HEADER, Bound, Principal, Signer

TIMEOUT_S = 30.0


@runtime_checkable
class Upstream(Protocol):
    """One service, as the gateway reaches it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request; stream both bodies."""

    def client(self) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """Return a client for the gateway's own requests to the service."""

    async def ping(self) -> None:
        """Raise unless the service responds."""


class InProcessUpstream:
    """A service in this process: its ASGI app is called directly and nothing is copied."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the service's ASGI app."""
        await self._app(scope, receive, send)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Yield a client that calls the app without a socket."""
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=TIMEOUT_S) as client:
            yield client

    async def ping(self) -> None:
        """Do nothing: the service lives exactly as long as this process."""


def service_unavailable(service: str) -> ServiceUnavailable:
    """Build the error for a service that does not respond."""
    remedy = "Try again in a moment; GET /readyz names the unavailable services."
    return ServiceUnavailable(f"The {service} service does not respond.", limit=service, remedy=remedy)


def as_upstream(service: Upstream | ASGIApp) -> Upstream:
    """Return an upstream unchanged; wrap a bare ASGI app."""
    return service if isinstance(service, Upstream) else InProcessUpstream(service)


class Upstreams:
    """All upstreams by service name, and signed requests of the gateway to them."""

    def __init__(self, by_service: dict[str, Upstream], signer: Signer) -> None:
        self.by_service, self._signer = by_service, signer

    def __getitem__(self, service: str) -> Upstream:
        """Return the upstream of a service. Raises ServiceUnavailable for one that this platform does not run."""
        try:
            return self.by_service[service]
        except KeyError:
            remedy = f"Start the {service} service."
            raise ServiceUnavailable(f"The {service} service is not running.", limit=service, remedy=remedy) from None

    async def get(self, service: str, path: str, principal: Principal, **params: Any) -> httpx.Response:
        """GET `path` of a service on behalf of `principal`. Raises ServiceUnavailable when it does not respond."""
        return await self._send("GET", service, httpx.URL(path, params=params), principal)

    async def head(self, service: str, path: str, query: str, principal: Principal) -> httpx.Response:
        """HEAD `path?query` as `get` does."""
        return await self._send("HEAD", service, httpx.URL(path=path, query=query.encode("latin-1")), principal)

    async def _send(self, method: str, service: str, url: httpx.URL, principal: Principal) -> httpx.Response:
        try:
            async with self[service].client() as client:
                request = client.build_request(method, url, timeout=TIMEOUT_S)
                bound = Bound(method, request.url.path, request.url.query)
                request.headers[HEADER] = self._signer.sign(principal, service, bound)
                return await client.send(request)
        except httpx.TransportError as error:
            raise service_unavailable(service) from error
