"""The event handlers of the inference service."""

from collections.abc import Mapping

from services.inference.deployments.service import Deployments
from shared.events.envelope import Envelope, Event
from shared.events.training import ModelDeleted, ModelRenamed, TrainingSucceeded
from shared.runtime.service import EventHandler


def subscriptions(deployments: Deployments) -> Mapping[type[Event], EventHandler]:
    """Map each consumed event type to its handler."""

    async def register_model(event: TrainingSucceeded, envelope: Envelope) -> None:
        """List a new custom model, and deploy it if the job requested that."""
        await deployments.register_model(event, envelope.project, envelope.id)

    async def rename_model(event: ModelRenamed, envelope: Envelope) -> None:
        """List a custom model under its new name."""
        await deployments.rename_model(event, envelope.project, envelope.sequence)

    async def remove_model(event: ModelDeleted, envelope: Envelope) -> None:
        """Remove a deleted custom model and its deployments."""
        await deployments.remove_model(event, envelope.project)

    return {TrainingSucceeded: register_model, ModelRenamed: rename_model, ModelDeleted: remove_model}
