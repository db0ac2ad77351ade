"""The documents of gates."""

from services.evaluation.gates.models import Gate
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.resources import Resources

GATES = CollectionSpec(
    "evaluation.gates",
    Gate,
    "Kept without limit: small, and candidates refer to their runs.",
    (Index(("run_id",)), Index(("current_run_id",)), Index(("candidate_id",))),
)
COLLECTIONS = (GATES,)


async def open_gates(resources: Resources) -> EntityStore[Gate]:
    """Open the collection, over all projects."""
    return await resources.outbox.store(GATES)
