"""The gateway's document collections."""

from dataclasses import dataclass
from typing import Self, TypeVar

from services.gateway.models import Activity, Grant, Key, Session, TrackedResource
from shared.documents.entities import Entity, EntityStore
from shared.documents.protocol import Index
from shared.runtime.resources import Resources

E = TypeVar("E", bound=Entity)


@dataclass(frozen=True)
class Stores:
    """One store per kind of entity."""

    keys: EntityStore[Key]
    sessions: EntityStore[Session]
    grants: EntityStore[Grant]
    tracked_resources: EntityStore[TrackedResource]
    activities: EntityStore[Activity]

    @classmethod
    async def open(cls, resources: Resources) -> Self:
        """Open the collections."""
        subject, expiry = Index(("project", "subject")), Index(("expires_at",))
        return cls(
            await _entities(resources, "gateway.keys", Key),
            await _entities(resources, "gateway.sessions", Session, subject),
            await _entities(resources, "gateway.grants", Grant, expiry),
            await _entities(resources, "gateway.things", TrackedResource, Index(("project", "kind", "state"))),
            await _entities(resources, "gateway.activities", Activity),
        )


async def _entities(resources: Resources, name: str, kind: type[E], *indexes: Index) -> EntityStore[E]:
    collection = await resources.outbox.open(name, indexes)
    return EntityStore(collection, kind, service="gateway", kick=resources.outbox.kick)
