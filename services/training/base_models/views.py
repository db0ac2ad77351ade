"""What the API shows of base models, and of all models that can be trained."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from services.training.models import Base, BaseSource
from shared.documents.entities import Public
from shared.runtime.http.principal import Principal
from shared.runtime.jobs.work import State
from shared.warnings import ReportedWarning

FEATURES = (
    "what its chat template shows of a row, by the names of a dataset's `features`; null: not known, for example "
    "because an earlier version added it"
)
WARNINGS = "what its folder holds and is not used, and what it cannot do"
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
    template_features: list[str] | None = Field(description=FEATURES)
    size: int = Field(description="bytes")
    warnings: list[ReportedWarning] = Field(description=WARNINGS)
    bytes_done: int
    bytes_total: int | None
    cause: str | None
    detail: str | None

    @classmethod
    def of(cls, base: Base) -> "BaseView":
        """The view of an entity; a token for its source is never shown."""
        return cls(**base.model_dump(exclude={"secret"}))

    def shown_to(self, caller: Principal) -> "BaseView":
        """The view for a caller: only the operator sees where on the server a folder is, others its name."""
        if self.source != "path" or caller.operator:
            return self
        return self.model_copy(update={"origin": Path(self.origin).name})


class AvailableModel(BaseModel):
    """A model that a job can use as its base, or that can be downloaded with POST /models/base."""

    reference: str = Field(description="the value of `base` in a job: its name if only it has that, or its id")
    id: str | None = Field(default=None, description="null: it must be downloaded first")
    name: str
    kind: Literal["base", "custom"]
    availability: Availability
    parameters: int | None = None
    context_length: int | None = Field(default=None, description="tokens")
    architecture: str = ""
    template_features: list[str] | None = Field(default=None, description=FEATURES)
    gated: bool = Field(default=False, description="its owner must grant access first")
    usable: bool = Field(description="a job can start on it now")
    note: str = ""
    warnings: list[ReportedWarning] = Field(default=[], description=WARNINGS)


class AvailableModels(BaseModel):
    """All models that can be trained, usable ones first."""

    items: list[AvailableModel]
