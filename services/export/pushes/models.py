"""Pushes: the request, the entity with its states, and the response model."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from shared.documents.entities import Public, now
from shared.events.envelope import Event
from shared.runtime.http.hub_id import HubId
from shared.runtime.http.principal import Forbidden, Principal
from shared.runtime.jobs.work import DesiredState, State, Work

Destination = Literal["hub", "object_store"]


class PushRequest(BaseModel):
    """Where an export goes: exactly one of hub_id, uri."""

    model_config = ConfigDict(extra="forbid")

    hub_id: HubId | None = Field(default=None, description="owner/name of a model repository; created if it is new")
    revision: Annotated[str, Field(max_length=100, pattern=r"^[\w./-]+$")] | None = Field(
        default=None, description="branch of the repository, which must exist; null: main"
    )
    token: SecretStr | None = Field(
        default=None, description="hub token that may write; never shown, deleted after use"
    )
    public: bool = Field(default=False, description="allow a public repository; without it, only a private one is used")
    uri: str | None = Field(
        default=None,
        max_length=4096,
        pattern=r"^s3\+https?://",
        description="s3+https://key:secret@host/bucket/folder; needs the scope admin",
    )

    @model_validator(mode="after")
    def _one_destination(self) -> "PushRequest":
        if (self.hub_id is None) == (self.uri is None):
            raise ValueError("give exactly one of hub_id, uri")
        if self.hub_id is not None and self.token is None:
            raise ValueError("a repository needs a token that may write to it")
        if self.hub_id is None and (self.token or self.revision or self.public):
            raise ValueError("revision, token and public are for hub_id only")
        if self.uri is not None:
            parts = urlsplit(self.uri)
            _ = parts.port  # raises ValueError for what is no address
            if parts.path.strip("/").count("/") < 1:
                raise ValueError("the address needs a bucket and a folder")
        return self

    def check_permission(self, caller: Principal) -> None:
        """Raise Forbidden for an object store, unless the caller is an admin."""
        if self.uri is not None and not caller.admin:
            remedy = "Use a key with the scope 'admin', push to a hub, or download the export."
            raise Forbidden("Only an admin may use other object stores.", field="uri", remedy=remedy)


class Push(Work):
    """A copy of an export's files that is being made elsewhere."""

    NOUN: ClassVar[str] = "push"
    LISTED_AT: ClassVar[str] = "/exports/{id}/pushes"

    export_id: str = Field(description="the export")
    export_uri: str = Field(description="artifact with its files, when the push was requested")
    destination: Destination = Field(description="hub or object_store")
    location: str = Field(description="hub id of the repository, or address of the folder without its key")
    revision: str | None = Field(default=None, description="branch of the repository; null: main")
    public: bool = Field(default=False, description="whether a public repository is allowed")
    secret: str | None = Field(
        default=None, description="token or address with its key, encrypted; removed as soon as the push ends"
    )
    bytes_done: int = Field(default=0, description="bytes uploaded, or found there already")
    bytes_total: int | None = Field(default=None, description="bytes of all files; null: unknown")
    url: str | None = Field(default=None, description="address of the commit or the folder")

    def on_failed(self) -> Sequence[Event]:
        """No event: its state shows it. The secret is deleted."""
        self.secret = None
        return ()

    def on_cancelled(self) -> Sequence[Event]:
        """No event: its owner's request is recorded. The secret is deleted."""
        self.secret = None
        return ()

    def advance(self, done: int, total: int) -> None:
        """Record progress."""
        self.bytes_done, self.bytes_total = done, total

    def mark_committed(self, url: str) -> None:
        """The commit is made: from here on, a cancellation comes too late."""
        self.url = url

    def mark_cancelled(self) -> Sequence[Event]:
        """Cancel it, unless it is final already; it has succeeded where its commit is made."""
        if self.url and not self.final:
            self.succeed(self.url)
        return super().mark_cancelled()

    def succeed(self, url: str) -> None:
        """All files are there."""
        self.secret, self.runner, self.url = None, None, url
        self.state, self.finished_at, self.bytes_done = "succeeded", now(), self.bytes_total or self.bytes_done


class PushView(Public):
    """A push in the API."""

    export_id: str
    state: State
    wanted: DesiredState
    destination: Destination
    location: str = Field(description="hub id of the repository, or address of the folder without its key")
    revision: str | None
    public: bool
    bytes_done: int = Field(description="uploaded, or found there already")
    bytes_total: int | None
    url: str | None = Field(description="address of the commit or the folder, once it has succeeded")
    cause: str | None = Field(description="why it failed: a stable code")
    detail: str | None

    @classmethod
    def of(cls, push: Push) -> "PushView":
        """The view of an entity."""
        return cls.model_validate(push.model_dump())
