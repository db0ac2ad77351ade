"""Documents in MongoDB, or any server that speaks its protocol: single-document atomicity only.

The one file that imports motor. Every call used here is shared with PyMongo's `AsyncMongoClient`: hand one to
`MongoDocuments` and motor is gone (ADR 6). Each write carries a `write_id`, so that after a network error the writer
re-reads before it declares a conflict.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ReadPreference, ReturnDocument, WriteConcern
from pymongo.errors import AutoReconnect, DuplicateKeyError
from pymongo.read_concern import ReadConcern

from shared.documents.protocol import Document, Index, Order, Where
from shared.runtime.errors import Conflict

DATABASE = "anneal"
TIMEOUT_MS = 5_000
HIDDEN = {"write_id": 0}


def connect(url: str) -> Any:
    """The driver's client. Writes are majority and journaled; the driver's own retries need a replica set."""
    return AsyncIOMotorClient(url, serverSelectionTimeoutMS=TIMEOUT_MS, retryWrites=False, tz_aware=True)


class MongoCollection:
    """One MongoDB collection."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    async def get(self, id: str) -> Document | None:
        """The document, or None."""
        found: Document | None = await self._collection.find_one({"_id": id}, HIDDEN)
        return found

    async def insert(self, document: Document) -> bool:
        """Insert if absent; False when the _id (or a unique index) is taken."""

        async def write(write_id: str) -> bool:
            try:
                await self._collection.insert_one({**document, "write_id": write_id})
            except DuplicateKeyError:
                return await self._wrote(document["_id"], write_id)
            return True

        return await self._certain(document["_id"], write)

    async def replace(self, document: Document, *, version: int) -> bool:
        """Compare-and-set on the stored version."""
        where = {"_id": document["_id"], "version": version}

        async def write(write_id: str) -> bool:
            result = await self._collection.replace_one(where, {**document, "write_id": write_id})
            return bool(result.matched_count)

        return await self._certain(document["_id"], write)

    async def patch(
        self, id: str, where: Where, *, set: Mapping[str, Any] | None = None, inc: Mapping[str, int] | None = None
    ) -> Document | None:
        """One filtered update of dotted paths."""
        if not {"_id", "version"}.isdisjoint([*(set or ()), *(inc or ())]):
            raise ValueError("a patch leaves _id and version alone")
        found: list[Document | None] = []

        async def write(write_id: str) -> bool:
            update: dict[str, Any] = {"$set": {**(set or {}), "write_id": write_id}}
            if inc:
                update["$inc"] = dict(inc)
            document = await self._collection.find_one_and_update(
                {**where, "_id": id}, update, projection=HIDDEN, return_document=ReturnDocument.AFTER
            )
            found.append(document)
            return document is not None

        done = await self._certain(id, write)
        return (found[-1] if found and found[-1] else await self.get(id)) if done else None

    async def find(self, where: Where, *, order: Order = (), limit: int | None = None, skip: int = 0) -> list[Document]:
        """Matching documents in order."""
        if limit == 0:
            return []
        cursor = self._collection.find(dict(where), HIDDEN).sort([*order, ("_id", 1)]).skip(skip).limit(limit or 0)
        documents: list[Document] = await cursor.to_list(None)
        return documents

    async def count(self, where: Where) -> int:
        """How many match."""
        return int(await self._collection.count_documents(dict(where)))

    async def delete(self, id: str, where: Where | None = None) -> bool:
        """Delete if it exists and matches; True when it did."""
        result = await self._collection.delete_one({**(where or {}), "_id": id})
        return bool(result.deleted_count)

    async def _certain(self, id: str, write: Callable[[str], Awaitable[bool]]) -> bool:
        """Whether the write took place, also when the connection broke before the answer came."""
        write_id = uuid.uuid4().hex
        try:
            return await write(write_id)
        except DuplicateKeyError as error:
            raise Conflict("another document holds this unique value") from error
        except AutoReconnect:
            return await self._wrote(id, write_id) or await write(write_id)

    async def _wrote(self, id: str, write_id: str) -> bool:
        return await self._collection.find_one({"_id": id, "write_id": write_id}, {"_id": 1}) is not None


class MongoDocuments:
    """One database of one MongoDB client."""

    def __init__(self, client: Any, database: str = DATABASE) -> None:
        self._client, self._database = client, client[database]

    async def collection(self, name: str, indexes: Sequence[Index] = ()) -> MongoCollection:
        """Open (and create) a collection with its indexes."""
        collection = self._database.get_collection(
            name,
            write_concern=WriteConcern("majority", j=True),
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
        for index in indexes:
            await collection.create_index([(field, 1) for field in index.fields], unique=index.unique)
        return MongoCollection(collection)

    async def ping(self) -> None:
        """Raise unless the server answers."""
        await self._client.admin.command("ping")

    async def close(self) -> None:
        """Close the connections; motor's close returns nothing to await, PyMongo's a coroutine."""
        closing = self._client.close()
        if closing is not None:
            await closing
