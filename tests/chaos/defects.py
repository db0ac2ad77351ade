"""Deliberate defects that break a guarantee, so that the chaos test can prove that it detects them."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.documents.entities import EntityStore, Mutation
from shared.runtime.jobs.leases import Lease
from shared.runtime.jobs.streams import Record, StreamWriter


def disable_fencing() -> None:
    """Let leases and streams ignore the fencing token, so that a stale holder can still write."""

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


def disable_deduplication() -> None:
    """Let stores ignore event ids and idempotency keys, so that every redelivery and retry takes effect again."""
    original_change = EntityStore.change

    async def change(self: Any, id: str, mutate: Mutation[Any], *, event_id: str | None = None) -> Any:
        return await original_change(self, id, mutate)

    async def create(self: Any, entity: Any, events: Sequence[Any] = ()) -> Any:
        if entity.project != "_shared" and await self._collection.get(entity.id) is not None:
            entity.id = f"{entity.id}{secrets.token_hex(4)}"
        return await original_create(self, entity, events)

    original_create = EntityStore.create
    EntityStore.change, EntityStore.create = change, create  # type: ignore[method-assign]
    EntityStore.find_repeated = _no_repeat  # type: ignore[method-assign]


async def _no_repeat(self: Any, id: str, request_hash: str | None) -> None:
    return None


DEFECTS: Mapping[str, Callable[[], None]] = {"fence": disable_fencing, "dedupe": disable_deduplication}
