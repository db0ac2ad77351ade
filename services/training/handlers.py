"""What the training room does on events."""

from collections.abc import Mapping

from services.training.models import Job
from shared.events.envelope import Envelope, Event
from shared.events.training import TrainingRequested
from shared.runtime.service import EventHandler
from shared.runtime.worker import Worker


def subscriptions(worker: Worker[Job]) -> Mapping[type[Event], EventHandler]:
    """The room's handlers by event."""

    async def look_for_work(event: TrainingRequested, envelope: Envelope) -> None:
        """Only a wake-up: the documents are the queue."""
        worker.wake()

    return {TrainingRequested: look_for_work}
