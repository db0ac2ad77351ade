"""Browsers: a one-time link becomes a session cookie; a session or key becomes a websocket's ticket."""

from contextlib import suppress
from datetime import timedelta

from services.gateway.auth.credentials import Credentials, mint
from services.gateway.errors import LinkSpent
from services.gateway.models import Grant, Key, Session
from shared.runtime.http.principal import Principal, Unauthenticated

LINK_LIFETIME = timedelta(hours=1)
SESSION_LIFETIME = timedelta(days=30)
TICKET_LIFETIME = timedelta(seconds=30)


class Sessions:
    """The use cases around browsers."""

    def __init__(self, keys: Credentials[Key], sessions: Credentials[Session], grants: Credentials[Grant]) -> None:
        self._keys, self.credentials, self._grants = keys, sessions, grants

    async def link(self, principal: Principal) -> str:
        """A path that signs one browser in as `principal`, once, within an hour."""
        token = mint()
        await self._grants.issue(principal, LINK_LIFETIME, token, purpose="sign_in")
        return f"/auth/sign-in?token={token}"

    async def ticket(self, principal: Principal, cookie: str | None) -> str:
        """A secret that opens one websocket within half a minute; it ends with the browser's session, if it has one."""
        token, session = mint(), None
        if cookie:
            with suppress(Unauthenticated):
                found = await self.credentials.check(cookie)
                session = found.id if found.subject == principal.subject else None
        await self._grants.issue(principal, TICKET_LIFETIME, token, purpose="live", session=session)
        return token

    async def sign_in(self, token: str) -> str:
        """Spend a link's token; the secret of the new session. Raises LinkSpent."""
        remedy = "Make a new one: `anneal link`, or restart the platform."
        try:
            grant = await self._grants.redeem(token)
            await self._keys.check_subject(grant.subject)
        except Unauthenticated as error:
            detail = "This sign-in link was used already, or it or the key that made it has ended."
            raise LinkSpent(detail, remedy=remedy) from error
        if grant.purpose != "sign_in":
            raise LinkSpent("This is no sign-in link.", remedy=remedy)
        secret = mint()
        await self.credentials.issue(grant.principal(), SESSION_LIFETIME, secret)
        return secret

    async def sign_out(self, secret: str) -> None:
        """End a session; one that is over already is fine."""
        with suppress(Unauthenticated):
            session = await self.credentials.check(secret)
            await self.credentials.revoke(session.id, session.project)
