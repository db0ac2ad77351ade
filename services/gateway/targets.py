"""Where a route leads: a room in this process now, a room behind an address when the platform is distributed."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, runtime_checkable

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.errors import RoomUnavailable
from shared.runtime.http.principal import HEADER, Principal, Signer

TIMEOUT = 30.0


@runtime_checkable
class Target(Protocol):
    """One room as the gateway sees it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request, streaming both ways."""

    def client(self) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """For the gateway's own questions to the room."""

    async def ping(self) -> None:
        """Raise unless the room answers."""


class InProcess:
    """A room in this process: its ASGI app is called directly, nothing is copied."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the room."""
        await self._app(scope, receive, send)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client without a socket."""
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://room", timeout=TIMEOUT) as client:
            yield client

    async def ping(self) -> None:
        """It lives as long as this process does."""


def away(room: str) -> RoomUnavailable:
    """The failure of a room that does not answer."""
    remedy = "Try again in a moment; GET /readyz names what is away."
    return RoomUnavailable(f"The {room} room does not answer.", limit=room, remedy=remedy)


def as_target(room: Target | ASGIApp) -> Target:
    """A target as it is; a bare ASGI app as a room in this process."""
    return room if isinstance(room, Target) else InProcess(room)


class Rooms:
    """All targets by room name, and the gateway's own signed questions to them."""

    def __init__(self, targets: dict[str, Target], signer: Signer) -> None:
        self.targets, self._signer = targets, signer

    def __getitem__(self, room: str) -> Target:
        """The room's target; raises RoomUnavailable for one that this platform does not run."""
        try:
            return self.targets[room]
        except KeyError:
            remedy = f"Start the {room} room."
            raise RoomUnavailable(f"The {room} room does not run here.", limit=room, remedy=remedy) from None

    async def ask(self, room: str, path: str, principal: Principal, **params: Any) -> httpx.Response:
        """GET `path` of a room in the name of `principal`; raises RoomUnavailable when the room is away."""
        headers = {HEADER: self._signer.sign(principal)}
        try:
            async with self[room].client() as client:
                return await client.get(path, params=params, headers=headers, timeout=TIMEOUT)
        except httpx.TransportError as error:
            raise away(room) from error
