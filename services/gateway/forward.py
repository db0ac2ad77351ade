"""From an outside request to a room's: decide who asks, drop what outsiders may not say, sign, pass on unbuffered."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from services.gateway.auth.gate import Admission, Gate, require
from services.gateway.routes import METRICS, Route, match
from services.gateway.targets import Rooms
from shared.runtime.errors import AnnealError, NotFound, answer
from shared.runtime.http.principal import HEADER, Signer

HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer upgrade".split()
)
"""Headers that speak of one connection only (RFC 9110 7.6.1)."""
SECRET = frozenset({b"authorization", b"cookie"})
OVER = 4401
"""The close code of a websocket whose key or session has ended: 4000 and the status that a request would get."""
UNCHECKED_HOST = frozenset({"/healthz", "/readyz", METRICS})
"""Probes and Prometheus ask by address; two of these say nothing that is worth protection, and one asks for a key."""


class Forwarder:
    """The ASGI app behind the front: every request goes to the room that the route table names."""

    def __init__(self, gate: Gate, rooms: Rooms, signer: Signer) -> None:
        self._gate, self._rooms, self._signer = gate, rooms, signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or websocket."""
        try:
            route, inner, admission = await self._admit(scope)
            target = self._rooms[route.room]
        except AnnealError as error:
            await answer(error, scope["path"])(scope, receive, send)
            return
        try:
            if admission and scope["type"] == "websocket":
                await self._while_admitted(target(inner, receive, send), admission, send)
            else:
                await target(inner, receive, send)
        finally:
            if template := getattr(inner.get("route"), "path", None):
                scope["anneal.template"] = template

    async def _while_admitted(self, serving: Coroutine[Any, Any, None], admission: Admission, send: Send) -> None:
        """Serve a websocket until it ends, or until what opened it has: then it is closed."""
        serves, ended = asyncio.create_task(serving), asyncio.create_task(self._gate.ended(admission))
        try:
            await asyncio.wait((serves, ended), return_when=asyncio.FIRST_COMPLETED)
            if serves.done():
                return serves.result()
            serves.cancel()
            await asyncio.gather(serves, return_exceptions=True)
            await send({"type": "websocket.close", "code": OVER, "reason": "The key or session has ended."})
        finally:
            for task in (serves, ended):
                task.cancel()
            await asyncio.gather(serves, ended, return_exceptions=True)

    async def _admit(self, scope: Scope) -> tuple[Route, Scope, Admission | None]:
        """The route of a request, what its room gets to see of it, and who sent it where that matters."""
        connection = HTTPConnection(scope)
        route = match(scope["path"])
        if scope["path"] not in UNCHECKED_HOST:
            self._gate.check_host(connection)
        socket = scope["type"] == "websocket"
        if route is None or _climbs(scope["path"]) or (socket and route.room != "gateway"):
            detail = f"There is nothing at {scope['path']}."
            raise NotFound(detail, field="path", remedy="/docs lists every path.")
        scope["anneal.route"] = route
        headers = _inward(scope["headers"], keep_cookie=route.room == "gateway")
        admission = None
        if not route.open and not (scope["path"] == METRICS and self._gate.scrapes(connection)):
            admission = await self._gate.admit(connection)
            require(admission.principal, route.needs(scope.get("method", "GET")))
            headers.append((HEADER.encode(), self._signer.sign(admission.principal).encode()))
        inner = {name: value for name, value in scope.items() if name not in ("app", "router", "state")}
        return route, {**inner, "headers": headers}, admission


def _climbs(path: str) -> bool:
    """Whether a path has dot segments: a room's side would resolve them, and so answer for a path that we never saw."""
    return not {".", ".."}.isdisjoint(path.split("/"))


def _inward(headers: list[tuple[bytes, bytes]], *, keep_cookie: bool) -> list[tuple[bytes, bytes]]:
    """The headers without identity claims, secrets, and what concerns this connection only."""
    named = {name.strip().lower() for key, value in headers if key == b"connection" for name in value.split(b",")}
    dropped = HOP | named | (SECRET - {b"cookie"} if keep_cookie else SECRET)
    return [(key, value) for key, value in headers if key not in dropped and not key.startswith(b"x-anneal-")]
