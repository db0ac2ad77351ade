"""Entities: deployments with their state machine, known custom models, and the API view. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from shared.documents.entities import Entity, Public, now
from shared.documents.spec import Transition
from shared.events.envelope import Event
from shared.events.inference import ModelReady, ModelUndeployed

State = Literal["loading", "ready", "failed"]


class ServedModel(Entity):
    """A custom model announced by an event; its id is the model's."""

    name: str = Field(description="the model's name")
    name_version: int = Field(
        default=0, description="version of the training service's document with this name; older names are ignored"
    )

    def rename(self, name: str, version: int) -> None:
        """Apply a newer name. Idempotent, in any order."""
        if version > self.name_version:
            self.name, self.name_version = name, version


class Deployment(Entity):
    """A model that is kept loaded. A model can also be used without one; its first request then waits for loading."""

    NOUN: ClassVar[str] = "deployment"
    LISTED_AT: ClassVar[str] = "/deployments"

    TRANSITIONS: ClassVar[tuple[Transition, ...]] = (
        Transition("", "loading", "it is created"),
        Transition("loading", "ready", "the model answers"),
        Transition("loading", "failed", "the model cannot be loaded"),
        Transition("failed", "loading", "it is requested again"),
        Transition("ready", "loading", "its `pinned` changes, and the model is loaded again"),
    )

    model_id: str = Field(description="the custom or base model")
    model_uri: str = Field(description="artifact of the model")
    pinned: bool = Field(default=False, description="never evicted to make room for other models")
    alias_id: str | None = Field(default=None, description="the alias that has deployed it; null: a request, or a job")
    state: State = Field(default="loading", description="see the state machine")
    ready_at: datetime | None = Field(default=None, description="when it first answered")
    load_seconds: float | None = Field(default=None, description="seconds of loading and warm-up")
    code: str | None = Field(default=None, description="error code of a failed loading")
    detail: str | None = Field(default=None, description="description of a failed loading")

    def mark_ready(self, seconds: float) -> Sequence[Event]:
        """Record that the model is loaded. Idempotent."""
        if self.state == "ready":
            return ()
        self.state, self.ready_at, self.load_seconds, self.code, self.detail = "ready", now(), seconds, None, None
        return [ModelReady(deployment_id=self.id, model_id=self.model_id)]

    def mark_failed(self, code: str, detail: str) -> None:
        """Record that loading failed in this process. A deployment that another process has loaded stays ready."""
        if self.state != "loading":
            return
        self.state, self.code, self.detail = "failed", code, detail

    def reload(self, pinned: bool | None, alias_id: str | None = None) -> None:
        """Load again after a failure, or to change `pinned` (None: unchanged).

        What a request has deployed (`alias_id` None) no alias undeploys.
        """
        self.alias_id = alias_id and self.alias_id
        if self.state == "failed" or pinned not in (None, self.pinned):
            self.pinned = self.pinned if pinned is None else pinned
            self.state, self.code, self.detail = "loading", None, None

    def undeploy(self) -> Sequence[Event]:
        """Return the events of its removal."""
        return [ModelUndeployed(deployment_id=self.id, model_id=self.model_id)]


class DeploymentView(Public):
    """A deployment. Memory and rates are those of the responding process, rates over its last minute."""

    model_id: str
    pinned: bool = Field(description="never evicted to free memory for other models")
    alias_id: str | None = Field(description="the alias that has deployed it, and undeploys it; null: a request did")
    state: State
    resident: bool = Field(description="loaded now; otherwise its next request waits for loading")
    memory_bytes: int = Field(description="size of its own weights; for an adapter without its base model")
    requests_per_second: float
    tokens_per_second: float = Field(description="completion tokens of finished requests")
    first_token_seconds: float | None = Field(description="median time to first token")
    ready_at: datetime | None
    load_seconds: float | None = Field(description="duration of loading and warm-up")
    code: str | None = Field(description="the error code of a failed deployment")
    detail: str | None
