"""What the export room does when it hears of something."""

from collections.abc import Mapping

from services.export.errors import UnknownModel
from services.export.models import Format
from services.export.service import ExportService
from shared.bus.protocol import Reject
from shared.events.envelope import Envelope, Event
from shared.events.export import ExportRequested
from shared.events.training import FollowUp, TrainingSucceeded
from shared.runtime.errors import AnnealError, NotFound
from shared.runtime.service import EventHandler

FORMATS: Mapping[FollowUp, Format] = {"export_torch": "torch", "export_onnx": "onnx"}


def subscriptions(service: ExportService) -> Mapping[type[Event], EventHandler]:
    """Event -> handler, as shared/events/registry.py announces it."""

    async def export_trained_model(event: TrainingSucceeded, envelope: Envelope) -> None:
        try:
            for wish in event.after:
                if form := FORMATS.get(wish):
                    await service.ensure(envelope.project, event.model_id, form, job_id=event.job_id)
        except (UnknownModel, NotFound):
            return  # the model was there before the event was, or this is not its first delivery: deleted since
        except AnnealError as error:
            if error.status < 500:
                raise Reject(error.detail) from error
            raise

    async def wake_worker(event: ExportRequested, envelope: Envelope) -> None:
        service.worker.wake()

    return {TrainingSucceeded: export_trained_model, ExportRequested: wake_worker}
