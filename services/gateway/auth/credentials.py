"""Secrets that are shown once and stored hashed: issue, verify, redeem, revoke.

A secret has 256 random bits. Plain SHA-256 is enough: slow, salted hashes protect against dictionary attacks, and there
is no dictionary of random secrets. The id is derived from the digest's first 80 bits, so verification is one lookup by
primary key.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, TypeVar

from services.gateway.models import Credential
from shared.documents.entities import EntityStore, now
from shared.runtime.errors import NotFound
from shared.runtime.http.principal import Principal, Unauthenticated

C = TypeVar("C", bound=Credential)

CACHE_TTL_S = 5.0
"""How long another gateway replica may accept a revoked secret; within one process revocation is immediate."""
CACHE_SIZE = 4096
REMEDY = "Send `Authorization: Bearer <key>` (the key is in $ANNEAL_HOME/api-key), or sign in with `anneal link`."


def generate_secret() -> str:
    """Generate a secret; its prefix lets secret scanners recognize it."""
    return f"anneal_{secrets.token_urlsafe(32)}"


def digest_of(token: str) -> str:
    """Return the digest that is stored instead of the secret."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Credentials(Generic[C]):
    """Issues and verifies one kind of credential."""

    def __init__(self, store: EntityStore[C], kind: type[C], prefix: str) -> None:
        self.store, self._kind, self._prefix = store, kind, prefix
        self._verified: dict[str, tuple[float, C]] = {}

    async def issue(self, principal: Principal, lifetime: timedelta | None, token: str, **members: Any) -> C:
        """Store the secret `token` for `principal`. An existing one is returned unchanged."""
        digest = digest_of(token)
        credential = self._kind(
            id=self._id(digest),
            project=principal.project,
            digest=digest,
            subject=principal.subject,
            scopes=list(principal.scopes),
            expires_at=now() + lifetime if lifetime else None,
            **members,
        )
        return await self.store.create(credential)

    async def verify(self, token: str) -> C:
        """Return the active credential of this secret. Raises Unauthenticated."""
        digest = digest_of(token)
        return _require_active(_require_digest(await self._cached(self._id(digest)), digest))

    async def verify_subject(self, subject: str, *, fresh: bool = False) -> None:
        """Raise Unauthenticated if `subject` is a credential of this kind that is no longer active."""
        if subject.startswith(f"{self._prefix}_"):
            _require_active(await (self._read(subject) if fresh else self._cached(subject)))

    async def redeem(self, token: str) -> C:
        """Use a one-time secret. Of concurrent attempts, one succeeds and the others raise Unauthenticated."""

        def spend(credential: C) -> None:
            if not credential.active:
                raise Unauthenticated("The link or ticket was already used, or has expired.", remedy=REMEDY)
            credential.revoke()
            credential.deleted_at = now()

        digest = digest_of(token)
        found = _require_digest(await self._read(self._id(digest)), digest)
        try:
            return await self.store.change(found.id, spend)
        except NotFound:
            raise Unauthenticated("The link or ticket was already used, or has expired.", remedy=REMEDY) from None

    async def revoke(self, id: str) -> C:
        """Revoke a credential. Raises NotFound."""
        return await self.change(id, lambda credential: credential.revoke())

    async def change(self, id: str, mutate: Callable[[C], None]) -> C:
        """Change a credential; the next request sees the change. Raises NotFound."""
        changed = await self.store.change(id, mutate)
        self._verified.pop(id, None)
        return changed

    async def revoke_of(self, subject: str) -> None:
        """Revoke all credentials of one subject."""
        for credential in await self.store.find({"subject": subject, "revoked_at": None}):
            await self.revoke(credential.id)

    async def delete_expired(self) -> None:
        """Delete expired credentials."""
        for credential in await self.store.find({"expires_at": {"$lt": now().isoformat()}}, limit=1000):
            await self.store.delete(credential.id)

    def _id(self, digest: str) -> str:
        return f"{self._prefix}_{digest[:20]}"

    async def _cached(self, id: str) -> C:
        until, credential = self._verified.get(id, (0.0, None))
        if credential is None or time.monotonic() > until:
            credential = await self._read(id)
            if len(self._verified) >= CACHE_SIZE:
                self._verified.clear()
            self._verified[id] = (time.monotonic() + CACHE_TTL_S, credential)
        return credential

    async def _read(self, id: str) -> C:
        try:
            return await self.store.get(id)
        except NotFound:
            raise Unauthenticated("The credential is unknown.", remedy=REMEDY) from None


def _require_digest(credential: C, digest: str) -> C:
    """Return the credential if the whole digest matches, and not only the part in its id."""
    if not hmac.compare_digest(credential.digest, digest):
        raise Unauthenticated("The credential is unknown.", remedy=REMEDY)
    return credential


def _require_active(credential: C) -> C:
    if not credential.active:
        raise Unauthenticated("The credential has expired or was revoked.", remedy=REMEDY)
    return credential
