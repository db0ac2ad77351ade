"""API keys: created, shown once, listed and revoked; each is bound to one project."""

from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from services.gateway.auth.credentials import Credentials, digest_of, generate_secret
from services.gateway.models import Key
from shared.documents.entities import Page, Public
from shared.runtime.http.display_name import DisplayName
from shared.runtime.http.principal import Forbidden, Principal
from shared.runtime.http.routes import KeyScope

OPERATOR = ("*",)


class NewKey(BaseModel):
    """A request for an API key."""

    name: DisplayName = Field(min_length=1, max_length=100, description="a note: where this key is used")
    scopes: list[KeyScope] = Field(
        default=["write"], min_length=1, description="infer < read < write < admin; each includes those before it"
    )
    expires_in_days: float | None = Field(default=None, gt=0, le=3650, description="null: never")
    project: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,38}$",
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
        lifetime = timedelta(days=request.expires_in_days) if request.expires_in_days else None
        token = generate_secret()
        key = await self.register(token, request.name, Principal("", project, tuple(request.scopes)), lifetime)
        return IssuedKey(key=token, **key.model_dump())

    async def register(self, token: str, name: str, principal: Principal, lifetime: timedelta | None = None) -> Key:
        """Store a key with a known secret. The key itself is the subject of its requests."""
        subject = f"key_{digest_of(token)[:20]}"
        named = Principal(subject, principal.project, principal.scopes)
        return await self.credentials.issue(named, lifetime, token, name=name, hint=token[-4:])

    async def revoke(self, owner: Principal, id: str) -> Key:
        """Revoke a key."""
        return await self.credentials.revoke(id, owner.project)

    async def page(self, owner: Principal, limit: int, cursor: str | None) -> Page[Key]:
        """Return a page of the project's keys, newest first, including revoked ones."""
        return await self.credentials.store.for_project(owner.project).page(limit=limit, cursor=cursor)
