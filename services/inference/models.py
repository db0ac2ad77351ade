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

    name: str


class Deployment(Entity):
    """A model that is kept ready. It answers without one too, but then its first request waits for the loading."""

    model_id: str
    model_uri: str
    state: State = "loading"
    ready_at: datetime | None = None
    load_seconds: float | None = None
    code: str | None = None
    detail: str | None = None

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

    def again(self) -> None:
        """Try once more to load what failed."""
        if self.state == "failed":
            self.state, self.code, self.detail = "loading", None, None

    def gone(self) -> Sequence[Event]:
        """What its end states."""
        return [ModelUndeployed(deployment_id=self.id, model_id=self.model_id)]


class DeploymentView(Public):
    """A deployment."""

    model_id: str
    state: State
    ready_at: datetime | None
    load_seconds: float | None = Field(description="how long loading and warm-up took")
    code: str | None = Field(description="why it failed")
    detail: str | None
