"""The training service's collections: typed entities, and each job's stream of records and snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from services.training.models import Base, CustomModel, Job, Preset, Reservation, TokenCache
from services.training.publications import CheckpointModel
from shared.documents.entities import EntityStore
from shared.documents.protocol import Collection, Index
from shared.documents.spec import CollectionSpec
from shared.runtime.jobs.leases import LeaseLost
from shared.runtime.jobs.streams import Streams, stream_collections
from shared.runtime.jobs.work import HELD
from shared.runtime.resources import Resources

QUEUE = (("priority", -1), ("created_at", 1))
"""The order in which jobs are claimed."""


class JobSnapshot(BaseModel):
    """A job's latest values, so that a view need not read its stream; its `_id` is the job's."""

    token: int = Field(description="fencing token of the attempt that may write")
    values: dict[str, Any] = Field(default={}, description="latest progress, metrics, usage and samples")


class WorkerHeartbeat(BaseModel):
    """A live training worker; its `_id` is the worker's name."""

    name: str = Field(description="host:pid, the `runner` of the jobs that it holds")
    machine: dict[str, float] = Field(description="CPU cores, GPUs and GiB that jobs may use; 1 for each that has bf16")
    slots: int = Field(description="jobs at once")
    seen_at: datetime = Field(description="last heartbeat; workers send one every 10 s")


_QUEUE = (Index(("state", "priority", "created_at")), Index(("state", "cause")))
JOBS = CollectionSpec(
    "training.jobs",
    Job,
    "Kept without limit. Cleanup deletes the files of ended jobs within a minute, weights of checkpoints after "
    "ANNEAL_CHECKPOINT_DAYS.",
    (*_QUEUE, Index(("project", "state", "created_at")), Index(("checkpoints_until",))),
)
PRESETS = CollectionSpec(
    "training.presets", Preset, "DELETE of the preset makes it a tombstone.", (Index(("project", "name")),)
)
BASES = CollectionSpec(
    "training.bases",
    Base,
    "DELETE /models/base/{id} makes it a tombstone and deletes its files.",
    (*_QUEUE, Index(("project", "hub_id")), Index(("project", "name"))),
)
RESERVATIONS = CollectionSpec("training.reservations", Reservation, "Kept without limit.")
MODELS = CollectionSpec(
    "training.models",
    CustomModel,
    "DELETE /models/custom/{id} makes it a tombstone and deletes its files.",
    (Index(("project", "base_uri")), Index(("project", "name"))),
)
CHECKPOINT_MODELS = CollectionSpec(
    "training.checkpoint_models",
    CheckpointModel,
    "Becomes a tombstone with its custom model.",
    (*_QUEUE, Index(("job_id",))),
)
TOKENS = CollectionSpec(
    "training.tokens",
    TokenCache,
    "Becomes a tombstone with its dataset, or as the least recently used one over ANNEAL_TOKEN_CACHE_LIMIT.",
    (Index(("key",)), Index(("used_at",))),
)
SNAPSHOTS = CollectionSpec("training.snapshots", JobSnapshot, "Kept as long as the job, which is never deleted.")
WORKERS = CollectionSpec(
    "training.workers",
    WorkerHeartbeat,
    "Removed when the worker stops; one that died is removed after 75 minutes without a heartbeat.",
)
COLLECTIONS = (
    *(JOBS, PRESETS, BASES, RESERVATIONS, MODELS, CHECKPOINT_MODELS, TOKENS),
    *(*stream_collections("training"), SNAPSHOTS, WORKERS),
)


class Snapshots:
    """One small document per job with its latest values, so that a view need not read the whole stream.

    Every attempt rebuilds it, guarded by its fencing token. Nothing but views depends on it.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def get(self, job_id: str) -> dict[str, Any]:
        """The latest values, empty before the first."""
        values: dict[str, Any] = (await self._collection.get(job_id) or {}).get("values", {})
        return values

    async def of(self, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The latest values of jobs that have some, by job id."""
        found = await self._collection.find({"_id": {"$in": [*job_ids]}})
        return {document["_id"]: document["values"] for document in found}

    async def take(self, job_id: str, token: int) -> dict[str, Any]:
        """Take ownership of the snapshot and return its values. Raises LeaseLost where a newer owner has it."""
        if await self._collection.insert({"_id": job_id, "version": 1, **JobSnapshot(token=token).model_dump()}):
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
    """All collections of the service."""

    jobs: EntityStore[Job]
    presets: EntityStore[Preset]
    base_models: EntityStore[Base]
    reservations: EntityStore[Reservation]
    custom_models: EntityStore[CustomModel]
    checkpoint_models: EntityStore[CheckpointModel]
    token_caches: EntityStore[TokenCache]
    streams: Streams
    snapshots: Snapshots
    workers: Collection

    @classmethod
    async def open(cls, resources: Resources) -> "Stores":
        """Open the collections with the indexes that their queries need."""
        store, documents = resources.outbox.store, resources.documents
        return cls(
            jobs=await store(JOBS),
            presets=await store(PRESETS),
            base_models=await store(BASES),
            reservations=await store(RESERVATIONS),
            custom_models=await store(MODELS),
            checkpoint_models=await store(CHECKPOINT_MODELS),
            token_caches=await store(TOKENS),
            streams=await Streams.open(documents, "training"),
            snapshots=Snapshots(await documents.collection(SNAPSHOTS.name)),
            workers=await documents.collection(WORKERS.name),
        )

    async def queued(self) -> list[Job]:
        """The waiting jobs of all projects, in the order in which they are claimed."""
        return await self.jobs.find({"state": "queued"}, order=QUEUE)

    async def running(self) -> list[Job]:
        """The jobs of all projects that a worker holds."""
        return await self.jobs.find({"state": {"$in": list(HELD)}})
