"""The caller: a short-lived principal that the gateway signs for one request to one service, which verifies it.

The signature is an HMAC under a key that only the gateway and the addressed service derive. Calls of one service to
another have a key of their own, which opens the routes of keyring.CALLS alone. The signature covers method, path,
query and body; the body of a streamed upload is too long to be hashed before it is forwarded and is not covered. A
principal for a request that writes is accepted once in each process. One that reads may arrive again while it is
valid: the gateway repeats a read whose connection broke.
"""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Depends
from pydantic import Field
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope

from shared.runtime.errors import AnnealError
from shared.runtime.keyring import CALLS, Keyring

HEADER = "x-anneal-principal"
IN_SCOPE = "anneal.principal"
ADMIN_SCOPES = frozenset(("*", "admin"))
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LIFETIME = 60.0
"""Lifetime of a signature in seconds: for one request, not a session."""
BOUND_BODY_BYTES = 1 << 20
"""A longer body, or one of unknown length, is streamed and not bound."""
PURPOSE = "principals"
GATEWAY_REMEDY = "Send the request to the gateway."


class Unauthenticated(AnnealError):
    """The request has no valid key, cookie or principal."""

    status = 401
    code = "unauthenticated"
    headers = {"WWW-Authenticate": "Bearer"}


class Forbidden(AnnealError):
    """The caller is not permitted to do this."""

    status = 403
    code = "forbidden"


ProjectName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")]


@dataclass(frozen=True)
class Principal:
    """A caller: its name, its project, and its permitted scopes."""

    subject: str
    project: str = "default"
    scopes: tuple[str, ...] = ()

    @property
    def operator(self) -> bool:
        """Whether the caller runs the server, and may name and see its folders."""
        return "*" in self.scopes

    @property
    def admin(self) -> bool:
        """Whether the caller may use what is outside of its project."""
        return not ADMIN_SCOPES.isdisjoint(self.scopes)


@dataclass(frozen=True)
class Bound:
    """The request that a principal is for; `query` as sent."""

    method: str
    path: str
    query: bytes

    @staticmethod
    def of(scope: Scope) -> "Bound":
        """That of an ASGI scope; a websocket opens as a GET."""
        return Bound(scope.get("method", "GET"), scope["path"], scope.get("query_string", b""))

    def encode(self) -> bytes:
        """Equal for all spellings of one address: a proxy may escape characters that the client did not."""
        return json.dumps([self.method, self.path, unquote_to_bytes(self.query).decode("latin-1")]).encode()


class Signer:
    """Signs the principals of requests to services: the gateway's part, or that of a service which calls others."""

    def __init__(self, keyring: Keyring, caller: str = "gateway") -> None:
        self._keyring, self._caller = keyring, caller
        self._keys: dict[str, bytes] = {}

    def sign(self, principal: Principal, service: str, request: Bound, body: bytes | None = b"") -> str:
        """`<base64 claims>.<hex mac>`, valid for LIFETIME seconds; `body` is None where it is not bound."""
        claims = {
            **asdict(principal),
            "expires": time.time() + LIFETIME,
            "nonce": secrets.token_hex(12),
            "body": None if body is None else hashlib.sha256(body).hexdigest(),
        }
        payload = urlsafe_b64encode(json.dumps(claims).encode())
        if service not in self._keys:
            own = self._caller == "gateway"
            keys = self._keyring.keys(service, PURPOSE) if own else self._keyring.call_keys(self._caller, service)
            self._keys[service] = keys[0]
        return f"{payload.decode()}.{_mac(self._keys[service], payload, request)}"


class Verifier:
    """Verifies the principals of requests to one service."""

    def __init__(self, keyring: Keyring, service: str) -> None:
        self._keys: list[tuple[bytes, frozenset[tuple[str, str]] | None]] = [
            (key, None) for key in keyring.keys(service, PURPOSE)
        ]
        """Each key with the routes that it opens; None: all."""
        for (caller, called), routes in CALLS.items():
            if called == service:
                self._keys += [(key, routes) for key in keyring.call_keys(caller, service)]
        self._used: dict[str, float] = {}

    def verify(self, token: str, request: Bound) -> tuple[Principal, str | None]:
        """Return the principal and its body's SHA-256, None if not bound. Raises Unauthenticated."""
        payload, _, mac = token.partition(".")
        given, encoded = mac.encode(), payload.encode()
        signed = [
            routes for key, routes in self._keys if hmac.compare_digest(given, _mac(key, encoded, request).encode())
        ]
        if not signed or (signed[0] is not None and (request.method, request.path) not in signed[0]):
            raise Unauthenticated("The request carries no principal for this service.", remedy=GATEWAY_REMEDY)
        claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload))
        expires, nonce, body = claims.pop("expires"), claims.pop("nonce"), claims.pop("body")
        if expires < (now := time.time()):
            raise Unauthenticated("The principal has expired.", remedy="Send the request again.")
        if request.method not in SAFE_METHODS:
            self._use(nonce, expires, now)
        return Principal(**{**claims, "scopes": tuple(claims["scopes"])}), body

    def _use(self, nonce: str, expires: float, now: float) -> None:
        while self._used and next(iter(self._used.values())) < now:  # oldest first
            del self._used[next(iter(self._used))]
        if nonce in self._used:
            raise Unauthenticated("The principal was used before.", remedy=GATEWAY_REMEDY)
        self._used[nonce] = expires


def _mac(key: bytes, payload: bytes, request: Bound) -> str:
    return hmac.digest(key, payload + b"." + request.encode(), "sha256").hex()


async def read_body(scope: Scope, receive: Receive) -> tuple[bytes | None, Receive]:
    """The request's body, None if it is not to be bound; and what receives it again."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length")
    if b"transfer-encoding" in headers or (length is not None and int(length) > BOUND_BODY_BYTES):
        return None, receive
    if not length or scope["type"] == "websocket":
        return b"", receive
    messages: list[Message] = []
    while not messages or messages[-1].get("more_body"):
        messages.append(await receive())
    unread = iter(messages)

    async def again() -> Message:
        message = next(unread, None)
        return await receive() if message is None else message

    disconnected = messages[-1]["type"] == "http.disconnect"
    return None if disconnected else b"".join(message.get("body", b"") for message in messages), again


async def current_principal(connection: HTTPConnection) -> Principal:
    """FastAPI dependency: the verified caller of this request. Without `async` it would take a thread per request."""
    principal: Principal = connection.scope[IN_SCOPE]
    return principal


Caller = Annotated[Principal, Depends(current_principal)]
"""`async def route(caller: Caller)` receives the caller; stores come from `for_project(caller.project)`."""
