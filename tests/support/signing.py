"""Requests to a service without a gateway in front of it, with the principal that the gateway would sign."""

from collections.abc import Iterator

import httpx

from shared.runtime.http.principal import HEADER, Bound, Principal, Signer
from shared.runtime.http.routes import match
from shared.runtime.resources import Resources

TESTER = Principal("tester", scopes=("*",))


class SignedAs(httpx.Auth):
    """Signs each request of an httpx client for the service that the route table names."""

    def __init__(self, resources: Resources, principal: Principal = TESTER) -> None:
        self._signer, self._principal = Signer(resources.keyring), principal

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        request.headers[HEADER] = self.sign(request)
        yield request

    def sign(self, request: httpx.Request) -> str:
        """The principal for this request; a streamed body is not bound."""
        route = match(request.url.path, request.method)
        bound = Bound(request.method, request.url.path, request.url.query)
        try:
            body: bytes | None = request.content
        except httpx.RequestNotRead:
            body = None
        return self._signer.sign(self._principal, route.service if route else "none", bound, body)
