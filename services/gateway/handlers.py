"""Event handlers of the read model: each updates the state of one resource and adds a line of recent activity.

Every event is also recorded in the audit log, and becomes deliveries of the project's webhooks.
"""

from collections.abc import Mapping

from services.gateway.audit.trail import AuditLog
from services.gateway.lineage.graph import LineageGraph
from services.gateway.overview import ReadModel, ResourceUpdate
from services.gateway.webhooks.service import Webhooks
from shared.events.aliases import AliasCandidateDecided, AliasCreated, AliasPromoted, AliasRolledBack
from shared.events.dataset import DatasetDeleted, DatasetReady, DatasetRejected, ImportFailed, ImportSucceeded
from shared.events.envelope import Envelope, Event
from shared.events.evaluation import (
    EvalRunCanceled,
    EvalRunFailed,
    EvalRunSucceeded,
    EvaluationCompleted,
    EvaluationDeleted,
    EvaluationFailed,
)
from shared.events.export import ExportCompleted, ExportDeleted, ExportFailed
from shared.events.inference import ModelReady, ModelUndeployed
from shared.events.training import (
    BaseModelFailed,
    BaseModelReady,
    CheckpointPublished,
    ModelDeleted,
    ModelRenamed,
    TrainingCancelled,
    TrainingFailed,
    TrainingRequested,
    TrainingSucceeded,
)
from shared.runtime.service import EventHandler

NOT_SHOWN: tuple[type[Event], ...] = (
    *(ImportSucceeded, ImportFailed, BaseModelReady, BaseModelFailed),
    *(EvalRunSucceeded, EvalRunFailed, EvalRunCanceled),
    *(AliasCandidateDecided, AliasCreated, AliasPromoted, AliasRolledBack),
)


