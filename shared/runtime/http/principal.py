"""The caller: a short-lived signed principal that the gateway sends and every service verifies."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field

from shared.runtime.errors import AnnealError

HEADER = "x-anneal-principal"
ADMIN_SCOPES = frozenset(("*", "admin"))
LIFETIME = 60.0
"""Lifetime of a signature in seconds: for one request, not a session."""


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
    def admin(self) -> bool:
        """Whether the caller may use what is outside of its project."""
        return not ADMIN_SCOPES.isdisjoint(self.scopes)


@dataclass(frozen=True)
class Signer:
    """Signs and verifies principals with HMAC-SHA256 over one shared secret."""

    secret: str

    def _mac(self, payload: bytes) -> str:
        return hmac.new(self.secret.encode(), payload, hashlib.sha256).hexdigest()

    def sign(self, principal: Principal) -> str:
        """`<base64 payload>.<hex mac>`, valid for LIFETIME seconds."""
        claims = json.dumps({**asdict(principal), "expires": time.time() + LIFETIME}).encode()
        payload = base64.urlsafe_b64encode(claims)
        return f"{payload.decode()}.{self._mac(payload)}"

    def verify(self, token: str) -> Principal:
        """Return the principal. Raises Unauthenticated when it is forged or expired."""
        payload, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(payload.encode()).encode()):
            raise Unauthenticated("The request carries no valid principal.", remedy="Use the gateway.")
        claims = json.loads(base64.urlsafe_b64decode(payload))
        if claims.pop("expires") < time.time():
            raise Unauthenticated("The principal has expired.", remedy="Send the request again.")
        return Principal(claims["subject"], claims["project"], tuple(claims["scopes"]))


def current_principal(request: Request) -> Principal:
    """FastAPI dependency: the verified caller of this request."""
    signer: Signer = request.app.state.signer
    return signer.verify(request.headers.get(HEADER, ""))


Caller = Annotated[Principal, Depends(current_principal)]
"""`async def route(caller: Caller)` receives the caller; stores come from `for_project(caller.project)`."""
