"""The gateway's document collections."""

from dataclasses import dataclass
from typing import Self

from services.gateway.models import Activity, Grant, Key, Session, TrackedResource
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.runtime.resources import Resources


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
        outbox = resources.outbox
        subject = Index(("project", "subject"))
        return cls(
            EntityStore(await outbox.open("gateway.keys"), Key, room="gateway", kick=outbox.kick),
            EntityStore(await outbox.open("gateway.sessions", (subject,)), Session, room="gateway", kick=outbox.kick),
            EntityStore(
                await outbox.open("gateway.grants", (Index(("expires_at",)),)), Grant, room="gateway", kick=outbox.kick
            ),
            EntityStore(
                await outbox.open("gateway.things", (Index(("project", "kind", "state")),)),
                TrackedResource,
                room="gateway",
                kick=outbox.kick,
            ),
            EntityStore(await outbox.open("gateway.activities"), Activity, room="gateway", kick=outbox.kick),
        )
