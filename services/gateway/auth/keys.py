"""API keys: made, shown once, listed, revoked; bound to one project."""

from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from services.gateway.auth.credentials import Credentials, digest_of, mint
from services.gateway.models import Key
from services.gateway.routes import Scope
from shared.documents.entities import Page, Public
from shared.runtime.http.principal import Forbidden, Principal

OPERATOR = ("*",)


class NewKey(BaseModel):
    """What a key is asked for with."""

    name: str = Field(min_length=1, max_length=100, description="your note: where this key is used")
    scopes: list[Scope] = Field(
        default=["write"], min_length=1, description="infer < read < write < admin; each holds those before it"
    )
    expires_in_days: float | None = Field(default=None, gt=0, le=3650, description="null: never")
    project: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,38}$",
        description="the project it is bound to; yours unless you are the operator",
    )


class KeyView(Public):
    """An API key, without its secret."""

    name: str = Field(description="its owner's note")
    hint: str = Field(description="the last characters of the secret")
    scopes: list[str]
    expires_at: datetime | None = Field(description="null: never")
    revoked_at: datetime | None


class IssuedKey(KeyView):
    """A new API key with its secret, which is shown this once."""

    key: str = Field(description="the secret; it cannot be shown again")


class Keys:
    """The use cases around API keys."""

    def __init__(self, keys: Credentials[Key]) -> None:
        self.credentials = keys

    async def create(self, owner: Principal, wish: NewKey) -> IssuedKey:
        """Make a key for the caller's project; only the operator may name another one."""
        project = wish.project or owner.project
        if project != owner.project and owner.scopes != OPERATOR:
            remedy = "Leave project out, or use the key of $ANNEAL_HOME/api-key."
            raise Forbidden("Only the operator makes keys for other projects.", field="project", remedy=remedy)
        lifetime = timedelta(days=wish.expires_in_days) if wish.expires_in_days else None
        token = mint()
        key = await self.register(token, wish.name, Principal("", project, tuple(wish.scopes)), lifetime)
        return IssuedKey(key=token, **key.model_dump())

    async def register(self, token: str, name: str, principal: Principal, lifetime: timedelta | None = None) -> Key:
        """Store a key with a known secret; the key itself becomes the subject that it stands for."""
        subject = f"key_{digest_of(token)[:20]}"
        named = Principal(subject, principal.project, principal.scopes)
        return await self.credentials.issue(named, lifetime, token, name=name, hint=token[-4:])

    async def revoke(self, owner: Principal, id: str) -> Key:
        """End a key now."""
        return await self.credentials.revoke(id, owner.project)

    async def page(self, owner: Principal, limit: int, cursor: str | None) -> Page[Key]:
        """The project's keys, newest first, the revoked ones included."""
        return await self.credentials.store.for_project(owner.project).page(limit=limit, cursor=cursor)
