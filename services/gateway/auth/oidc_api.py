"""HTTP: sign-in at the identity provider, below `/auth/oidc`."""

import base64
import html
import secrets
from secrets import compare_digest
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field, ValidationError

from services.gateway.auth.authenticator import COOKIE
from services.gateway.auth.cookies import is_https, set_session_cookie, signed_in_page
from services.gateway.auth.members import SCOPES, Members
from services.gateway.auth.oidc import AGAIN, OpenIdProvider
from services.gateway.auth.sessions import Sessions
from services.gateway.errors import SignInFailed
from shared.runtime.errors import AnnealError, InvalidInput, NotFound, in_sentences
from shared.runtime.http.principal import Principal

ATTEMPT_COOKIE = "anneal_oidc"
ATTEMPT_LIFETIME_S = 600
PATH = "/auth/oidc"
FAILED_PAGE = (
    '<!doctype html><meta charset="utf-8"><title>Sign-in failed</title><h1>Sign-in failed</h1><p>{}</p>'
    f'<p><a href="{PATH}/sign-in">Sign in again</a> · <a href="/ui/">Open the app</a></p>'
)


class SignInMethods(BaseModel):
    """How users sign in."""

    oidc: bool = Field(description="whether an identity provider is configured: open /auth/oidc/sign-in")


class Attempt(BaseModel):
    """A sign-in that has begun. The browser keeps it in a cookie, so that only that browser can complete it."""

    state: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = Field(default_factory=lambda: secrets.token_urlsafe(48))
    next: str = Field(default="/ui/", pattern=r"^/ui(/[\w\-./]*)?(\?[\w\-./=&%]*)?$")

    def dump(self) -> str:
        """Return the value of the cookie."""
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode()

    @classmethod
    def load(cls, cookie: str) -> "Attempt":
        """Return the attempt in a cookie. Raises SignInFailed."""
        try:
            return cls.model_validate_json(base64.urlsafe_b64decode(cookie))
        except (ValidationError, ValueError) as error:
            detail = "This browser has not started this sign-in, or did so more than ten minutes ago."
            raise SignInFailed(detail, remedy=AGAIN) from error


def routes(provider: OpenIdProvider | None, members: Members, sessions: Sessions, public_url: str) -> APIRouter:
    """Return the routes; without a provider, they say that there is none."""
    router = APIRouter(tags=["System"], prefix=PATH)

    @router.get("")
    async def show_sign_in_methods() -> SignInMethods:
        """Show how users sign in."""
        return SignInMethods(oidc=provider is not None)

    @router.get("/sign-in", include_in_schema=False)
    async def start_sign_in(request: Request, next: Annotated[str, Query(max_length=500)] = "/ui/") -> Response:
        """Send the browser to the identity provider. `next` is the page of the app to return to."""
        found, attempt = _require(provider), _attempt(next)
        url = await found.authorization_url(
            _callback(request), state=attempt.state, nonce=attempt.nonce, verifier=attempt.verifier
        )
        response = RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})
        # Lax: the provider's redirect comes from another site.
        response.set_cookie(
            ATTEMPT_COOKIE,
            attempt.dump(),
            max_age=ATTEMPT_LIFETIME_S,
            path=PATH,
            httponly=True,
            samesite="lax",
            secure=is_https(request, public_url),
        )
        return response

    @router.get("/callback", include_in_schema=False)
    async def complete_sign_in(
        request: Request, state: str = "", code: str = "", error: str = "", iss: str | None = None
    ) -> Response:
        """Verify who comes back from the identity provider: set the session cookie and open the app."""
        found = _require(provider)
        try:
            attempt = Attempt.load(request.cookies.get(ATTEMPT_COOKIE, ""))
            if not compare_digest(state.encode(), attempt.state.encode()):
                raise SignInFailed("This is the answer to another sign-in (state).", remedy=AGAIN)
            if iss not in (None, found.issuer):  # RFC 9207
                raise SignInFailed("Another identity provider has answered (iss).", remedy=AGAIN)
            if error or not code:
                raise SignInFailed(f"The identity provider answered: {error or 'no code'}.", remedy=AGAIN)
            identity = await found.identify(code, _callback(request), nonce=attempt.nonce, verifier=attempt.verifier)
            user = await members.sign_in(identity, found.roles(identity.groups))
            secret = await _open_session(user.id)
        except AnnealError as failure:
            text = html.escape(in_sentences(failure.detail, failure.remedy))
            page = HTMLResponse(FAILED_PAGE.format(text), failure.status, headers={"Cache-Control": "no-store"})
            page.delete_cookie(ATTEMPT_COOKIE, path=PATH)
            return page
        if former := request.cookies.get(COOKIE):
            await sessions.sign_out(former)
        response = signed_in_page(attempt.next)
        response.delete_cookie(ATTEMPT_COOKIE, path=PATH)
        set_session_cookie(response, secret, secure=is_https(request, public_url))
        return response

    async def _open_session(user_id: str) -> str:
        """Open a session in the project of the user's latest one, or else the first. Raises SignInFailed."""
        roles = {project.id: role for project, role in await members.projects(Principal(user_id)) if role}
        if not roles:
            detail = f"You are signed in as {user_id}, but are not a member of any project."
            remedy = "Ask an administrator for a role: by your groups, or with `anneal projects set-member`."
            raise SignInFailed(detail, remedy=remedy)
        latest = await sessions.latest_project(user_id)
        project = latest if latest in roles else min(roles)
        return await sessions.open(Principal(user_id, project, (SCOPES[roles[project]],)))

    def _callback(request: Request) -> str:
        return f"{public_url or str(request.base_url)}".rstrip("/") + f"{PATH}/callback"

    return router


def _attempt(next: str) -> Attempt:
    try:
        return Attempt(next=next)
    except ValidationError as error:
        remedy = "Give the path of a page of the app, such as /ui/jobs, or leave it out."
        raise InvalidInput("`next` is not a page of the app.", field="next", remedy=remedy) from error


def _require(provider: OpenIdProvider | None) -> OpenIdProvider:
    if provider is None:
        remedy = "Sign in with a link (`anneal link`), or set ANNEAL_OIDC_ISSUER."
        raise NotFound("No identity provider is configured.", remedy=remedy)
    return provider
