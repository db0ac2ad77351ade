"""The document collections of the inference service."""

from dataclasses import dataclass
from typing import Self

from services.inference.deployments.models import Deployment, ServedModel
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.resources import Resources

MODELS = CollectionSpec(
    "inference.models",
    ServedModel,
    "Becomes a tombstone with training.model_deleted.v1.",
    (Index(("project", "name")),),
)
DEPLOYMENTS = CollectionSpec(
    "inference.deployments",
    Deployment,
    "DELETE of the deployment, or training.model_deleted.v1 for its model, makes it a tombstone.",
    (Index(("project", "model_id", "deleted_at"), unique=True),),  # one that is not a tombstone
)
COLLECTIONS = (MODELS, DEPLOYMENTS)


@dataclass(frozen=True)
class Stores:
    """One store per kind of entity."""

    models: EntityStore[ServedModel]
    deployments: EntityStore[Deployment]

    @classmethod
    async def open(cls, resources: Resources) -> Self:
        """Open the collections."""
        return cls(await resources.outbox.store(MODELS), await resources.outbox.store(DEPLOYMENTS))
