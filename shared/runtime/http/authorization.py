"""A service's own check of each request: the gateway's principal, for this service and request, with the route's scope.

The gateway checks the same scopes before it forwards a request (routes.py). A service does not rely on that: a key that
leaks, or another program in the network, reaches nothing that its principal was not signed for.
"""

import hashlib
import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.runtime.errors import AnnealError, NotFound, answer
from shared.runtime.http.principal import (
    GATEWAY_REMEDY,
    HEADER,
    IN_SCOPE,
    Bound,
    Unauthenticated,
    Verifier,
    read_body,
)
from shared.runtime.http.routes import METRICS, match, require_scope
from shared.runtime.keyring import Keyring

OPERATIONS = frozenset({"/healthz", "/readyz", "/openapi.json", METRICS})
"""Paths of every service's own port that need no principal; of the gateway's they are in the route table."""


class Authorization:
    """ASGI middleware of a service."""

    def __init__(self, app: ASGIApp, service: str, keyring: Keyring) -> None:
        self._app, self._service, self._verifier = app, service, Verifier(keyring, service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket if its principal permits it."""
        try:
            receive = await self._authorize(scope, receive)
        except AnnealError as error:
            await answer(error, scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _authorize(self, scope: Scope, receive: Receive) -> Receive:
        request = Bound.of(scope)
        route = match(request.path, request.method)
        if route is None or route.service != self._service:
            if request.path in OPERATIONS:
                return receive
            raise NotFound(f"The {self._service} service has no {request.path}.", field="path", remedy=GATEWAY_REMEDY)
        if route.scope is None:
            return receive
        token = next((value for name, value in scope["headers"] if name == HEADER.encode()), b"")
        principal, digest = self._verifier.verify(token.decode("latin-1"), request)
        require_scope(principal, route.scope)
        scope[IN_SCOPE] = principal
        if digest is None:
            return receive
        body, receive = await read_body(scope, receive)
        if body is None or not hmac.compare_digest(hashlib.sha256(body).hexdigest(), digest):
            raise Unauthenticated("The principal is for another body.", remedy=GATEWAY_REMEDY)
        return receive
