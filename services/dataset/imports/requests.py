"""The request that imports a dataset."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, model_validator

from services.dataset.models import UploadForm
from shared.runtime.http.hub_id import HubId
from shared.runtime.http.principal import Forbidden, Principal


class ImportRequest(UploadForm):
    """The source of a dataset, one of hub_id, uri, url, feedback; and how its rows are read, as for an upload."""

    model_config = ConfigDict(extra="forbid")

    hub_id: HubId | None = Field(default=None, description="owner/name on the Hugging Face hub")
    config: str | None = Field(
        default=None, min_length=1, max_length=200, description="configuration of a hub dataset that has several"
    )
    split: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="import only this split of a hub dataset, and split its rows anew; default: all, each kept apart",
    )
    revision: str | None = Field(
        default=None,
        max_length=100,
        pattern=r"^[\w./-]+$",
        description="branch, tag or commit of a hub dataset; pinned to a commit at the download",
    )
    token: SecretStr | None = Field(default=None, description="hub access token; never shown, deleted after use")
    uri: str | None = Field(
        default=None,
        max_length=4096,
        pattern=r"^s3(\+https?)?://",
        description="a file as s3://bucket/project/path in the platform's own object store, or, with the scope admin, "
        "as s3+https://key:secret@host/bucket/path",
    )
    url: str | None = Field(
        default=None, max_length=4096, pattern=r"^https?://", description="web address of a file, with https"
    )
    feedback: Literal["preferences", "ratings"] | None = Field(
        default=None,
        description="verdicts that POST /feedback has taken: preferences become chosen and rejected, for DPO; "
        "ratings a label, for KTO",
    )
    models: list[str] = Field(
        default=[], max_length=50, description="only feedback on answers of the models with these ids"
    )
    mapping: dict[str, str] | None = Field(
        default=None, description='layout column -> column of the file, e.g. {"prompt": "question"}'
    )

    @model_validator(mode="after")
    def _one_source(self) -> "ImportRequest":
        if sum(source is not None for source in (self.hub_id, self.uri, self.url, self.feedback)) != 1:
            raise ValueError("give exactly one of hub_id, uri, url, feedback (or upload a file to /datasets/upload)")
        if self.feedback is None and self.models:
            raise ValueError("models are for feedback only")
        if self.hub_id is None and (self.config or self.split or self.revision or self.token):
            raise ValueError("config, split, revision and token are for hub_id only")
        _ = urlsplit(self.uri or self.url or "").port  # raises ValueError for what is no address
        return self


def check_source_permission(caller: Principal, request: ImportRequest) -> None:
    """Raises Forbidden for an object store that is not the platform's own, unless the caller is an admin."""
    if request.uri is not None and not request.uri.startswith("s3://") and not caller.admin:
        remedy = "Use a key with the scope 'admin', upload the file, or import it with hub_id or url."
        raise Forbidden("Only an admin may use other object stores.", field="uri", remedy=remedy)
