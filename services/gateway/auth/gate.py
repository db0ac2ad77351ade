"""Who sent a request: a bearer key, a browser's cookie, or a websocket's ticket; and the host and origin rules."""

import asyncio
from dataclasses import dataclass
from secrets import compare_digest
from typing import ClassVar
from urllib.parse import SplitResult, urlsplit

import structlog
from starlette.requests import HTTPConnection

from services.gateway.auth.credentials import REMEDY, Credentials
from services.gateway.errors import HostNotAllowed, OriginNotAllowed
from services.gateway.models import Grant, Key, Session
from services.gateway.routes import RANK, SAFE, Scope
from shared.runtime.http.principal import Forbidden, Principal, Unauthenticated
from shared.runtime.settings import Settings

log = structlog.get_logger(__name__)

COOKIE = "anneal_session"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
WATCH = 3.0
"""Seconds between two looks at the credential behind an open websocket."""
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104  (compared with, not bound to)


class SessionEnded(Unauthenticated):
    """The browser's cookie is worth nothing any more: it is told to forget it."""

    headers: ClassVar[dict[str, str]] = {
        **Unauthenticated.headers,
        "Set-Cookie": f"{COOKIE}=; HttpOnly; Max-Age=0; Path=/; SameSite=strict",
    }


@dataclass(frozen=True)
class Admission:
    """Who asks, and the ids of the credentials with which that ends."""

    principal: Principal
    rests_on: tuple[str, ...]


class Gate:
    """Decides on every request before anything else sees it."""

    def __init__(
        self, keys: Credentials[Key], sessions: Credentials[Session], grants: Credentials[Grant], settings: Settings
    ) -> None:
        self._keys, self._sessions, self._grants = keys, sessions, grants
        self._metrics_token = settings.metrics_token.get_secret_value()
        own = () if settings.host in WILDCARDS else (settings.host,)
        self._hosts = frozenset(name.lower() for name in (*LOOPBACK, *own, *settings.allowed_hosts))

    def check_host(self, connection: HTTPConnection) -> None:
        """Refuse a Host that we were not told about: a foreign name that resolves to this machine is an attack."""
        host = connection.headers.get("host", "")
        if (_split(f"//{host}").hostname or "") not in self._hosts:
            remedy = f"Use http://localhost, or add {host!r} to ANNEAL_ALLOWED_HOSTS."
            raise HostNotAllowed(f"This platform does not answer for the host {host!r}.", field="Host", remedy=remedy)

    def scrapes(self, connection: HTTPConnection) -> bool:
        """Whether it comes from Prometheus: its token opens the metrics and nothing else."""
        given = connection.headers.get("authorization", "")
        return bool(self._metrics_token) and compare_digest(given.encode(), f"Bearer {self._metrics_token}".encode())

    async def admit(self, connection: HTTPConnection) -> Admission:
        """The caller; raises Unauthenticated or OriginNotAllowed."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            key = await self._keys.check(token.strip())
            return Admission(key.principal(), (key.id,))
        if connection.scope["type"] == "websocket":
            return await self._ticket(connection)
        if cookie := connection.cookies.get(COOKIE):
            if connection.scope["method"] not in SAFE:
                _check_origin(connection)
            return await self._session(cookie)
        raise Unauthenticated("The request carries no credential.", remedy=REMEDY)

    async def ended(self, admission: Admission) -> None:
        """Wait until a credential that the caller came with has expired or is revoked."""
        while True:
            await asyncio.sleep(WATCH)
            try:
                await self._check(admission.rests_on)
            except Unauthenticated:
                return
            except Exception:
                log.warning("credential_not_checked", exc_info=True)

    async def _check(self, rests_on: tuple[str, ...]) -> None:
        for id in rests_on:
            await self._keys.check_subject(id)
            await self._sessions.check_subject(id)

    async def _session(self, cookie: str) -> Admission:
        try:
            session = await self._sessions.check(cookie)
            await self._keys.check_subject(session.subject)
        except Unauthenticated as error:
            raise SessionEnded(error.detail, remedy=error.remedy) from error
        return Admission(session.principal(), (session.subject, session.id))

    async def _ticket(self, connection: HTTPConnection) -> Admission:
        if "origin" in connection.headers:
            _check_origin(connection)
        ticket = connection.query_params.get("ticket")
        if not ticket:
            raise Unauthenticated("A websocket needs a ticket.", remedy="POST /live/tickets gives one.")
        grant = await self._grants.redeem(ticket)
        if grant.purpose != "live":
            raise Unauthenticated("This is no ticket for a websocket.", remedy="POST /live/tickets gives one.")
        rests_on = (grant.subject, *([grant.session] if grant.session else []))
        await self._check(rests_on)
        return Admission(grant.principal(), rests_on)


def _check_origin(connection: HTTPConnection) -> None:
    """What a browser sends with a cookie must come from a page of ours: its Origin names the Host that it asks."""
    origin, host = connection.headers.get("origin", ""), connection.headers.get("host", "")
    if _split(origin).netloc.lower() != host.lower():
        remedy = "Send it from the platform's own pages, or use an API key."
        raise OriginNotAllowed(f"The origin {origin!r} is not this platform's.", field="Origin", remedy=remedy)


def _split(url: str) -> SplitResult:
    """The parts of a URL that a client sent; all empty for what is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def require(principal: Principal, scope: Scope) -> None:
    """Raise Forbidden unless the caller holds the scope."""
    held = max((RANK.get(name, -1) for name in principal.scopes), default=-1)
    if held < RANK[scope]:
        remedy = f"Use a key with the scope {scope!r}; an admin makes one with POST /auth/keys."
        raise Forbidden(f"This needs the scope {scope!r}.", field="scopes", limit=list(principal.scopes), remedy=remedy)
