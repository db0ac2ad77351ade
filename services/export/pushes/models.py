"""Pushes: the request and the response model."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from services.export.push_record import Destination, Push
from shared.documents.entities import Public
from shared.runtime.http.hub_id import HubId
from shared.runtime.http.principal import Forbidden, Principal
from shared.runtime.jobs.work import DesiredState, State


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
    accept_drift: bool = Field(default=False, description="push an export although its verdict is `drifted`")
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
