"""What the inference room does on events."""

from collections.abc import Mapping

from services.inference.deployments.service import Deployments
from shared.events.envelope import Envelope, Event
from shared.events.training import ModelDeleted, TrainingSucceeded
from shared.runtime.service import EventHandler


def subscriptions(deployments: Deployments) -> Mapping[type[Event], EventHandler]:
    """The room's handlers by event."""

    async def list_model(event: TrainingSucceeded, envelope: Envelope) -> None:
        """A custom model can be asked; it is deployed if its owner wished so."""
        await deployments.trained(event, envelope.project, envelope.id)

    async def forget_model(event: ModelDeleted, envelope: Envelope) -> None:
        """A custom model is gone."""
        await deployments.deleted(event, envelope.project)

    return {TrainingSucceeded: list_model, ModelDeleted: forget_model}
