"""Event handlers of the export service."""

from collections.abc import Mapping

from services.export.errors import UnknownModel
from services.export.models import Format
from services.export.service import ExportService
from shared.bus.protocol import Reject
from shared.events.envelope import Envelope, Event
from shared.events.export import ExportRequested
from shared.events.training import FollowUp, ModelRenamed, TrainingSucceeded
from shared.runtime.errors import AnnealError, NotFound
from shared.runtime.service import EventHandler

FORMATS: Mapping[FollowUp, Format] = {"export_torch": "torch", "export_onnx": "onnx"}


def subscriptions(service: ExportService) -> Mapping[type[Event], EventHandler]:
    """Return event -> handler, for the events that shared/events/registry.py lists."""

    async def export_trained_model(event: TrainingSucceeded, envelope: Envelope) -> None:
        try:
            for follow_up in event.after:
                if form := FORMATS.get(follow_up):
                    await service.ensure(envelope.project, event.model_id, form, job_id=event.job_id)
        except (UnknownModel, NotFound):
            return  # the model existed when the event was sent: it, or this event's export, was deleted since
        except AnnealError as error:
            if error.status < 500:
                raise Reject(error.detail) from error
            raise

    async def rename_model(event: ModelRenamed, envelope: Envelope) -> None:
        await service.rename_model(event, envelope.project, envelope.sequence)

    async def wake_worker(event: ExportRequested, envelope: Envelope) -> None:
        service.worker.wake()

    return {TrainingSucceeded: export_trained_model, ModelRenamed: rename_model, ExportRequested: wake_worker}