class Handlers:
    """One method per consumed event. Duplicate and late events change nothing: see ReadModel.record."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model

    async def dataset_ready(self, event: DatasetReady, envelope: Envelope) -> None:
        """A dataset is ready for training."""
        update = ResourceUpdate("dataset", event.dataset_id, "ready", event.name, detail=f"{event.rows} rows")
        await self._model.record(envelope, update)

    async def dataset_rejected(self, event: DatasetRejected, envelope: Envelope) -> None:
        """An upload was rejected."""
        update = ResourceUpdate("dataset", event.dataset_id, "rejected", event.name, detail=event.reason)
        await self._model.record(envelope, update)

    async def dataset_deleted(self, event: DatasetDeleted, envelope: Envelope) -> None:
        """A dataset was deleted."""
        await self._model.record(envelope, ResourceUpdate("dataset", event.dataset_id, "deleted"))

    async def training_requested(self, event: TrainingRequested, envelope: Envelope) -> None:
        """A job is queued."""
        await self._model.record(envelope, ResourceUpdate("job", event.job_id, "queued", event.name))

    async def training_succeeded(self, event: TrainingSucceeded, envelope: Envelope) -> None:
        """A job succeeded and produced a custom model."""
        links = {"dataset_id": event.dataset_id, "dataset_version": event.dataset_version, "base": event.base}
        job = ResourceUpdate("job", event.job_id, "succeeded", event.name, links={**links, "model_id": event.model_id})
        model = ResourceUpdate("model", event.model_id, "ready", event.name, links={**links, "job_id": event.job_id})
        await self._model.record(envelope, job, model)

    async def checkpoint_published(self, event: CheckpointPublished, envelope: Envelope) -> None:
        """A checkpoint became a custom model."""
        links = {"dataset_id": event.dataset_id, "dataset_version": event.dataset_version, "base": event.base}
        update = ResourceUpdate("model", event.model_id, "ready", event.name, links={**links, "job_id": event.job_id})
        await self._model.record(envelope, update)

    async def training_failed(self, event: TrainingFailed, envelope: Envelope) -> None:
        """A job failed."""
        update = ResourceUpdate("job", event.job_id, "failed", detail=f"{event.cause}: {event.detail}")
        await self._model.record(envelope, update)

    async def training_cancelled(self, event: TrainingCancelled, envelope: Envelope) -> None:
        """A job was cancelled."""
        await self._model.record(envelope, ResourceUpdate("job", event.job_id, "cancelled"))

    async def model_renamed(self, event: ModelRenamed, envelope: Envelope) -> None:
        """A custom model was renamed."""
        await self._model.record(envelope, ResourceUpdate("model", event.model_id, None, event.name))

    async def model_deleted(self, event: ModelDeleted, envelope: Envelope) -> None:
        """A custom model was deleted."""
        await self._model.record(envelope, ResourceUpdate("model", event.model_id, "deleted"))

    async def evaluation_completed(self, event: EvaluationCompleted, envelope: Envelope) -> None:
        """An evaluation produced scores."""
        detail = ", ".join(f"{name} {score:.4g}" for name, score in sorted(event.scores.items()))
        links = {"model_id": event.model_id}
        update = ResourceUpdate("evaluation", event.evaluation_id, "succeeded", detail=detail, links=links)
        await self._model.record(envelope, update)

    async def evaluation_failed(self, event: EvaluationFailed, envelope: Envelope) -> None:
        """An evaluation failed."""
        links, detail = {"model_id": event.model_id}, f"{event.cause}: {event.detail}"
        update = ResourceUpdate("evaluation", event.evaluation_id, "failed", detail=detail, links=links)
        await self._model.record(envelope, update)

    async def evaluation_deleted(self, event: EvaluationDeleted, envelope: Envelope) -> None:
        """An evaluation was deleted."""
        await self._model.record(envelope, ResourceUpdate("evaluation", event.evaluation_id, "deleted"))

    async def export_completed(self, event: ExportCompleted, envelope: Envelope) -> None:
        """An export is ready to download."""
        links = {"model_id": event.model_id, "format": event.format}
        update = ResourceUpdate("export", event.export_id, "succeeded", detail=event.format, links=links)
        await self._model.record(envelope, update)

    async def export_failed(self, event: ExportFailed, envelope: Envelope) -> None:
        """An export failed."""
        links, detail = {"model_id": event.model_id, "format": event.format}, f"{event.cause}: {event.detail}"
        update = ResourceUpdate("export", event.export_id, "failed", detail=detail, links=links)
        await self._model.record(envelope, update)

    async def export_deleted(self, event: ExportDeleted, envelope: Envelope) -> None:
        """An export was deleted."""
        await self._model.record(envelope, ResourceUpdate("export", event.export_id, "deleted"))

    async def model_ready(self, event: ModelReady, envelope: Envelope) -> None:
        """A deployment serves its model."""
        links = {"model_id": event.model_id}
        await self._model.record(envelope, ResourceUpdate("deployment", event.deployment_id, "ready", links=links))

    async def model_undeployed(self, event: ModelUndeployed, envelope: Envelope) -> None:
        """A deployment was removed."""
        await self._model.record(envelope, ResourceUpdate("deployment", event.deployment_id, "deleted"))


def subscriptions(
    model: ReadModel, lineage: LineageGraph, audit: AuditLog, webhooks: Webhooks
) -> Mapping[type[Event], EventHandler]:
    """Map each consumed event type to its handler."""
    handlers = Handlers(model)

    def complete(handler: EventHandler) -> EventHandler:
        async def handle(event: Event, envelope: Envelope) -> None:
            await lineage.record(event, envelope)
            await handler(event, envelope)
            await audit.record_event(envelope)
            await webhooks.record(event, envelope)

        return handle

    async def record(event: Event, envelope: Envelope) -> None:
        await lineage.record(event, envelope)
        await audit.record_event(envelope)
        await webhooks.record(event, envelope)

    by_event: dict[type[Event], EventHandler] = {
        DatasetReady: handlers.dataset_ready,
        DatasetRejected: handlers.dataset_rejected,
        DatasetDeleted: handlers.dataset_deleted,
        TrainingRequested: handlers.training_requested,
        TrainingSucceeded: handlers.training_succeeded,
        CheckpointPublished: handlers.checkpoint_published,
        TrainingFailed: handlers.training_failed,
        TrainingCancelled: handlers.training_cancelled,
        ModelRenamed: handlers.model_renamed,
        ModelDeleted: handlers.model_deleted,
        EvaluationCompleted: handlers.evaluation_completed,
        EvaluationFailed: handlers.evaluation_failed,
        EvaluationDeleted: handlers.evaluation_deleted,
        ExportCompleted: handlers.export_completed,
        ExportFailed: handlers.export_failed,
        ExportDeleted: handlers.export_deleted,
        ModelReady: handlers.model_ready,
        ModelUndeployed: handlers.model_undeployed,
    }
    return {event: complete(handler) for event, handler in by_event.items()} | dict.fromkeys(NOT_SHOWN, record)
