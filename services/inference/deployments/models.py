"""Deployments and known custom models: entities, their state machine, and how the API shows them. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.documents.entities import Entity, Public, now
from shared.events.envelope import Event
from shared.events.inference import ModelReady, ModelUndeployed

State = Literal["loading", "ready", "failed"]


class ServedModel(Entity):
    """A custom model that an event told of; its id is the model's."""

    name: str = Field(description="the model's name")


class Deployment(Entity):
    """A model that is kept ready. It answers without one too, but then its first request waits for the loading."""

    model_id: str = Field(description="the custom or base model")
    model_uri: str = Field(description="artifact of the model")
    pinned: bool = Field(default=False, description="never evicted to make room for other models")
    state: State = Field(default="loading", description="see the state machine")
    ready_at: datetime | None = Field(default=None, description="when it first answered")
    load_seconds: float | None = Field(default=None, description="seconds of loading and warm-up")
    code: str | None = Field(default=None, description="error code of a failed loading")
    detail: str | None = Field(default=None, description="description of a failed loading")

    def ready(self, seconds: float) -> Sequence[Event]:
        """It answers. A second time changes nothing."""
        if self.state == "ready":
            return ()
        self.state, self.ready_at, self.load_seconds, self.code, self.detail = "ready", now(), seconds, None, None
        return [ModelReady(deployment_id=self.id, model_id=self.model_id)]

    def failed(self, code: str, detail: str) -> None:
        """It could not be loaded here; where another process did load it, that stays."""
        if self.state != "loading":
            return
        self.state, self.code, self.detail = "failed", code, detail

    def again(self, pinned: bool | None) -> None:
        """Try once more to load what failed, or load it anew to keep it more or less firmly (None: as it is)."""
        if self.state == "failed" or pinned not in (None, self.pinned):
            self.pinned = self.pinned if pinned is None else pinned
            self.state, self.code, self.detail = "loading", None, None

    def gone(self) -> Sequence[Event]:
        """What its end states."""
        return [ModelUndeployed(deployment_id=self.id, model_id=self.model_id)]


class DeploymentView(Public):
    """A deployment; memory and rates are those of the process that answers, rates over its last minute."""

    model_id: str
    pinned: bool = Field(description="never evicted to make room for others")
    state: State
    resident: bool = Field(description="in memory now; if not, its next request waits for the loading")
    memory_bytes: int = Field(description="of its own weights: an adapter's without its base's")
    requests_per_second: float
    tokens_per_second: float = Field(description="of answers that ended")
    first_token_seconds: float | None = Field(description="from a request to its first text, median")
    ready_at: datetime | None
    load_seconds: float | None = Field(description="how long loading and warm-up took")
    code: str | None = Field(description="why it failed")
    detail: str | None
