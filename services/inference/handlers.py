"""The event handlers of the inference service."""

from collections.abc import Mapping

from services.inference.aliases.service import Aliases
from services.inference.deployments.service import Deployments
from shared.bus.protocol import Reject
from shared.events.aliases import AliasCandidateEvaluated, AliasPromoted, AliasRolledBack
from shared.events.envelope import Envelope, Event
from shared.events.training import CheckpointPublished, ModelDeleted, ModelRenamed, TrainingSucceeded, aliases_in
from shared.runtime.errors import AnnealError
from shared.runtime.service import EventHandler


def subscriptions(deployments: Deployments, aliases: Aliases) -> Mapping[type[Event], EventHandler]:
    """Map each consumed event type to its handler."""

    async def register_model(event: TrainingSucceeded, envelope: Envelope) -> None:
        """List a new custom model; deploy it, and submit it as a candidate, if the job requested that."""
        await deployments.register_model(event, envelope.project, envelope.id)
        refused = [reason for name in aliases_in(event.after) if (reason := await _submit(name, event, envelope))]
        if refused:  # an admin finds it among the dead letters, and can replay it
            raise Reject(" ".join(refused))

    async def _submit(name: str, event: TrainingSucceeded, envelope: Envelope) -> str | None:
        """Why the alias, perhaps a deleted one, does not take the candidate."""
        try:
            await aliases.submit(envelope.project, name, event.model_id, "anneal/training", event_id=envelope.id)
        except AnnealError as error:
            if error.status >= 500:
                raise
            return f"{name}: {error.detail}"
        return None

    async def register_checkpoint(event: CheckpointPublished, envelope: Envelope) -> None:
        """List the model of a checkpoint."""
        await deployments.list_model(event.model_id, event.name, envelope.project)

    async def rename_model(event: ModelRenamed, envelope: Envelope) -> None:
        """List a custom model under its new name."""
        await deployments.rename_model(event, envelope.project, envelope.sequence)

    async def remove_model(event: ModelDeleted, envelope: Envelope) -> None:
        """Remove a deleted custom model and its deployments."""
        await deployments.remove_model(event, envelope.project)

    async def decide_candidate(event: AliasCandidateEvaluated, envelope: Envelope) -> None:
        """Decide on a candidate by its results."""
        await aliases.on_evaluated(event)

    async def finish_promotion(event: AliasPromoted, envelope: Envelope) -> None:
        """Mark the candidate, and deploy what the alias needs."""
        await aliases.on_changed(event.alias_id, event.candidate_id)

    async def finish_rollback(event: AliasRolledBack, envelope: Envelope) -> None:
        """Deploy what the alias needs."""
        await aliases.on_changed(event.alias_id, None)

    return {
        TrainingSucceeded: register_model,
        CheckpointPublished: register_checkpoint,
        ModelRenamed: rename_model,
        ModelDeleted: remove_model,
        AliasCandidateEvaluated: decide_candidate,
        AliasPromoted: finish_promotion,
        AliasRolledBack: finish_rollback,
    }
