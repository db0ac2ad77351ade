"""Browser sessions: a one-time link becomes a session cookie; a session or key can issue websocket tickets."""

from contextlib import suppress
from datetime import timedelta

from services.gateway.auth.credentials import Credentials, generate_secret
from services.gateway.errors import LinkSpent
from services.gateway.models import Grant, Key, Session
from shared.documents.entities import now
from shared.runtime.errors import NotFound
from shared.runtime.http.principal import Forbidden, Principal, Unauthenticated

LINK_LIFETIME = timedelta(hours=1)
MAX_LISTED = 200
MAX_OPEN_LINKS = 20
"""Unused links of one subject; a further one replaces the oldest."""
SESSION_LIFETIME = timedelta(days=30)
TICKET_LIFETIME = timedelta(seconds=30)
NOTED_USE = 0.02
"""Share of the idle timeout after which the next use of a session is stored: one write, not one for every request."""


class Sessions:
    """The use cases around browsers."""

    def __init__(
        self,
        keys: Credentials[Key],
        sessions: Credentials[Session],
        grants: Credentials[Grant],
        idle_timeout: timedelta,
    ) -> None:
        self._keys, self.credentials, self._grants, self._idle_timeout = keys, sessions, grants, idle_timeout

    async def link(self, principal: Principal, cookie: str | None = None) -> str:
        """Return the path of a link that signs one browser in as `principal`, once, within an hour.

        It ends with the browser session that requests it. Beyond MAX_OPEN_LINKS, the subject's oldest links end.
        """
        token, session = generate_secret(), await self.current(principal, cookie)
        await self._grants.issue(principal, LINK_LIFETIME, token, purpose="sign_in", session=session)
        open_links = await self._grants.store.find({"subject": principal.subject, "purpose": "sign_in"})
        for oldest in open_links[MAX_OPEN_LINKS:]:
            await self._grants.store.remove(oldest.id)
        return f"/auth/sign-in?token={token}"

    async def ticket(self, principal: Principal, cookie: str | None) -> str:
        """Issue a secret that opens one websocket within 30 seconds; the websocket ends with the browser session."""
        token, session = generate_secret(), await self.current(principal, cookie)
        await self._grants.issue(principal, TICKET_LIFETIME, token, purpose="live", session=session)
        return token

    async def current(self, principal: Principal, cookie: str | None) -> str | None:
        """The id of the principal's browser session that sends a request, or None for one with a key."""
        with suppress(Unauthenticated):
            found = await self.credentials.verify(cookie) if cookie else None
            return found.id if found and found.subject == principal.subject else None
        return None

    async def sign_in(self, token: str) -> str:
        """Redeem a link's token and return the secret of the new session. Raises LinkSpent."""
        remedy = "Create a new link with `anneal link`, or restart the platform."
        try:
            grant = await self._grants.redeem(token)
            await self._keys.verify_subject(grant.subject)
            await self.credentials.verify_subject(grant.session or "")
        except Unauthenticated as error:
            detail = (
                "The sign-in link was already used or has expired, or the API key or session that made it has ended."
            )
            raise LinkSpent(detail, remedy=remedy) from error
        if grant.purpose != "sign_in":
            raise LinkSpent("This is not a sign-in link.", remedy=remedy)
        return await self.open(grant.principal())

    async def open(self, principal: Principal) -> str:
        """Open a session and return its secret."""
        secret = generate_secret()
        await self.credentials.issue(principal, SESSION_LIFETIME, secret, idle_until=now() + self._idle_timeout)
        return secret

    async def latest_project(self, subject: str) -> str | None:
        """Return the project of the latest session of a user."""
        found = await self.credentials.store.find({"subject": subject}, limit=1)
        return found[0].project if found else None

    async def switch(self, secret: str | None, principal: Principal, project: str) -> Session:
        """Switch a browser session to another project of its user. Raises Forbidden for a caller without a session."""
        session = await self.credentials.verify(secret) if secret else None
        if session is None or session.subject != principal.subject:
            raise Forbidden("Only a browser session can switch its project.", remedy="Use a key of that project.")
        return await self.credentials.change(session.id, lambda found: setattr(found, "project", project))

    async def verify(self, secret: str) -> Session:
        """Return the active session of this secret and note its use. Raises Unauthenticated."""
        session = await self.credentials.verify(secret)
        idle_until = now() + self._idle_timeout
        if session.idle_until and idle_until - session.idle_until < self._idle_timeout * NOTED_USE:
            return session
        await self.credentials.change(session.id, lambda found: setattr(found, "idle_until", idle_until))
        return await self.credentials.verify(secret)

    async def of(self, principal: Principal) -> list[Session]:
        """The active sessions of the caller's subject, in all projects, newest first."""
        found = await self.credentials.store.find({"subject": principal.subject, "revoked_at": None}, limit=MAX_LISTED)
        return [session for session in found if session.active]

    async def end(self, principal: Principal, id: str) -> None:
        """End a session of the caller's subject. Raises NotFound."""
        if id not in [session.id for session in await self.of(principal)]:
            raise NotFound(f"You have no session {id!r}.", field="id", remedy="GET /auth/sessions lists yours.")
        await self.credentials.revoke(id)

    async def sign_out(self, secret: str) -> None:
        """End a session. A session that has already ended is ignored."""
        with suppress(Unauthenticated):
            session = await self.credentials.verify(secret)
            await self.credentials.revoke(session.id)
