"""Logs and metrics of a job as one ordered stream of records, stored first and broadcast afterwards.

One head document per stream holds {token, next_seq, tail}. A batch is one write filtered on (token, next_seq), so a
stale owner cannot append. A tail above TAIL_BYTES spills to chunk documents named by their first sequence number. A
record is a JSON object with `seq` (from 1), `time` and `kind`: log, metric, progress, state, rewind, others.
"""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from shared.documents.entities import now
from shared.documents.protocol import Collection, Documents, Index
from shared.documents.spec import CollectionSpec
from shared.runtime.jobs.leases import LeaseLost

TAIL_BYTES = 64 * 1024
READ_LIMIT = 10_000
CHUNKS_AT_ONCE = 16
"""Chunks held in memory while a stream is read."""

Record = dict[str, Any]


class StreamHead(BaseModel):
    """The end of a stream, one per job; its `_id` is the job's."""

    token: int = Field(description="fencing token of the attempt that may append")
    next_seq: int = Field(default=1, description="sequence number of the next record")
    tail: list[Record] = Field(default=[], description="the latest records, at most 64 KiB of JSON")


class StreamChunk(BaseModel):
    """Older records of a stream, moved here when the tail is full."""

    stream: str = Field(description="id of the stream")
    first: int = Field(description="sequence number of the first record")
    last: int = Field(description="sequence number of the last record")
    records: list[Record] = Field(description="the records in order")


def stream_collections(service: str) -> tuple[CollectionSpec[StreamHead], CollectionSpec[StreamChunk]]:
    """The two collections of a service's streams."""
    retention = "Kept as long as the job, which is never deleted."
    return (
        CollectionSpec(f"{service}.streams", StreamHead, retention),
        CollectionSpec(f"{service}.stream_chunks", StreamChunk, retention, (Index(("stream", "first")),)),
    )


class StreamWriter:
    """Appends to a stream as its owner, identified by the fencing token."""

    def __init__(self, heads: Collection, chunks: Collection, id: str, token: int) -> None:
        self._heads, self._chunks, self._id, self._token = heads, chunks, id, token
        self._next, self._tail, self._bytes = 1, list[Record](), 0

    async def open(self) -> None:
        """Take over the stream by raising its token. Raises LeaseLost when a newer owner has it."""
        head = {"_id": self._id, "version": 1, **StreamHead(token=self._token).model_dump()}
        if await self._heads.insert(head):
            return
        taken = await self._heads.patch(self._id, {"token": {"$lte": self._token}}, set={"token": self._token})
        if taken is None:
            raise LeaseLost("A newer owner writes this stream.")
        self._next, self._tail = taken["next_seq"], taken["tail"]
        self._bytes = len(json.dumps(self._tail))

    async def append(self, records: Sequence[Record]) -> list[Record]:
        """Store a batch in one write; return the records with `seq` and `time`. Raises LeaseLost for a stale owner.

        After another failure the batch may have been stored; appending the same batch again stores it once.
        """
        if not records:
            return []
        time = now().isoformat()
        stamped = [{"seq": self._next + i, "time": time, **record} for i, record in enumerate(records)]
        tail, size = [*self._tail, *stamped], self._bytes + len(json.dumps(stamped))
        if size > TAIL_BYTES and self._tail:
            await self._spill()
            tail, size = stamped, len(json.dumps(stamped))
        where = {"token": self._token, "next_seq": self._next}
        following = self._next + len(stamped)
        if await self._heads.patch(self._id, where, set={"tail": tail, "next_seq": following}) is None:
            head = await self._heads.get(self._id)
            if head is None or (head["token"], head["next_seq"]) != (self._token, following):
                raise LeaseLost("A newer owner writes this stream.")
            tail = head["tail"]  # this write had been applied, and its reply was lost
            stamped = tail[-len(stamped) :]
        self._next, self._tail, self._bytes = following, tail, size
        return stamped

    async def _spill(self) -> None:
        first, last = self._tail[0]["seq"], self._tail[-1]["seq"]
        chunk = {
            "_id": f"{self._id}:{first:012d}",
            "version": 1,
            "stream": self._id,
            "first": first,
            "last": last,
        }
        if not await self._chunks.insert({**chunk, "records": self._tail}):
            # from an owner that died before it updated the head, which has grown since
            await self._chunks.patch(
                str(chunk["_id"]), {"last": {"$lt": last}}, set={"last": last, "records": self._tail}
            )


class Streams:
    """All streams of a service."""

    def __init__(self, heads: Collection, chunks: Collection) -> None:
        self._heads, self._chunks = heads, chunks

    @classmethod
    async def open(cls, documents: Documents, service: str) -> "Streams":
        """Open the service's stream collections."""
        heads, chunks = [await documents.collection(spec.name, spec.indexes) for spec in stream_collections(service)]
        return cls(heads, chunks)

    async def writer(self, id: str, token: int) -> StreamWriter:
        """Take over the stream `id`."""
        writer = StreamWriter(self._heads, self._chunks, id, token)
        await writer.open()
        return writer

    async def read(
        self, id: str, *, after: int = 0, limit: int = READ_LIMIT, kinds: Sequence[str] | None = None
    ) -> list[Record]:
        """Records with seq > `after`, in order, at most `limit`, without duplicates."""
        head = await self._heads.get(id)
        if head is None:
            return []
        found: list[Record] = []
        if head["tail"] and after + 1 < head["tail"][0]["seq"]:
            where = {"stream": id, "last": {"$gt": after}, "first": {"$lt": head["tail"][0]["seq"]}}
            skip = 0
            while chunks := await self._chunks.find(where, order=(("first", 1),), skip=skip, limit=CHUNKS_AT_ONCE):
                for chunk in chunks:
                    found += _select(chunk["records"], after, kinds)
                if len(found) >= limit:
                    return found[:limit]
                skip += len(chunks)
        return (found + _select(head["tail"], after, kinds))[:limit]


def _select(records: Sequence[Record], after: int, kinds: Sequence[str] | None) -> list[Record]:
    return [r for r in records if r["seq"] > after and (kinds is None or r["kind"] in kinds)]
