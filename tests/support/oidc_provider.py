"""An OpenID Connect provider for tests: discovery, authorization code with PKCE, ES256 ID tokens, key rotation.

`python -m tests.support.oidc_provider PORT` serves it for the browser tests, with a page that asks who signs in.
"""

import base64
import hashlib
import html
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import unquote, urlencode

import uvicorn
from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from joserfc import jwk, jwt

CLIENT_ID, CLIENT_SECRET = "anneal", "client:secret/with%signs"
Claims = dict[str, Any]


def sign(key: jwk.ECKey, claims: Claims) -> str:
    """Sign an ID token as a provider does."""
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)


@dataclass
class OidcProvider:
    """The provider and its one user. Tests change `user`, `claims` and `sign` to let it err."""

    issuer: str = ""
    user: Claims = field(
        default_factory=lambda: {
            "sub": "alice-1",
            "email": "alice@example.org",
            "email_verified": True,
            "name": "Alice",
            "groups": ["ml-team"],
        }
    )
    claims: Claims = field(default_factory=dict)
    sign: Callable[[jwk.ECKey, Claims], str] = sign
    key: jwk.ECKey = field(default_factory=lambda: jwk.ECKey.generate_key("P-256", auto_kid=True))
    asks: bool = False
    requests: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate(self) -> None:
        """Sign with a new key from now on, and no longer publish the former one."""
        self.key = jwk.ECKey.generate_key("P-256", auto_kid=True)

    def id_token(self, nonce: str) -> str:
        """Return the signed ID token of the user."""
        now = int(time.time())
        own = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        return self.sign(self.key, {**own, **self.user, **self.claims})

    def app(self) -> FastAPI:
        """Return the provider's routes."""
        app = FastAPI()

        @app.middleware("http")
        async def record(request: Request, call_next: Any) -> Response:
            self.requests.append(request.url.path)
            response: Response = await call_next(request)
            return response

        @app.get("/.well-known/openid-configuration")
        async def describe() -> dict[str, Any]:
            names = ("authorization", "token")
            endpoints = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in names}
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **endpoints}

        @app.get("/keys")
        async def keys() -> dict[str, Any]:
            unknown = {"kty": "EC", "crv": "P-000", "x": "", "y": "", "kid": "of a future kind"}
            return {"keys": [unknown, self.key.as_dict(private=False)]}

        @app.get("/authorization")
        async def authorize(request: Request, approved: bool = False) -> Response:
            query = dict(request.query_params)
            expected = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
            assert expected.items() <= query.items()
            assert "openid" in query["scope"].split()
            if self.asks and not approved:
                link = html.escape(f"?{urlencode({**query, 'approved': 'true'})}")
                return HTMLResponse(f'<!doctype html><a href="{link}">Continue as {self.user["name"]}</a>')
            code = secrets.token_urlsafe(16)
            self._codes[code] = query
            answer = {"code": code, "state": query["state"], "iss": self.issuer}
            return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", 303)

        @app.post("/token")
        async def token(
            request: Request,
            code: Annotated[str, Form()],
            code_verifier: Annotated[str, Form()],
            redirect_uri: Annotated[str, Form()],
        ) -> JSONResponse:
            _, _, encoded = request.headers.get("authorization", "").partition(" ")
            client = tuple(unquote(part) for part in base64.b64decode(encoded).decode().split(":"))
            started = self._codes.pop(code, None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
            if client != (CLIENT_ID, CLIENT_SECRET):
                return JSONResponse({"error": "invalid_client"}, 401)
            if not started or (started["code_challenge"], started["redirect_uri"]) != (challenge, redirect_uri):
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse({"id_token": self.id_token(started["nonce"]), "token_type": "Bearer"})

        return app


if __name__ == "__main__":
    port = int(sys.argv[1])
    provider = OidcProvider(f"http://127.0.0.1:{port}", asks=True)
    uvicorn.run(provider.app(), host="127.0.0.1", port=port, log_level="warning")
