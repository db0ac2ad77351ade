"""Event handlers of the training service."""

from collections.abc import Mapping

from services.training.jobs.token_caches import TokenCaches
from services.training.models import Job
from shared.events.dataset import DatasetDeleted
from shared.events.envelope import Envelope, Event
from shared.events.training import TrainingRequested
from shared.runtime.jobs.worker import Worker
from shared.runtime.service import EventHandler


def subscriptions(worker: Worker[Job], tokens: TokenCaches) -> Mapping[type[Event], EventHandler]:
    """The handlers by event."""

    async def wake_worker(event: TrainingRequested, envelope: Envelope) -> None:
        """Look for work now. The documents are the queue, so a lost event only delays the next look."""
        worker.wake()

    async def delete_token_caches(event: DatasetDeleted, envelope: Envelope) -> None:
        await tokens.delete_dataset(envelope.project, event.dataset_id)

    return {TrainingRequested: wake_worker, DatasetDeleted: delete_token_caches}
