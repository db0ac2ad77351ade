"""What the API shows of base models, and of all models that can be trained."""

from typing import Literal

from pydantic import BaseModel, Field

from services.training.models import Base, BaseSource
from shared.documents.entities import Public
from shared.runtime.jobs.work import State

Availability = Literal["bundled", "ready", "preparing", "failed", "cached", "downloadable", "unreachable"]


class BaseView(Public):
    """A base model that was uploaded, registered or downloaded."""

    name: str
    source: BaseSource
    origin: str = Field(description="file name, path, address or hub id of its source")
    state: State = Field(description="succeeded: it can be trained")
    hub_id: str | None
    revision: str | None = Field(description="the commit that a hub model is pinned to")
    architecture: str
    parameters: int
    context_length: int = Field(description="tokens")
    template_hash: str
    size: int = Field(description="bytes")
    bytes_done: int
    bytes_total: int | None
    cause: str | None
    detail: str | None

    @classmethod
    def of(cls, base: Base) -> "BaseView":
        """The view of an entity; a token for its source is never shown."""
        return cls(**base.model_dump(exclude={"secret"}))


class AvailableModel(BaseModel):
    """A model that a job can use as its base, or that can be downloaded with POST /models/base."""

    reference: str = Field(description="the value of `base` in a job")
    name: str
    kind: Literal["base", "custom"]
    availability: Availability
    parameters: int | None = None
    context_length: int | None = Field(default=None, description="tokens")
    architecture: str = ""
    gated: bool = Field(default=False, description="its owner must grant access first")
    usable: bool = Field(description="a job can start on it now")
    note: str = ""


class AvailableModels(BaseModel):
    """All models that can be trained, usable ones first."""

    items: list[AvailableModel]
