"""Secrets that are shown once and stored hashed: issue, check, redeem, revoke.

A secret is 256 random bits, so plain SHA-256 is enough: there is no dictionary to run against it, which is what slow,
salted hashes are for. An id is made of the digest's first 80 bits, so a check is one lookup by primary key.
"""

import hashlib
import hmac
import secrets
import time
from datetime import timedelta
from typing import Any, Generic, TypeVar

from services.gateway.models import Credential
from shared.documents.entities import EntityStore, now
from shared.runtime.errors import NotFound
from shared.runtime.http.principal import Principal, Unauthenticated

C = TypeVar("C", bound=Credential)

CACHE_SECONDS = 5.0
"""How long another gateway replica may still accept what this one revoked; in one process revocation is immediate."""
CACHE_SIZE = 4096
REMEDY = "Send `Authorization: Bearer <key>` (the key is in $ANNEAL_HOME/api-key), or open a link of `anneal link`."


def mint() -> str:
    """A new secret, recognisable to secret scanners by its prefix."""
    return f"anneal_{secrets.token_urlsafe(32)}"


def digest_of(token: str) -> str:
    """What is stored instead of the secret."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Credentials(Generic[C]):
    """One kind of credential over its store."""

    def __init__(self, store: EntityStore[C], kind: type[C], prefix: str) -> None:
        self.store, self._kind, self._prefix = store, kind, prefix
        self._checked: dict[str, tuple[float, C]] = {}

    async def issue(self, principal: Principal, lifetime: timedelta | None, token: str, **members: Any) -> C:
        """Register the secret `token` for `principal`; one that exists already is returned as it is."""
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

    async def check(self, token: str) -> C:
        """The living credential of this secret; raises Unauthenticated."""
        digest = digest_of(token)
        return _living(_proven(await self._known(self._id(digest)), digest))

    async def check_subject(self, subject: str) -> None:
        """What was opened with one of these ends with it: raises Unauthenticated when `subject` is one and is over."""
        if subject.startswith(f"{self._prefix}_"):
            _living(await self._known(subject))

    async def redeem(self, token: str) -> C:
        """Use a one-time secret up: of two that try, one raises Unauthenticated."""

        def spend(credential: C) -> None:
            if not credential.alive:
                raise Unauthenticated("It was used already, or has expired.", remedy=REMEDY)
            credential.revoke()
            credential.deleted_at = now()

        digest = digest_of(token)
        found = _proven(await self._read(self._id(digest)), digest)
        try:
            return await self.store.change(found.id, spend)
        except NotFound:
            raise Unauthenticated("It was used already, or has expired.", remedy=REMEDY) from None

    async def revoke(self, id: str, project: str) -> C:
        """End a credential now; raises NotFound."""
        revoked = await self.store.for_project(project).change(id, lambda credential: credential.revoke())
        self._checked.pop(revoked.id, None)
        return revoked

    async def revoke_of(self, subject: str, project: str) -> None:
        """End all that stand for one subject."""
        for credential in await self.store.for_project(project).find({"subject": subject, "revoked_at": None}):
            await self.revoke(credential.id, project)

    async def sweep(self) -> None:
        """Bury what has expired."""
        for credential in await self.store.find({"expires_at": {"$lt": now().isoformat()}}, limit=1000):
            await self.store.delete(credential.id)

    def _id(self, digest: str) -> str:
        return f"{self._prefix}_{digest[:20]}"

    async def _known(self, id: str) -> C:
        until, known = self._checked.get(id, (0.0, None))
        if known is None or time.monotonic() > until:
            known = await self._read(id)
            if len(self._checked) >= CACHE_SIZE:
                self._checked.clear()
            self._checked[id] = (time.monotonic() + CACHE_SECONDS, known)
        return known

    async def _read(self, id: str) -> C:
        try:
            return await self.store.get(id)
        except NotFound:
            raise Unauthenticated("This credential is not one of ours.", remedy=REMEDY) from None


def _proven(credential: C, digest: str) -> C:
    """The credential, if the whole digest is its own and not only the part that is in its id."""
    if not hmac.compare_digest(credential.digest, digest):
        raise Unauthenticated("This credential is not one of ours.", remedy=REMEDY)
    return credential


def _living(credential: C) -> C:
    if not credential.alive:
        raise Unauthenticated("This credential has expired or was revoked.", remedy=REMEDY)
    return credential
