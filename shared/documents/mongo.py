"""Documents in MongoDB, or any compatible server: single-document atomicity only.

The one file that imports motor. It uses only calls that PyMongo's `AsyncMongoClient` shares, so motor can be
replaced by passing one to `MongoDocuments` (ADR 6). Each write carries a `write_id`: after a network error the writer
re-reads the document before it reports a conflict. On a replica set the driver retries first.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ReadPreference, ReturnDocument, WriteConcern
from pymongo.errors import AutoReconnect, ConnectionFailure, DuplicateKeyError, OperationFailure
from pymongo.read_concern import ReadConcern

from shared.documents.filters import validate_collection_name, validate_filter, validate_patch_fields
from shared.documents.protocol import Document, Index, Order, Where
from shared.runtime.errors import Conflict, Unavailable

DATABASE = "anneal"
TIMEOUTS = {"serverSelectionTimeoutMS": 5_000, "connectTimeoutMS": 5_000, "socketTimeoutMS": 20_000}
"""An absent server or a half-open connection raises an error instead of blocking."""
HIDDEN = {"write_id": 0}
NOT_AN_OBJECT = 28
"""PathNotViable: a parent of a patched path is not an object."""


def connect(url: str, client: Callable[..., Any] = AsyncIOMotorClient) -> "MongoDocuments":
    """The database that the URL's path names (`mongodb://host/name`)."""
    database = urlsplit(url).path.strip("/") or DATABASE
    return MongoDocuments(client(url, **TIMEOUTS), database)


@contextmanager
def raise_unavailable() -> Iterator[None]:
    """Raise Unavailable when the server does not answer; whether a write was applied is then unknown."""
    try:
        yield
    except ConnectionFailure as error:
        detail = f"The document server does not answer: {type(error).__name__}."
        raise Unavailable(detail, remedy="Try again in a moment; /readyz names what is down.") from error


class MongoCollection:
    """One MongoDB collection."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    async def get(self, id: str) -> Document | None:
        """The document, or None."""
        with raise_unavailable():
            found: Document | None = await self._collection.find_one({"_id": id}, HIDDEN)
        return found

    async def insert(self, document: Document) -> bool:
        """Insert if absent; False when the _id (or a unique index) is taken."""
        _check_json(document)

        async def write(write_id: str) -> bool:
            try:
                await self._collection.insert_one({**document, "write_id": write_id})
            except DuplicateKeyError:
                return False
            return True

        return await self._confirmed(document["_id"], write)

    async def replace(self, document: Document, *, version: int) -> bool:
        """Compare-and-set on the stored version."""
        _check_json(document)
        where = {"_id": document["_id"], "version": version}

        async def write(write_id: str) -> bool:
            result = await self._collection.replace_one(where, {**document, "write_id": write_id})
            return bool(result.matched_count)

        return await self._confirmed(document["_id"], write)

    async def patch(
        self, id: str, where: Where, *, set: Mapping[str, Any] | None = None, inc: Mapping[str, int] | None = None
    ) -> Document | None:
        """One filtered update of dotted paths."""
        validate_patch_fields([*(set or ()), *(inc or ())])
        _check_json(set)
        found: list[Document] = []

        async def write(write_id: str) -> bool:
            update: dict[str, Any] = {"$set": {**(set or {}), "write_id": write_id}}
            if inc:
                update["$inc"] = dict(inc)
            document = await self._collection.find_one_and_update(
                {**_filter(where), "_id": id},
                update,
                projection=HIDDEN,
                return_document=ReturnDocument.AFTER,
            )
            found.extend([document] if document else [])
            return document is not None

        if not await self._confirmed(id, write):
            return None
        return found[0] if found else await self.get(id)

    async def find(self, where: Where, *, order: Order = (), limit: int | None = None, skip: int = 0) -> list[Document]:
        """Matching documents in order."""
        condition = _filter(where)
        if limit == 0:
            return []
        keys = dict([*order, *([] if "_id" in dict(order) else [("_id", 1)])])
        cursor = self._collection.find(condition, HIDDEN).sort(list(keys.items())).skip(skip).limit(limit or 0)
        with raise_unavailable():
            documents: list[Document] = await cursor.to_list(None)
        return documents

    async def count(self, where: Where) -> int:
        """How many match."""
        with raise_unavailable():
            return int(await self._collection.count_documents(_filter(where)))

    async def delete(self, id: str, where: Where | None = None) -> bool:
        """Delete if it exists and matches; True if it did, or if it is absent after a lost reply."""
        condition = {**_filter(where or {}), "_id": id}
        with raise_unavailable():
            try:
                result = await self._collection.delete_one(condition)
            except AutoReconnect:
                result = await self._collection.delete_one(condition)
                return bool(result.deleted_count) or await self.get(id) is None
        return bool(result.deleted_count)

    async def _confirmed(self, id: str, write: Callable[[str], Awaitable[bool]]) -> bool:
        """Whether the write was applied, also after a connection lost before the reply."""
        write_id = uuid.uuid4().hex
        try:
            with raise_unavailable():
                try:
                    return await write(write_id)
                except AutoReconnect:
                    return await self._wrote(id, write_id) or await write(write_id) or await self._wrote(id, write_id)
        except DuplicateKeyError as error:
            raise Conflict("Another entry has this value, which must be unique.") from error
        except OperationFailure as error:
            if error.code == NOT_AN_OBJECT:
                raise ValueError(f"a parent is not an object: {error}") from error
            raise

    async def _wrote(self, id: str, write_id: str) -> bool:
        return await self._collection.find_one({"_id": id, "write_id": write_id}, {"_id": 1}) is not None


class MongoDocuments:
    """One database of one MongoDB client."""

    def __init__(self, client: Any, database: str = DATABASE) -> None:
        self._client, self._database = client, client[database]

    async def collection(self, name: str, indexes: Sequence[Index] = ()) -> MongoCollection:
        """Open (and create) a collection with its indexes; `training.jobs` is called training_jobs on the server."""
        collection = self._database.get_collection(
            validate_collection_name(name).replace(".", "_"),
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
        """Close the connections; motor's close blocks and returns nothing, PyMongo's returns a coroutine."""
        closing = await asyncio.to_thread(self._client.close)
        if closing is not None:
            await closing


def _check_json(value: Any) -> None:
    """Raise ValueError or TypeError for a value that is not JSON: BSON would accept NaN and dates."""
    json.dumps(value, allow_nan=False)


def _filter(where: Where) -> dict[str, Any]:
    """Validate the filter; write null as $eq, because compatible servers miscount the short form."""
    return {field: {"$eq": None} if value is None else value for field, value in validate_filter(where).items()}
