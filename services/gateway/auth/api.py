"""HTTP: API keys, sign-in links and sessions below `/auth/`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.auth.authenticator import COOKIE
from services.gateway.auth.cookies import is_https, set_session_cookie, signed_in_page
from services.gateway.auth.keys import IssuedKey, Keys, KeyView, NewKey
from services.gateway.auth.members import Members, is_user
from services.gateway.auth.sessions import LINK_LIFETIME, TICKET_LIFETIME, Sessions
from services.gateway.errors import LinkSpent
from services.gateway.static_pages import page
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller, ProjectName


class LinkView(BaseModel):
    """A one-time sign-in link."""

    path: str = Field(description="open it in a browser, at this platform's address")
    expires_in: int = Field(description="seconds")


class TicketView(BaseModel):
    """A one-time websocket ticket."""

    ticket: str = Field(description="pass it as /live?ticket=…")
    expires_in: int = Field(description="seconds")


class CallerView(BaseModel):
    """The authenticated caller."""

    subject: str
    project: str
    scopes: list[str]
    name: str | None = Field(default=None, description="the user's e-mail address, or else name; null for a key")


class SessionView(BaseModel):
    """A browser session of the caller."""

    id: str
    project: str
    created_at: datetime
    expires_at: datetime | None
    idle_until: datetime | None = Field(description="when it ends if it is not used; null before its first use")
    current: bool = Field(description="whether this request came with it")


class SessionProject(BaseModel):
    """The project to switch to."""

    model_config = ConfigDict(extra="forbid")

    project: ProjectName


def routes(keys: Keys, sessions: Sessions, members: Members, public_url: str) -> APIRouter:
    """Return the routes for keys, links and sessions."""
    router = APIRouter(tags=["System"])
    _keys(router, keys, sessions, members)
    _sessions(router, sessions, members, public_url)
    return router


def _keys(router: APIRouter, keys: Keys, sessions: Sessions, members: Members) -> None:
    """Add the API key routes."""

    @router.post("/auth/keys", status_code=201)
    async def create_key(body: NewKey, caller: Caller) -> IssuedKey:
        """Create an API key. Its secret is in this response only."""
        issued = await keys.create(caller, body)
        await members.add_project(issued.project)
        if is_user(caller.subject):  # whose role may have ended meanwhile, before this key could be found
            await members.revoke_excess_keys(caller.subject, issued.project)
        return issued

    @router.get("/auth/keys")
    async def list_keys(
        caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
    ) -> Page[KeyView]:
        """List the project's API keys, without their secrets."""
        page = await keys.page(caller, limit, cursor)
        views = [KeyView.model_validate(key.model_dump()) for key in page.items]
        return Page[KeyView](items=views, next_cursor=page.next_cursor)

    @router.delete("/auth/keys/{key_id}", status_code=204)
    async def revoke_key(key_id: str, caller: Caller, keep_created: bool = False) -> None:
        """Revoke an API key, with the browser sessions that were opened and the keys that were created with it.

        `keep_created` keeps those keys; they then belong to the creator of the revoked key.
        """
        for id in await keys.revoke(caller, key_id, keep_created=keep_created):
            await sessions.credentials.revoke_of(id)


def _sessions(router: APIRouter, sessions: Sessions, members: Members, public_url: str) -> None:
    """Add the routes for sign-in links, sessions and websocket tickets."""

    @router.post("/auth/link", status_code=201)
    async def create_link(request: Request, caller: Caller) -> LinkView:
        """Create a one-time link that signs a browser in with the caller's own scopes; it ends with their session."""
        path = await sessions.link(caller, request.cookies.get(COOKIE))
        return LinkView(path=path, expires_in=int(LINK_LIFETIME.total_seconds()))

    @router.get("/auth/sign-in", response_class=HTMLResponse, include_in_schema=False)
    async def sign_in(token: str, request: Request) -> Response:
        """Redeem a sign-in link: set the session cookie and open the app, or say in the browser how to get another."""
        try:
            response, secret = signed_in_page(), await sessions.sign_in(token)
        except LinkSpent as spent:
            if "text/html" in request.headers.get("accept", ""):
                return page("spent_link", spent.status)
            raise
        if former := request.cookies.get(COOKIE):
            await sessions.sign_out(former)
        set_session_cookie(response, secret, secure=is_https(request, public_url))
        return response

    @router.get("/auth/session")
    async def show_session(caller: Caller) -> CallerView:
        """Show the authenticated caller."""
        user = await members.users.get(caller.subject) if is_user(caller.subject) else None
        name = user and (user.email or user.name)
        return CallerView(subject=caller.subject, project=caller.project, scopes=list(caller.scopes), name=name)

    @router.put("/auth/session")
    async def switch_project(body: SessionProject, request: Request, caller: Caller) -> SessionProject:
        """Switch the browser session to another project of its user; a session of the operator, to any."""
        await members.require_project(caller, body.project)
        session = await sessions.switch(request.cookies.get(COOKIE), caller, body.project)
        return SessionProject(project=session.project)

    @router.delete("/auth/session", status_code=204)
    async def sign_out(request: Request, caller: Caller, response: Response) -> None:
        """Sign this browser out."""
        if secret := request.cookies.get(COOKIE):
            await sessions.sign_out(secret)
        response.delete_cookie(COOKIE)

    @router.get("/auth/sessions")
    async def list_sessions(request: Request, caller: Caller) -> Page[SessionView]:
        """List the caller's own browser sessions, in all projects: those of the user, or of the key."""
        current = await sessions.current(caller, request.cookies.get(COOKIE))
        return Page[SessionView](
            items=[
                SessionView.model_validate({**found.model_dump(), "current": found.id == current})
                for found in await sessions.of(caller)
            ]
        )

    @router.delete("/auth/sessions/{session_id}", status_code=204)
    async def end_session(session_id: str, caller: Caller) -> None:
        """End one of the caller's own browser sessions, for example on a lost device."""
        await sessions.end(caller, session_id)

    @router.post("/live/tickets", status_code=201)
    async def create_ticket(request: Request, caller: Caller) -> TicketView:
        """Create a single-use ticket for the websocket /live."""
        ticket = await sessions.ticket(caller, request.cookies.get(COOKIE))
        return TicketView(ticket=ticket, expires_in=int(TICKET_LIFETIME.total_seconds()))
