"""OpenID Connect: sends a browser to the identity provider, and verifies who comes back.

Authorization code with PKCE (RFC 7636), state and nonce; discovery and keys are fetched from the provider.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import structlog
from joserfc import jwk, jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from services.gateway.errors import SignInFailed
from services.gateway.models import ROLES, Role
from shared.runtime.errors import Misconfigured, Unavailable
from shared.runtime.http.display_name import visible
from shared.runtime.settings import Settings, is_loopback

log = structlog.get_logger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric only: with HS256 the public key, or no key, would be the secret."""
LEEWAY_S = 60
"""Tolerated difference of clocks."""
METADATA_TTL_S = 300.0
"""How long the provider's description and keys are kept; a token with an unknown key id fetches them at once."""
TIMEOUT_S = 10.0
AGAIN = "Start the sign-in again."


@dataclass(frozen=True)
class Identity:
    """A user, as the identity provider describes one."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Metadata:
    """What the provider publishes: its description, and its keys."""

    endpoints: Mapping[str, Any]
    keys: jwk.KeySet
    fetched_at: float


class OpenIdProvider:
    """The configured identity provider."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self.issuer, self._client_id, self._scopes = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_scopes
        self._secret, self._groups_claim = settings.oidc_client_secret.get_secret_value(), settings.oidc_groups_claim
        self.roles_by_group, self._client = settings.oidc_roles, client
        self._metadata: Metadata | None = None
        self._fetching = asyncio.Lock()

    def roles(self, groups: tuple[str, ...]) -> dict[str, Role]:
        """Return the highest role by project that the groups give."""
        found: dict[str, Role] = {}
        for group in groups:
            for project, role in self.roles_by_group.get(group, {}).items():
                found[project] = max(role, found.get(project, role), key=ROLES.index)
        return found

    async def authorization_url(self, redirect_uri: str, *, state: str, nonce: str, verifier: str) -> str:
        """Return the address at the provider that starts a sign-in. Raises Unavailable."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": self._scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = _endpoint((await self._published()).endpoints, "authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    async def identify(self, code: str, redirect_uri: str, *, nonce: str, verifier: str) -> Identity:
        """Exchange a code for an ID token and return whom it identifies. Raises SignInFailed and Unavailable."""
        metadata = await self._published()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": verifier, "client_id": self._client_id}
        basic = None
        if self._secret and "client_secret_basic" in metadata.endpoints.get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        ):
            basic = httpx.BasicAuth(quote(self._client_id, safe=""), quote(self._secret, safe=""))  # RFC 6749, 2.3.1
        elif self._secret:
            form["client_secret"] = self._secret
        answer = await self._json("POST", _endpoint(metadata.endpoints, "token_endpoint"), data=form, auth=basic)
        return self._identity(await self._claims(str(answer.get("id_token", "")), nonce))

    async def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """Verify an ID token (OpenID Connect Core 1.0, section 3.1.3.7). Raises SignInFailed."""
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            claims = (await self._decode(token)).claims
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            log.warning("id_token_refused", error=type(error).__name__, detail=str(error))
            raise SignInFailed(f"The identity provider's token is not valid: {error}", remedy=AGAIN) from error
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if claims.get("azp", self._client_id if len(audiences) == 1 else None) != self._client_id:
            raise SignInFailed("The identity provider's token is for another client (azp).", remedy=AGAIN)
        return claims

    async def _decode(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, (await self._published()).keys, ALGORITHMS)
        except InvalidKeyIdError:  # the provider has rotated its keys
            return jwt.decode(token, (await self._published(fresh=True)).keys, ALGORITHMS)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        groups = claims.get(self._groups_claim)
        if self.roles_by_group and not isinstance(groups, list | str):
            log.warning("oidc_groups_missing", claim=self._groups_claim, subject=claims["sub"])
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        return Identity(
            issuer=self.issuer,
            subject=claims["sub"],
            email=_text(claims.get("email")),
            email_verified=claims.get("email_verified") is True,
            name=_text(claims.get("name")) or _text(claims.get("preferred_username")),
            groups=tuple(group for group in listed if isinstance(group, str)),
        )

    async def _published(self, *, fresh: bool = False) -> Metadata:
        asked_at = time.monotonic()
        async with self._fetching:
            known = self._metadata
            if known and known.fetched_at > (asked_at if fresh else asked_at - METADATA_TTL_S):
                return known
            found = await self._json("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                detail = f"The provider calls itself {found.get('issuer')!r}, not {self.issuer!r}."
                raise SignInFailed(detail, remedy="Set ANNEAL_OIDC_ISSUER to the exact name of the provider.")
            published = (await self._json("GET", _endpoint(found, "jwks_uri"))).get("keys", [])
            self._metadata = Metadata(found, _signing_keys(published), time.monotonic())
            return self._metadata

    async def _json(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """Return the provider's JSON answer. Raises SignInFailed for a refusal, Unavailable for anything else."""
        try:
            response = await self._client.request(method, url, timeout=TIMEOUT_S, follow_redirects=False, **options)
            body = response.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("oidc_provider_failed", url=url, error=f"{type(error).__name__}: {error}")
            raise Unavailable("The identity provider does not answer.", remedy="Try again in a moment.") from error
        if not isinstance(body, dict) or response.status_code != httpx.codes.OK:
            log.warning("oidc_provider_refused", url=url, status=response.status_code, body=str(body)[:500])
            if response.is_server_error:
                raise Unavailable("The identity provider reports an error.", remedy="Try again in a moment.")
            raise SignInFailed("The identity provider refused the sign-in; the log has its reason.", remedy=AGAIN)
        return body


