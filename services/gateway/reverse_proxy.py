"""The reverse proxy: authenticates each request, strips untrusted headers, signs the caller, and streams it on."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from services.gateway.audit.recording import Recorder
from services.gateway.auth.authenticator import Authenticated, Authenticator
from services.gateway.limits.limiter import Limiter
from services.gateway.upstreams import Upstreams
from shared.runtime.errors import AnnealError, NotFound, answer
from shared.runtime.http.principal import HEADER, Bound, Principal, Signer, read_body
from shared.runtime.http.routes import METRICS, Route, find, require_scope

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer upgrade".split()
)
"""Hop-by-hop headers: they concern one connection only (RFC 9110, section 7.6.1)."""
CREDENTIALS = frozenset({b"authorization", b"cookie"})
METRICS_SCRAPER = Authenticated(Principal("metrics", scopes=("read",)), ())
CREDENTIAL_ENDED = 4401
"""Websocket close code when the key or session has ended: 4000 plus the equivalent HTTP status."""
UNCHECKED_HOST = frozenset({"/healthz", "/readyz", METRICS})
"""Probes and Prometheus connect by IP address. The first two reveal nothing secret, the third requires a token."""


class ReverseProxy:
    """ASGI app that forwards each request to the service that the route table names."""

    def __init__(
        self,
        authenticator: Authenticator,
        upstreams: Upstreams,
        signer: Signer,
        limiter: Limiter,
        recorder: Recorder,
    ) -> None:
        self._authenticator, self._upstreams, self._signer = authenticator, upstreams, signer
        self._limiter, self._recorder = limiter, recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        async with AsyncExitStack() as stack:
            try:
                route, inner, caller = await self._authorize(scope)
                upstream = self._upstreams[route.service]
                admission = self._limiter.admit(route, scope, caller.principal if caller else None)
                admitted = await stack.enter_async_context(admission)
                if caller:
                    body, receive = await read_body(scope, receive)
                    token = self._signer.sign(caller.principal, route.service, Bound.of(scope), body)
                    inner["headers"].append((HEADER.encode(), token.encode()))
                answered = await self._recorder.start(scope, send)
            except AnnealError as error:
                await answer(error, scope["path"])(scope, receive, send)
                return
            serving = admitted.serve(upstream, inner, receive, answered)
            try:
                if caller and scope["type"] == "websocket":
                    await self._serve_until_revoked(serving, caller, send)
                else:
                    await serving
            finally:
                answered.close()
                if template := getattr(inner.get("route"), "path", None):
                    scope["anneal.template"] = template

    async def _serve_until_revoked(self, serving: Coroutine[Any, Any, None], caller: Authenticated, send: Send) -> None:
        """Serve a websocket until it ends; close it early when the caller's credential expires or is revoked."""
        serve_task = asyncio.create_task(serving)
        revoked = asyncio.create_task(self._authenticator.wait_until_revoked(caller))
        try:
            await asyncio.wait((serve_task, revoked), return_when=asyncio.FIRST_COMPLETED)
            if serve_task.done():
                return serve_task.result()
            serve_task.cancel()
            await asyncio.gather(serve_task, return_exceptions=True)
            await send({"type": "websocket.close", "code": CREDENTIAL_ENDED, "reason": "The key or session has ended."})
        finally:
            for task in (serve_task, revoked):
                task.cancel()
            await asyncio.gather(serve_task, revoked, return_exceptions=True)

    async def _authorize(self, scope: Scope) -> tuple[Route, Scope, Authenticated | None]:
        """Return the route, the scope to forward, and the caller (None on open routes)."""
        connection = HTTPConnection(scope)
        if scope["path"] not in UNCHECKED_HOST:
            self._authenticator.check_host(connection)
        route = find(scope["path"], scope.get("method", "GET"))
        is_websocket = scope["type"] == "websocket"
        if _has_dot_segment(scope["path"]) or (is_websocket and route.service != "gateway"):
            detail = f"There is nothing at {scope['path']}."
            raise NotFound(detail, field="path", remedy="See /docs for every path.")
        scope["anneal.route"] = route
        headers = _forwarded_headers(scope["headers"], keep_cookie=route.service == "gateway")
        caller = None
        if scope["path"] == METRICS and self._authenticator.is_metrics_scraper(connection):
            caller = METRICS_SCRAPER
        elif route.scope:
            caller = scope["anneal.caller"] = await self._authenticator.authenticate(connection)
            require_scope(caller.principal, route.scope)
        inner = {name: value for name, value in scope.items() if name not in ("app", "router", "state")}
        return route, {**inner, "headers": headers}, caller


def _has_dot_segment(path: str) -> bool:
    """Whether a path contains `.` or `..`: a service would resolve them and serve a path that was never authorized."""
    return not {".", ".."}.isdisjoint(path.split("/"))


def _forwarded_headers(headers: list[tuple[bytes, bytes]], *, keep_cookie: bool) -> list[tuple[bytes, bytes]]:
    """Return the headers without identity claims, credentials and hop-by-hop headers."""
    named = {name.strip().lower() for key, value in headers if key == b"connection" for name in value.split(b",")}
    dropped = HOP_BY_HOP | named | (CREDENTIALS - {b"cookie"} if keep_cookie else CREDENTIALS)
    return [(key, value) for key, value in headers if key not in dropped and not key.startswith(b"x-anneal-")]
