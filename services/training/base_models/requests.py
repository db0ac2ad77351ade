"""The request that adds a base model."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from services.training.parameters import Name
from shared.runtime.http.hub_id import HubId


class BaseRequest(BaseModel):
    """The source of a base model: exactly one of path, uri, hub_id."""

    model_config = ConfigDict(extra="forbid")
    path: str | None = Field(
        default=None, max_length=4096, description="absolute folder on the server, used in place; operator only"
    )
    uri: str | None = Field(
        default=None,
        max_length=4096,
        pattern=r"^s3(\+https?)?://",
        description="s3://bucket/project/folder in the platform's own object store, or, with the scope admin, "
        "s3+https://key:secret@host/bucket/folder",
    )
    hub_id: HubId | None = Field(default=None, description="owner/name on the Hugging Face hub")
    revision: Annotated[str, Field(max_length=100, pattern=r"^[\w./-]+$")] | None = Field(
        default=None, description="branch, tag or commit of a hub model; pinned to a commit at the download"
    )
    token: SecretStr | None = Field(default=None, description="hub access token; never shown, deleted after use")
    name: Name | None = Field(default=None, description="jobs may use it as `base`; null: the source's name")

    @model_validator(mode="after")
    def _one_source(self) -> "BaseRequest":
        if sum(source is not None for source in (self.path, self.uri, self.hub_id)) != 1:
            raise ValueError("give exactly one of path, uri, hub_id (or upload a zip as multipart/form-data)")
        if self.hub_id is None and (self.revision or self.token):
            raise ValueError("revision and token are for hub_id only")
        if self.uri is not None:
            _ = urlsplit(self.uri).port  # raises ValueError for what is no address
        return self