def require_consistent(settings: Settings) -> None:
    """Raise Misconfigured for OIDC settings that lack others or send secrets unencrypted."""
    if not settings.oidc_issuer:
        if settings.oidc_client_id or settings.oidc_roles:
            detail = "ANNEAL_OIDC_CLIENT_ID or ANNEAL_OIDC_ROLES is set, but ANNEAL_OIDC_ISSUER is not."
            raise Misconfigured(detail, field="oidc_issuer", remedy="Set ANNEAL_OIDC_ISSUER, or unset the others.")
        return
    if not _is_secure(settings.oidc_issuer):
        remedy = "Give its https:// address."
        raise Misconfigured("ANNEAL_OIDC_ISSUER is not an https:// address.", field="oidc_issuer", remedy=remedy)
    if not settings.oidc_client_id:
        remedy = "Register the platform at the provider and set its client id."
        raise Misconfigured("ANNEAL_OIDC_CLIENT_ID is not set.", field="oidc_client_id", remedy=remedy)
    if not settings.public_url and not settings.loopback:
        detail = "ANNEAL_PUBLIC_URL is not set: the provider needs the address that it sends browsers back to."
        raise Misconfigured(detail, field="public_url", remedy="Set it to the platform's https:// address.")


def _is_secure(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _endpoint(description: Mapping[str, Any], name: str) -> str:
    url = str(description.get(name, ""))
    if not _is_secure(url):
        detail = f"The provider's {name} is not an https:// address."
        raise SignInFailed(detail, remedy="Check the provider's description, and ANNEAL_OIDC_ISSUER.")
    return url


def _signing_keys(published: Any) -> jwk.KeySet:
    """Return the keys for signatures. Those of a kind that joserfc does not know are left out: tokens name theirs."""
    keys = []
    for each in published if isinstance(published, list) else []:
        if isinstance(each, dict) and each.get("kty") != "oct" and each.get("use", "sig") == "sig":
            with suppress(JoseError, ValueError, KeyError, TypeError):
                keys.append(jwk.import_key(each))
    return jwk.KeySet(keys)


def _text(value: Any) -> str | None:
    """Return a claim that people read, without hidden characters, or None."""
    return visible(value)[:200] or None if isinstance(value, str) else None
