"""The HTTP client for addresses that callers name: each request, also of a redirect, goes to an address just checked.

The name is resolved once, and the connection goes to that IP address, with the name in the Host header and in TLS: the
name cannot change its meaning in between (DNS rebinding). The system's proxies are not used: they would resolve it
again.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx

from shared.runtime.http.addresses import AddressPolicy

PORTS = {"http": 80, "https": 443}
MAX_REDIRECTS = 5
RESOLVER_THREADS = 32
"""Names that a client resolves at once. A name server that does not answer holds threads of this client alone."""
TIMEOUT = httpx.Timeout(30.0)
NO_REUSE = httpx.Limits(max_keepalive_connections=0)
"""A connection is pooled by its IP address, and another name at the same address must verify its own certificate."""


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to the checked address of each request."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._connections = httpx.AsyncHTTPTransport(trust_env=False, limits=NO_REUSE)
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, "resolve")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises AddressRefused or SourceUnreachable."""
        url, host = request.url, request.url.raw_host.decode("ascii")
        port = url.port or PORTS.get(url.scheme, 0)
        loop = asyncio.get_running_loop()
        address = await loop.run_in_executor(self._threads, self._policy.resolve, url.scheme, host, port)
        pinned = httpx.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        response = await self._connections.handle_async_request(pinned)
        if response.has_redirect_location:  # httpx would read its whole body
            await response.aclose()
            return httpx.Response(response.status_code, headers={"location": response.headers["location"]})
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._connections.aclose()


def outbound_client(policy: AddressPolicy) -> httpx.AsyncClient:
    """A client that follows redirects and checks every address."""
    return httpx.AsyncClient(
        transport=CheckedTransport(policy),
        timeout=TIMEOUT,
        trust_env=False,
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
    )
