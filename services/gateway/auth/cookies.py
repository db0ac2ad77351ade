"""The session cookie of browsers, and the page that sets it."""

import html

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from services.gateway.auth.authenticator import COOKIE
from services.gateway.auth.sessions import SESSION_LIFETIME

SIGNED_IN_PAGE = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={0}"><a href="{0}">Signed in</a>'
)
"""A page instead of a redirect: after another site's link, browsers send no SameSite=Strict cookie on a redirect."""


def signed_in_page(path: str = "/") -> HTMLResponse:
    """Return the page that opens `path` of the platform."""
    return HTMLResponse(SIGNED_IN_PAGE.format(html.escape(path)), headers={"Cache-Control": "no-store"})


def is_https(request: Request, public_url: str) -> bool:
    """Whether browsers reach the platform over https, also through a proxy that speaks plain HTTP to it."""
    return public_url.startswith("https:") or request.url.scheme == "https"


def set_session_cookie(response: Response, secret: str, *, secure: bool) -> None:
    """Set the session cookie."""
    lifetime = int(SESSION_LIFETIME.total_seconds())
    response.set_cookie(COOKIE, secret, max_age=lifetime, httponly=True, samesite="strict", secure=secure)
