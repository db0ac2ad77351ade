"""What the training room does on events."""

from collections.abc import Mapping

from services.training.jobs.token_caches import TokenCaches
from services.training.models import Job
from shared.events.dataset import DatasetDeleted
from shared.events.envelope import Envelope, Event
from shared.events.training import TrainingRequested
from shared.runtime.jobs.worker import Worker
from shared.runtime.service import EventHandler


def subscriptions(worker: Worker[Job], tokens: TokenCaches) -> Mapping[type[Event], EventHandler]:
    """The room's handlers by event."""

    async def look_for_work(event: TrainingRequested, envelope: Envelope) -> None:
        """Only a wake-up: the documents are the queue."""
        worker.wake()

    async def forget_tokens(event: DatasetDeleted, envelope: Envelope) -> None:
        await tokens.forget(envelope.project, event.dataset_id)

    return {TrainingRequested: look_for_work, DatasetDeleted: forget_tokens}
