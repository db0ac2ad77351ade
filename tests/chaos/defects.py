"""Platforms that break a promise on purpose, so that the storm can prove that it would notice."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.documents.entities import EntityStore, Mutation
from shared.runtime.jobs.leases import Lease
from shared.runtime.jobs.streams import Record, StreamWriter


def without_fence() -> None:
    """Leases and streams that do not look at the token: whoever once held the work goes on writing."""

    async def change(self: Lease[Any], mutate: Mutation[Any]) -> Any:
        return await self._store.change(self.id, mutate)

    async def heartbeat(self: EntityStore[Any], id: str, token: int) -> Any:
        document = await self._collection.patch(id, {}, inc={"beat": 1})
        return self._load(document) if document else None

    async def append(self: StreamWriter, records: Sequence[Record]) -> list[Record]:
        head = await self._heads.get(self._id)
        assert head is not None
        stamped = [{"seq": self._next + i, "time": "", **record} for i, record in enumerate(records)]
        self._next += len(stamped)
        await self._heads.patch(self._id, {}, set={"tail": [*head["tail"], *stamped], "next_seq": self._next})
        return stamped

    Lease.change = change  # type: ignore[method-assign]
    EntityStore.heartbeat = heartbeat  # type: ignore[method-assign]
    StreamWriter.append = append  # type: ignore[method-assign]


def without_dedupe() -> None:
    """Stores that forget what they have seen: each delivery and each repeated request counts anew."""
    honest = EntityStore.change

    async def change(self: Any, id: str, mutate: Mutation[Any], *, event_id: str | None = None) -> Any:
        return await honest(self, id, mutate)

    async def create(self: Any, entity: Any, events: Sequence[Any] = ()) -> Any:
        if entity.project != "_shared" and await self._collection.get(entity.id) is not None:
            entity.id = f"{entity.id}{secrets.token_hex(4)}"
        return await honest_create(self, entity, events)

    honest_create = EntityStore.create
    EntityStore.change, EntityStore.create = change, create  # type: ignore[method-assign]
    EntityStore.repeated = _never  # type: ignore[method-assign]


async def _never(self: Any, id: str, request_hash: str | None) -> None:
    return None


DEFECTS: Mapping[str, Callable[[], None]] = {"fence": without_fence, "dedupe": without_dedupe}
