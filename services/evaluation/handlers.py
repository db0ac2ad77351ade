"""Event handlers of the evaluation service."""

from collections.abc import Mapping

from services.evaluation.errors import UnknownDataset, UnknownModel
from services.evaluation.gates.service import Gates
from services.evaluation.service import EvaluationService
from shared.bus.protocol import Reject
from shared.events.aliases import AliasCandidateDecided, AliasCandidateSubmitted
from shared.events.envelope import Envelope, Event
from shared.events.evaluation import EvalRunCanceled, EvalRunFailed, EvalRunSucceeded, EvaluationRequested
from shared.events.training import TrainingSucceeded
from shared.runtime.errors import AnnealError, NotFound
from shared.runtime.service import EventHandler


def subscriptions(service: EvaluationService, gates: Gates) -> Mapping[type[Event], EventHandler]:
    """Return event -> handler, for the events that shared/events/registry.py lists."""

    async def evaluate_trained_model(event: TrainingSucceeded, envelope: Envelope) -> None:
        if "evaluate" not in event.after:
            return
        try:
            await service.request_for_job(envelope.project, event, envelope.id)
        except (UnknownModel, UnknownDataset, NotFound):
            return  # the model, the dataset or the evaluation was deleted since
        except AnnealError as error:
            if error.status < 500:
                raise Reject(error.detail) from error
            raise

    async def wake_worker(event: EvaluationRequested, envelope: Envelope) -> None:
        service.worker.wake()

    async def evaluate_candidate(event: AliasCandidateSubmitted, envelope: Envelope) -> None:
        await gates.submit(envelope.project, event)

    async def cancel_gate(event: AliasCandidateDecided, envelope: Envelope) -> None:
        if event.state == "cancelled":
            await gates.cancel(event.candidate_id)

    async def settle_gate(event: EvalRunSucceeded | EvalRunFailed | EvalRunCanceled, envelope: Envelope) -> None:
        await gates.on_run_ended(event.run_id)

    return {
        TrainingSucceeded: evaluate_trained_model,
        EvaluationRequested: wake_worker,
        AliasCandidateSubmitted: evaluate_candidate,
        AliasCandidateDecided: cancel_gate,
        **dict.fromkeys((EvalRunSucceeded, EvalRunFailed, EvalRunCanceled), settle_gate),
    }
