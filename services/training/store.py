"""The training room's collections: typed entities, each job's stream, and a snapshot of how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from services.training.models import Base, CustomModel, Job, Preset, Reservation, TokenCache
from shared.documents.entities import Entity, EntityStore
from shared.documents.protocol import Collection, Index
from shared.runtime.jobs.leases import LeaseLost
from shared.runtime.jobs.streams import Streams
from shared.runtime.jobs.work import HELD
from shared.runtime.resources import Resources

E = TypeVar("E", bound=Entity)
QUEUE = (("priority", -1), ("created_at", 1))
"""The order in which jobs are claimed."""


class Snapshots:
    """One small document per job: its latest values, so that a status needs no reading through the stream.

    It is rebuilt by every attempt and guarded by the fencing token; losing it loses nothing but a view.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def get(self, job_id: str) -> dict[str, Any]:
        """The latest values, empty before the first."""
        values: dict[str, Any] = (await self._collection.get(job_id) or {}).get("values", {})
        return values

    async def take(self, job_id: str, token: int) -> dict[str, Any]:
        """Own the snapshot from now on; its values. Raises LeaseLost when a newer owner has it."""
        if await self._collection.insert({"_id": job_id, "version": 1, "token": token, "values": {}}):
            return {}
        taken = await self._collection.patch(job_id, {"token": {"$lte": token}}, set={"token": token})
        if taken is None:
            raise LeaseLost("A newer owner writes this snapshot.")
        values: dict[str, Any] = taken["values"]
        return values

    async def put(self, job_id: str, token: int, values: Mapping[str, Any]) -> None:
        """Store the latest values. Raises LeaseLost for a stale owner."""
        if await self._collection.patch(job_id, {"token": token}, set={"values": dict(values)}) is None:
            raise LeaseLost("A newer owner writes this snapshot.")


@dataclass(frozen=True)
class Stores:
    """Everything that the room keeps."""

    jobs: EntityStore[Job]
    presets: EntityStore[Preset]
    bases: EntityStore[Base]
    reservations: EntityStore[Reservation]
    models: EntityStore[CustomModel]
    tokens: EntityStore[TokenCache]
    streams: Streams
    snapshots: Snapshots
    workers: Collection

    @classmethod
    async def open(cls, resources: Resources) -> "Stores":
        """Open the collections with the indexes that their queries need."""
        queue = Index(("state", "priority", "created_at"))
        causes = Index(("state", "cause"))
        return cls(
            jobs=await _entities(
                resources, "training.jobs", Job, queue, causes, Index(("project", "state", "created_at"))
            ),
            presets=await _entities(resources, "training.presets", Preset, Index(("project", "name"))),
            bases=await _entities(resources, "training.bases", Base, queue, causes, Index(("project", "hub_id"))),
            reservations=await _entities(resources, "training.reservations", Reservation),
            models=await _entities(resources, "training.models", CustomModel, Index(("project", "base_uri"))),
            tokens=await _entities(resources, "training.tokens", TokenCache, Index(("key",)), Index(("used_at",))),
            streams=await Streams.open(resources.documents, "training"),
            snapshots=Snapshots(await resources.documents.collection("training.snapshots")),
            workers=await resources.documents.collection("training.workers"),
        )

    async def queued(self) -> list[Job]:
        """All projects' waiting jobs in the order of their claims."""
        return await self.jobs.find({"state": "queued"}, order=QUEUE)

    async def running(self) -> list[Job]:
        """All projects' jobs that a worker holds."""
        return await self.jobs.find({"state": {"$in": list(HELD)}})


async def _entities(resources: Resources, name: str, kind: type[E], *indexes: Index) -> EntityStore[E]:
    collection = await resources.outbox.open(name, indexes)
    return EntityStore(collection, kind, service="training", kick=resources.outbox.kick)
