"""Authenticates requests by API key, session cookie or websocket ticket, and checks the Host and Origin headers."""

import asyncio
from dataclasses import dataclass, replace
from secrets import compare_digest
from typing import ClassVar
from urllib.parse import SplitResult, urlsplit

import structlog
from starlette.requests import HTTPConnection

from services.gateway.auth.credentials import REMEDY, Credentials
from services.gateway.auth.members import Members, is_user
from services.gateway.auth.sessions import Sessions
from services.gateway.errors import HostNotAllowed, OriginNotAllowed, ProjectSwitched
from services.gateway.models import Grant, Key
from shared.runtime.http.principal import SAFE_METHODS, Principal, Unauthenticated
from shared.runtime.settings import Settings

log = structlog.get_logger(__name__)

COOKIE = "anneal_session"
PROJECT_HEADER = "Anneal-Project"
"""The project that a request is meant for: a tab does not write to the project that another tab has switched to."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
REVALIDATION_INTERVAL_S = 3.0
"""Seconds between two checks of the credential behind an open websocket."""
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104  (compared, never bound)


class SessionEnded(Unauthenticated):
    """The session has ended; the response deletes the browser's cookie."""

    headers: ClassVar[dict[str, str]] = {
        **Unauthenticated.headers,
        "Set-Cookie": f"{COOKIE}=; HttpOnly; Max-Age=0; Path=/; SameSite=strict",
    }


@dataclass(frozen=True)
class Authenticated:
    """The caller, and the ids of the credentials that authenticate it."""

    principal: Principal
    credential_ids: tuple[str, ...]


class Authenticator:
    """Authenticates every request before a service sees it."""

    def __init__(
        self,
        keys: Credentials[Key],
        sessions: Sessions,
        grants: Credentials[Grant],
        members: Members,
        settings: Settings,
    ) -> None:
        self._keys, self._sessions, self._grants, self._members = keys, sessions, grants, members
        self._metrics_token = settings.metrics_token.get_secret_value()
        own = () if settings.host in WILDCARDS else (settings.host,)
        public = filter(None, (urlsplit(settings.public_url).hostname,))
        self._hosts = frozenset(name.lower() for name in (*LOOPBACK, *own, *public, *settings.allowed_hosts))

    def check_host(self, connection: HTTPConnection) -> None:
        """Reject a Host outside the allowlist: another name that resolves to this machine is a DNS rebinding attack."""
        host = connection.headers.get("host", "")
        if (_split(f"//{host}").hostname or "") not in self._hosts:
            remedy = f"Use http://localhost, or add {host!r} to ANNEAL_ALLOWED_HOSTS."
            raise HostNotAllowed(f"The host {host!r} is not allowed.", field="Host", remedy=remedy)

    def is_metrics_scraper(self, connection: HTTPConnection) -> bool:
        """Whether the request carries the Prometheus token, which grants access to the metrics only."""
        given = connection.headers.get("authorization", "")
        return bool(self._metrics_token) and compare_digest(given.encode(), f"Bearer {self._metrics_token}".encode())

    async def authenticate(self, connection: HTTPConnection) -> Authenticated:
        """Authenticate the caller. Raises Unauthenticated, OriginNotAllowed or ProjectSwitched."""
        caller = await self._authenticate(connection)
        meant = connection.headers.get(PROJECT_HEADER, caller.principal.project)
        if meant != caller.principal.project:
            detail = f"The request is for the project {meant!r}, the session or key is in {caller.principal.project!r}."
            raise ProjectSwitched(detail, field=PROJECT_HEADER, remedy="Reload the page, or use a key of that project.")
        return caller

    async def _authenticate(self, connection: HTTPConnection) -> Authenticated:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            key = await self._keys.verify(token.strip())
            return Authenticated(key.principal(), (key.id,))
        if connection.scope["type"] == "websocket":
            return await self._ticket(connection)
        if cookie := connection.cookies.get(COOKIE):
            if connection.scope["method"] not in SAFE_METHODS:
                _check_origin(connection)
            return await self._session(cookie)
        raise Unauthenticated("The request carries no credential.", remedy=REMEDY)

    async def wait_until_revoked(self, caller: Authenticated) -> None:
        """Wait until a credential of the caller expires or is revoked."""
        while True:
            await asyncio.sleep(REVALIDATION_INTERVAL_S)
            try:
                await self._current(caller.principal, caller.credential_ids)
            except Unauthenticated:
                return
            except Exception:
                log.warning("credential_check_failed", exc_info=True)

    async def _current(self, principal: Principal, credential_ids: tuple[str, ...]) -> Principal:
        """Return the caller with the scopes of now: a user's role may have changed. Raises Unauthenticated."""
        for id in credential_ids:
            await self._keys.verify_subject(id)
            await self._sessions.credentials.verify_subject(id)
        if not is_user(principal.subject):
            return principal
        return replace(principal, scopes=await self._members.require_scopes(principal.subject, principal.project))

    async def _session(self, cookie: str) -> Authenticated:
        try:
            session = await self._sessions.verify(cookie)
            principal = await self._current(session.principal(), (session.subject,))
        except Unauthenticated as error:
            raise SessionEnded(error.detail, remedy=error.remedy) from error
        return Authenticated(principal, (session.subject, session.id))

    async def _ticket(self, connection: HTTPConnection) -> Authenticated:
        if "origin" in connection.headers:
            _check_origin(connection)
        ticket = connection.query_params.get("ticket")
        if not ticket:
            raise Unauthenticated("A websocket needs a ticket.", remedy="Create one with POST /live/tickets.")
        grant = await self._grants.redeem(ticket)
        if grant.purpose != "live":
            raise Unauthenticated("This is not a websocket ticket.", remedy="Create one with POST /live/tickets.")
        credential_ids = (grant.subject, *([grant.session] if grant.session else []))
        return Authenticated(await self._current(grant.principal(), credential_ids), credential_ids)


def _check_origin(connection: HTTPConnection) -> None:
    """Reject a cookie request from another site: the Origin must equal the Host."""
    origin, host = connection.headers.get("origin", ""), connection.headers.get("host", "")
    if _split(origin).netloc.lower() != host.lower():
        remedy = "Send the request from the platform's own pages, or use an API key."
        raise OriginNotAllowed(f"The origin {origin!r} is not allowed.", field="Origin", remedy=remedy)


def _split(url: str) -> SplitResult:
    """Split a URL sent by a client; an invalid URL has empty parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
