"""The Documents protocol: the operations that SQLite and MongoDB both support.

A document is a JSON object with `_id: str` and `version: int`. Filters (`where`) are a small subset of MongoDB's:
`{"state": "queued", "spec.gpu": {"$lte": 1}, "state": {"$in": [...]}}` with dotted paths and the operators
$in $ne $gt $gte $lt $lte, combined by AND. A missing field compares as null. No operation spans two documents.

Values in filters are null, booleans, numbers or strings; other types raise ValueError. Types are never mixed: 1 equals
1.0 but not true or "1", and $gt, $gte, $lt and $lte match only values of the operand's type. Paths go through
objects, not arrays. Field names contain no dot, quote, backslash or control character and do not begin with a dollar.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Document = dict[str, Any]
Where = Mapping[str, Any]
Order = Sequence[tuple[str, int]]
"""Sort keys with direction 1 or -1, e.g. [("priority", -1), ("created_at", 1)]; `_id` breaks ties."""


@dataclass(frozen=True)
class Index:
    """An index over dotted paths, created when the collection is opened.

    A unique index treats a missing field as null, and all nulls as equal.
    """

    fields: tuple[str, ...]
    unique: bool = False


class Collection(Protocol):
    """One named set of documents."""

    async def get(self, id: str) -> Document | None:
        """The document, or None."""

    async def insert(self, document: Document) -> bool:
        """Insert if absent; False when the _id (or a unique index) is taken."""

    async def replace(self, document: Document, *, version: int) -> bool:
        """Compare-and-set: store `document` if the stored version equals `version`.

        The caller sets the new `document["version"]`. False after a concurrent write or a deletion; raises
        `Conflict` when another document holds one of its unique values.
        """

    async def patch(
        self,
        id: str,
        where: Where,
        *,
        set: Mapping[str, Any] | None = None,
        inc: Mapping[str, int] | None = None,
    ) -> Document | None:
        """One atomic filtered write of dotted paths that leaves `version` alone; the new document, or None if no match.

        Missing parents of a path become objects, a missing number counts from 0. Raises when a parent is not an
        object (null included), `Conflict` as `replace` does, and ValueError for `_id` or `version`.
        """

    async def find(self, where: Where, *, order: Order = (), limit: int | None = None, skip: int = 0) -> list[Document]:
        """Matching documents in order, after `skip` of them, at most `limit` (0: none). Default order: `_id`."""

    async def count(self, where: Where) -> int:
        """How many match."""

    async def delete(self, id: str, where: Where | None = None) -> bool:
        """Delete if it exists and matches; True when it did."""


class Documents(Protocol):
    """A database of collections named `<service>.<noun>`."""

    async def collection(self, name: str, indexes: Sequence[Index] = ()) -> Collection:
        """Open (and create) a collection with its indexes."""

    async def ping(self) -> None:
        """Raise unless the database answers."""

    async def close(self) -> None:
        """Finish pending writes and close."""
