"""Events of the inference service."""

from typing import ClassVar

from shared.events.envelope import Event


class ModelReady(Event):
    """A model answers requests."""

    type: ClassVar[str] = "inference.model_ready.v1"
    deployment_id: str
    model_id: str


class ModelUndeployed(Event):
    """A model no longer answers requests."""

    type: ClassVar[str] = "inference.model_undeployed.v1"
    deployment_id: str
    model_id: str
