"""Records requests: what changes state before it is served and again before its answer, sign-ins, refusals."""

import json
from http.cookies import SimpleCookie
from typing import Any

from starlette.datastructures import Headers
from starlette.routing import compile_path
from starlette.types import Message, Scope, Send

from services.gateway.audit.trail import AuditLog, Request
from services.gateway.audit_lines import AuditLine, kind_of
from services.gateway.auth.authenticator import COOKIE, Authenticated
from services.gateway.auth.credentials import Credentials
from services.gateway.models import Session
from shared.runtime.http.principal import SAFE_METHODS
from shared.runtime.http.routes import Route
from shared.runtime.http.secrets import KIND_HEADER

REFUSED = frozenset({401, 403, 421, 429})
BODY_LIMIT = 64 * 1024
"""Bytes of a JSON answer that is searched for the id of what was created."""


class Recorder:
    """Wraps the `send` of each request."""

    def __init__(self, log: AuditLog, sessions: Credentials[Session]) -> None:
        self._log, self._sessions = log, sessions

    async def start(self, scope: Scope, send: Send) -> "Answer":
        """Record that the request is made, if it changes state. Raises Unavailable where that cannot be recorded."""
        request, line = request_of(scope), None
        route: Route = scope["anneal.route"]
        if caller := scope.get("anneal.caller"):
            await self._log.note_use(request)
        if scope["type"] == "websocket":
            await self._log.finish(request.line(status=101))
        elif caller and route.changes and route.method not in SAFE_METHODS:
            line = request.line()
            line.resource_id = _parameter(route.pattern, scope["path"])
            line.resource = kind_of(line.resource_id) or route.pattern.split("/")[1]
            await self._log.begin(line)
            scope["anneal.audited"] = True
        return Answer(self, request, line, send)

    async def finish(self, line: AuditLine, start: Message, body: bytes) -> None:
        """Complete the line of a request with its answer."""
        line.status = start["status"]
        if (created := _created(start, body)) and created != line.resource_id:
            line.detail = f"of {line.resource_id}" if line.resource_id else None
            line.resource, line.resource_id = kind_of(created) or line.resource, created
        if secret := Headers(raw=start["headers"]).get(KIND_HEADER):
            line.detail = f"with a secret: {secret}"
        await self._log.finish(line)

    async def note_get(self, request: Request, start: Message) -> None:
        """Record a GET that signs in, or that starts work."""
        headers = Headers(raw=start["headers"])
        if secret := _session_cookie(headers):
            session = await self._sessions.verify(secret)
            signed_in = Request(request.action, session.project, session.subject, session.id, request.address)
            await self._log.finish(signed_in.line(status=start["status"], detail="signed in"))
        elif start["status"] == 202 and headers.get("location"):
            line = request.line(status=202)
            line.resource_id = headers["location"].rpartition("/")[2]
            line.resource = kind_of(line.resource_id)
            await self._log.finish(line)

    def abandon(self, line: AuditLine) -> None:
        """The client left before the answer, or the service failed."""
        line.detail = "ended without an answer of the service"
        self._log.finish_later(line)


class Answer:
    """`send` of one request. The answer to a state change is held until its line is durable."""

    def __init__(self, recorder: Recorder, request: Request, line: AuditLine | None, send: Send) -> None:
        self._recorder, self._request = recorder, request
        self._line, self._send = line, send
        self._held: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Send a message of the answer."""
        if message["type"] == "http.response.start":
            if self._line:
                self._held = message
                return
            await self._recorder.note_get(self._request, message)
        elif self._held and self._line:
            held, line, self._held, self._line = self._held, self._line, None, None
            await self._recorder.finish(line, held, message.get("body", b""))
            await self._send(held)
        await self._send(message)

    def close(self) -> None:
        """The request has ended."""
        if self._line:
            self._recorder.abandon(self._line)


def request_of(scope: Scope) -> Request:
    """Who sends the request, as far as it is known, and from where."""
    caller: Authenticated | None = scope.get("anneal.caller")
    route: Route | None = scope.get("anneal.route")
    address = scope["client"][0] if scope.get("client") else None
    action = f"{route.method} {route.pattern}" if route else "an unknown path"
    if caller is None:
        return Request(action, address=address)
    credential = caller.credential_ids[-1] if caller.credential_ids else None
    return Request(action, caller.principal.project, caller.principal.subject, credential, address)


def _parameter(pattern: str, path: str) -> str | None:
    """The last parameter of the path: the id of the resource."""
    match = compile_path(pattern)[0].fullmatch(path)
    return match[match.lastindex][:200] if match and match.lastindex else None


def _created(start: Message, body: bytes) -> str | None:
    """The id in the JSON answer of a successful request."""
    if not 200 <= start["status"] < 300 or not body.startswith(b"{") or len(body) > BODY_LIMIT:
        return None
    try:
        answer: dict[str, Any] = json.loads(body)
    except ValueError:
        return None
    id = answer.get("id")
    return id[:200] if isinstance(id, str) else None


def _session_cookie(headers: Headers) -> str | None:
    """The secret of the session that an answer opens."""
    for header in headers.getlist("set-cookie"):
        if header.startswith(f"{COOKIE}=") and (value := SimpleCookie(header)[COOKIE].value):
            return value
    return None
