"""The document collections of the inference service."""

from dataclasses import dataclass
from typing import Self

from services.inference.deployments.models import Deployment, ServedModel
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.runtime.resources import Resources


@dataclass(frozen=True)
class Stores:
    """One store per kind of entity."""

    models: EntityStore[ServedModel]
    deployments: EntityStore[Deployment]

    @classmethod
    async def open(cls, resources: Resources) -> Self:
        """Open the collections."""
        outbox = resources.outbox
        models = await outbox.open("inference.models", (Index(("project", "name")),))
        deployments = await outbox.open("inference.deployments", (Index(("project", "model_id")),))
        return cls(
            EntityStore(models, ServedModel, service="inference", kick=outbox.kick),
            EntityStore(deployments, Deployment, service="inference", kick=outbox.kick),
        )
