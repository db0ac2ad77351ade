"""Calls of one service to another: by ANNEAL_SERVICES, or to its app where it runs in this process."""

from collections.abc import Iterator

import httpx

from shared.runtime.http.principal import BOUND_BODY_BYTES, HEADER, Bound, Principal, Signer
from shared.runtime.http.replicas import ReplicaTransport
from shared.runtime.resources import Resources


class SignedCall(httpx.Auth):
    """Signs each request of a client anew, for a principal that the called service is to see."""

    requires_request_body = True

    def __init__(self, signer: Signer, service: str, principal: Principal) -> None:
        self._signer, self._service, self._principal = signer, service, principal

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Add the principal."""
        bound = Bound(request.method, request.url.path, request.url.query)
        body = request.content if len(request.content) <= BOUND_BODY_BYTES else None
        request.headers[HEADER] = self._signer.sign(self._principal, self._service, bound, body)
        yield request


def is_reachable(resources: Resources, service: str) -> bool:
    """Whether this process has the service, or its address."""
    return service in resources.local_apps or service in resources.settings.services


def open_client(resources: Resources, service: str, *, read_timeout: float) -> httpx.AsyncClient:
    """A client of a reachable service; each of its requests needs a SignedCall."""
    if app := resources.local_apps.get(service):
        transport: httpx.AsyncBaseTransport = httpx.ASGITransport(app, raise_app_exceptions=False)
    else:
        transport = ReplicaTransport(resources.settings.services[service].split("|"), service)
    timeout = httpx.Timeout(None, connect=5.0, read=read_timeout)
    return httpx.AsyncClient(transport=transport, base_url="http://service", timeout=timeout, trust_env=False)
