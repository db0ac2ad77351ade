"""The gateway's document collections."""

from dataclasses import dataclass
from typing import Self

from services.gateway.audit_lines import AuditLine
from services.gateway.limits.usage import UsageDocument
from services.gateway.models import (
    Activity,
    Grant,
    Key,
    LimitOverrides,
    LineageEdge,
    Membership,
    Project,
    Session,
    TrackedResource,
    User,
)
from services.gateway.webhooks.models import Delivery, Webhook
from shared.documents.entities import EntityStore
from shared.documents.protocol import Collection, Index
from shared.documents.spec import CollectionSpec
from shared.runtime.resources import Resources

KEYS = CollectionSpec(
    "gateway.keys",
    Key,
    "Kept without limit: revoked and expired keys stay listed.",
    (Index(("created_by",)),),
)
SESSIONS = CollectionSpec(
    "gateway.sessions",
    Session,
    "An hourly pass makes expired sessions tombstones.",
    (Index(("subject",)),),
)
GRANTS = CollectionSpec(
    "gateway.grants",
    Grant,
    "Its use, or the hourly pass after it has expired, makes it a tombstone; newer links of its subject remove it.",
    (Index(("expires_at",)), Index(("subject", "purpose"))),
)
PROJECTS = CollectionSpec("gateway.projects", Project, "Kept without limit.")
USERS = CollectionSpec("gateway.users", User, "Kept without limit: a disabled user stays listed.", (Index(("email",)),))
MEMBERSHIPS = CollectionSpec(
    "gateway.memberships",
    Membership,
    "Kept without limit: a former member has no role.",
    (Index(("project",)), Index(("user_id",))),
)
TRACKED = CollectionSpec(
    "gateway.things",
    TrackedResource,
    "Kept without limit: a deleted resource stays, so that a late event cannot bring it back.",
    (Index(("project", "kind", "state")),),
)
LINEAGE = CollectionSpec(
    "gateway.lineage",
    LineageEdge,
    "Kept without limit: what a deleted resource was made from stays known.",
    (Index(("project", "source")), Index(("project", "target"))),
)
ACTIVITIES = CollectionSpec("gateway.activities", Activity, "Kept without limit.")
AUDIT = CollectionSpec(
    "gateway.audit",
    AuditLine,
    "Kept without limit, or as many days as ANNEAL_AUDIT_DAYS says; what is removed is recorded.",
    (Index(("recorded_at",)), Index(("subject", "created_at")), Index(("resource_id", "created_at"))),
)
LIMITS = CollectionSpec("gateway.limits", LimitOverrides, "Kept without limit.")
USAGE = CollectionSpec(
    "gateway.usage", UsageDocument, "An hourly pass deletes those of past windows.", (Index(("expires_at",)),)
)
WEBHOOKS = CollectionSpec("gateway.webhooks", Webhook, "Kept without limit.")
DELIVERIES = CollectionSpec(
    "gateway.deliveries",
    Delivery,
    "An hourly pass deletes those that ended 30 days ago.",
    (
        Index(("state", "due_at")),
        Index(("state", "webhook_id", "due_at")),
        Index(("webhook_id", "created_at")),
        Index(("finished_at",)),
    ),
)
COLLECTIONS = (
    *(KEYS, SESSIONS, GRANTS, PROJECTS, USERS, MEMBERSHIPS, TRACKED, ACTIVITIES, LINEAGE, LIMITS, USAGE, AUDIT),
    *(WEBHOOKS, DELIVERIES),
)


@dataclass(frozen=True)
class Stores:
    """One store per kind of entity."""

    keys: EntityStore[Key]
    sessions: EntityStore[Session]
    grants: EntityStore[Grant]
    projects: EntityStore[Project]
    users: EntityStore[User]
    memberships: EntityStore[Membership]
    tracked_resources: EntityStore[TrackedResource]
    activities: EntityStore[Activity]
    lineage: EntityStore[LineageEdge]
    limits: EntityStore[LimitOverrides]
    usage: Collection
    audit: EntityStore[AuditLine]
    webhooks: EntityStore[Webhook]
    deliveries: EntityStore[Delivery]

    @classmethod
    async def open(cls, resources: Resources) -> Self:
        """Open the collections."""
        store = resources.outbox.store
        return cls(
            await store(KEYS),
            await store(SESSIONS),
            await store(GRANTS),
            await store(PROJECTS),
            await store(USERS),
            await store(MEMBERSHIPS),
            await store(TRACKED),
            await store(ACTIVITIES),
            await store(LINEAGE),
            await store(LIMITS),
            await resources.documents.collection(USAGE.name, USAGE.indexes),
            await store(AUDIT),
            await store(WEBHOOKS),
            await store(DELIVERIES),
        )
