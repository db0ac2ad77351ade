"""API keys: created, shown once, listed and revoked; each is bound to one project."""

from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.auth.credentials import Credentials, digest_of, generate_secret
from services.gateway.models import Key
from shared.documents.entities import Page, Public, now
from shared.runtime.errors import InvalidInput, NotFound
from shared.runtime.http.display_name import DisplayName
from shared.runtime.http.principal import Forbidden, Principal, ProjectName, Unauthenticated
from shared.runtime.http.routes import KeyScope

OPERATOR = ("*",)
REMEDY = "GET /auth/keys lists those of the project."


class NewKey(BaseModel):
    """A request for an API key."""

    model_config = ConfigDict(extra="forbid")

    name: DisplayName = Field(min_length=1, max_length=100, description="a note: where this key is used")
    scopes: list[KeyScope] = Field(
        default=["write"], min_length=1, description="infer < read < write < admin; each includes those before it"
    )
    expires_in_days: float | None = Field(
        default=None, strict=True, gt=0, le=3650, description="null: never, or with the key that creates it"
    )
    project: ProjectName | None = Field(
        default=None,
        description="the project it is bound to; only the operator may choose another than its own",
    )


class KeyView(Public):
    """An API key, without its secret."""

    name: str = Field(description="its owner's note")
    hint: str = Field(description="the last characters of the secret")
    scopes: list[str]
    expires_at: datetime | None = Field(description="null: never")
    revoked_at: datetime | None


class IssuedKey(KeyView):
    """A new API key with its secret, which is shown only once."""

    key: str = Field(description="the secret; it cannot be shown again")


class Keys:
    """The use cases around API keys."""

    def __init__(self, keys: Credentials[Key]) -> None:
        self.credentials = keys

    async def create(self, owner: Principal, request: NewKey) -> IssuedKey:
        """Create a key for the caller's project. Only the operator may choose another project."""
        project = request.project or owner.project
        if project != owner.project and owner.scopes != OPERATOR:
            remedy = "Leave project out, or use the key in $ANNEAL_HOME/api-key."
            raise Forbidden("Only the operator may create keys for other projects.", field="project", remedy=remedy)
        lifetime, token = await self._lifetime(owner, request), generate_secret()
        principal = Principal("", project, tuple(request.scopes))
        key = await self.register(token, request.name, principal, lifetime, created_by=owner.subject)
        try:
            await self.credentials.verify_subject(owner.subject, fresh=True)
        except Unauthenticated:  # its owner was revoked meanwhile, perhaps before this key could be found
            await self.credentials.revoke(key.id)
            raise
        return IssuedKey(key=token, **key.model_dump())

    async def _lifetime(self, owner: Principal, request: NewKey) -> timedelta | None:
        """Return the key's lifetime, which ends no later than that of the key that creates it. Raises InvalidInput."""
        requested = timedelta(days=request.expires_in_days) if request.expires_in_days else None
        if not owner.subject.startswith("key_"):
            return requested
        expires_at = (await self.credentials.store.get(owner.subject)).expires_at
        remaining = expires_at - now() if expires_at else None
        if requested and remaining and requested > remaining:
            detail = f"The key that creates this one expires at {expires_at:%Y-%m-%d %H:%M} UTC."
            remedy = "Leave expires_in_days out, or use a key that is valid for longer."
            limit = remaining / timedelta(days=1)
            raise InvalidInput(detail, field="expires_in_days", limit=limit, remedy=remedy)
        return requested or remaining

    async def register(
        self,
        token: str,
        name: str,
        principal: Principal,
        lifetime: timedelta | None = None,
        created_by: str | None = None,
    ) -> Key:
        """Store a key with a known secret. The key itself is the subject of its requests."""
        subject = f"key_{digest_of(token)[:20]}"
        named = Principal(subject, principal.project, principal.scopes)
        noted = {"name": name, "hint": token[-4:], "created_by": created_by}
        return await self.credentials.issue(named, lifetime, token, **noted)

    async def revoke(self, owner: Principal, id: str, *, keep_created: bool = False) -> list[str]:
        """Revoke a key and the keys that were created with it. Return the ids of all of them.

        With `keep_created`, those that it created belong to its own creator from now on. Raises NotFound.
        """
        key = await self.credentials.store.for_project(owner.project).get(id)
        if tuple(key.scopes) == OPERATOR != owner.scopes:
            raise NotFound(f"There is no API key {id!r} in this project.", field="key_id", remedy=REMEDY)
        revoked = [(await self.credentials.revoke(id)).id]
        if not keep_created:
            return revoked + await self.revoke_created_by(id)
        for created in await self._created_by(id):
            await self.credentials.change(created.id, lambda found: setattr(found, "created_by", key.created_by))
        return revoked

    async def revoke_created_by(self, creator: str, where: Callable[[Key], bool] = lambda key: True) -> list[str]:
        """Revoke the keys that a key or user created, if `where` selects them, and those created with them. Return ids.

        Revoked keys are followed too: a revocation that was interrupted is completed by the next.
        """
        pending, revoked = [key for key in await self._created_by(creator) if where(key)], list[str]()
        while pending:
            key = await self.credentials.revoke(pending.pop().id)
            revoked.append(key.id)
            pending += await self._created_by(key.id)
        return revoked

    async def _created_by(self, creator: str) -> list[Key]:
        return await self.credentials.store.find({"created_by": creator})

    async def page(self, owner: Principal, limit: int, cursor: str | None) -> Page[Key]:
        """Return a page of the project's keys, newest first, with revoked ones. Only the operator sees its own."""
        page = await self.credentials.store.for_project(owner.project).page(limit=limit, cursor=cursor)
        shown = [key for key in page.items if owner.scopes == OPERATOR or tuple(key.scopes) != OPERATOR]
        return Page[Key](items=shown, next_cursor=page.next_cursor)
