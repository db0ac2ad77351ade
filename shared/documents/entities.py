"""Entities over documents: typed load and save by compare-and-set, with the events of each write in its outbox.

A service's `store.py` uses `EntityStore`; its `models.py` derives from `Entity` and does no I/O. A change is a function
that mutates the entity and returns the events it causes; entity and events are stored in one atomic write.
"""

import base64
import json
import secrets
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.documents.protocol import Collection, Document, Order
from shared.events.envelope import Envelope, Event
from shared.runtime.errors import Conflict, InvalidInput, NotFound, Unavailable

OUTBOX_LIMIT = 32
SEEN_LIMIT = 64
CONFLICT_RETRIES = 50
AFTER_REMEDY = "Give the id of the last entry of the page before, or leave after out."


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """An opaque, unguessable id such as `job_4f9c…` (prefix and 20 hex digits)."""
    return f"{prefix}_{secrets.token_hex(10)}"


def derived_id(prefix: str, *parts: str) -> str:
    """The same id for the same parts, so that a creation by an event or an Idempotency-Key happens once."""
    return f"{prefix}_{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(parts)).hex[:20]}"


class Public(BaseModel):
    """The fields of an entity that every API view shows."""

    id: str = Field(description="opaque identifier")
    project: str = Field(description="the project that owns it")
    created_at: datetime = Field(default_factory=now, description="UTC")
    updated_at: datetime = Field(default_factory=now, description="UTC; the last change, heartbeats excluded")


class Entity(Public):
    """A stored object with an identity, a version and an owner project.

    Errors call it `NOUN`, and point to the path `LISTED_AT`, which lists those of a project.
    """

    model_config = ConfigDict(extra="ignore")
    NOUN: ClassVar[str] = "entry"
    LISTED_AT: ClassVar[str] = ""

    version: int = Field(default=0, description="number of changes, from 1; compare-and-set guards every write with it")
    seen: list[str] = Field(
        default=[], description="ids of the last 64 events that changed it; a repeated event changes nothing"
    )
    deleted_at: datetime | None = Field(
        default=None, description="set when it is deleted: from then on it is a tombstone that no query returns"
    )
    request_hash: str | None = Field(
        default=None, description="hash of the creating request, where it had an Idempotency-Key"
    )
    traceparent: str | None = Field(default=None, description="W3C trace context of the request that created it")


E = TypeVar("E", bound=Entity)
V = TypeVar("V")
Changed = Iterable[Event] | None
Mutation = Callable[[E], Changed]


class Page(BaseModel, Generic[V]):
    """A page of a list; pass `next_cursor` as `cursor` for the next page."""

    items: list[V]
    next_cursor: str | None = None


def _decode(cursor: str) -> tuple[str, str]:
    try:
        created_at, id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return str(created_at), str(id)
    except (ValueError, TypeError) as error:
        remedy = "Pass the next_cursor of the previous page unchanged, or omit it."
        raise InvalidInput("The cursor is invalid.", field="cursor", remedy=remedy) from error


def _cursor(created_at: str, id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([created_at, id]).encode()).decode()


def _require_same_request(existing: E, request_hash: str | None) -> E:
    if existing.request_hash != request_hash:
        remedy = "Use a new Idempotency-Key for a new request."
        raise Conflict("This Idempotency-Key was used for another request.", field="Idempotency-Key", remedy=remedy)
    return existing


class EntityStore(Generic[E]):
    """Entities of one type. `for_project` restricts it to a project; only workers and handlers use it unrestricted."""

    def __init__(
        self,
        collection: Collection,
        kind: type[E],
        *,
        service: str,
        kick: Callable[[], None],
        project: str | None = None,
    ) -> None:
        self._collection, self._kind, self._service, self._kick, self._project = (
            collection,
            kind,
            service,
            kick,
            project,
        )

    def for_project(self, project: str) -> Self:
        """The same store, restricted to one project."""
        return type(self)(self._collection, self._kind, service=self._service, kick=self._kick, project=project)

    def _scope(self, where: dict[str, Any] | None = None) -> dict[str, Any]:
        scope: dict[str, Any] = {"deleted_at": None, **(where or {})}
        return scope if self._project is None else {**scope, "project": self._project}

    def _visible(self, document: Document | None) -> bool:
        return (
            document is not None and document.get("deleted_at") is None and self._project in (None, document["project"])
        )

    def _load(self, document: Document) -> E:
        return self._kind.model_validate({**document, "id": document["_id"]})

    def _dump(self, entity: E, events: Iterable[Event], old: Document | None) -> Document:
        outbox = dict(old["outbox"]) if old and old.get("pending") else {}
        for event in events:
            envelope = Envelope.of(
                event,
                service=self._service,
                subject=entity.id,
                project=entity.project,
                sequence=entity.version,
                trace=entity.traceparent,
            )
            outbox[envelope.id] = envelope.model_dump(mode="json")
        if len(outbox) > OUTBOX_LIMIT:
            remedy = "Try again when the message broker is available."
            detail = f"Too many unpublished events of this {self._kind.NOUN}."
            raise Unavailable(detail, limit=OUTBOX_LIMIT, remedy=remedy)
        document = entity.model_dump(mode="json", exclude={"id"})
        return {"_id": entity.id, **document, "outbox": outbox, "pending": entity.version if outbox else 0}

    async def get(self, id: str) -> E:
        """Return the entity. Raises NotFound."""
        document = await self._collection.get(id)
        if document is None or not self._visible(document):
            remedy = (
                f"GET {self._kind.LISTED_AT} lists those of the project." if self._kind.LISTED_AT else "Check the id."
            )
            raise NotFound(self._absent(id), field="id", remedy=remedy)
        return self._load(document)

    def _absent(self, id: str) -> str:
        return f"There is no {self._kind.NOUN} {id!r} in this project."

    async def find(
        self,
        where: dict[str, Any] | None = None,
        *,
        order: Order = (("created_at", -1),),
        limit: int | None = None,
    ) -> list[E]:
        """Return matching entities, newest first by default."""
        return [self._load(d) for d in await self._collection.find(self._scope(where), order=order, limit=limit)]

    async def count(self, where: dict[str, Any] | None = None) -> int:
        """Count matching entities."""
        return await self._collection.count(self._scope(where))

    async def page(
        self,
        where: dict[str, Any] | None = None,
        *,
        limit: int = 50,
        cursor: str | None = None,
        oldest_first: bool = False,
    ) -> Page[E]:
        """Return a page, newest first unless `oldest_first`, after `cursor`, which is of a page in the same order."""
        scope, skip_ids = self._scope(where), set[str]()
        if cursor:
            created_at, last = _decode(cursor)
            scope["created_at"] = {**scope.get("created_at", {}), "$gte" if oldest_first else "$lte": created_at}
            skip_ids = {d["_id"] for d in await self._collection.find({**self._scope(where), "created_at": created_at})}
            skip_ids = {id for id in skip_ids if id <= last}
        order = (("created_at", 1 if oldest_first else -1),)
        found = await self._collection.find(scope, order=order, limit=limit + 1 + len(skip_ids))
        rest = [d for d in found if d["_id"] not in skip_ids]
        shown, more = rest[:limit], len(rest) > limit
        items = [self._load(d) for d in shown]
        return Page[E](items=items, next_cursor=_cursor(shown[-1]["created_at"], shown[-1]["_id"]) if more else None)

    async def page_after(
        self, after: str | None, limit: int, *, where: dict[str, Any] | None = None, oldest_first: bool = False
    ) -> Page[E]:
        """Return a page after the entity `after`, also one that was deleted since. Raises InvalidInput."""
        cursor = None
        if after is not None:
            document = await self._collection.get(after)
            if document is None or self._project not in (None, document["project"]):
                raise InvalidInput(self._absent(after), field="after", remedy=AFTER_REMEDY)
            cursor = _cursor(document["created_at"], after)
        return await self.page(where, limit=limit, cursor=cursor, oldest_first=oldest_first)

    async def create(self, entity: E, events: Sequence[Event] = ()) -> E:
        """Store a new entity, or return the existing one with its id (created by the same key or event).

        Raises Conflict if a different request created the existing one.
        """
        entity.version = 1
        if await self._collection.insert(self._dump(entity, events, None)):
            if events:
                self._kick()
            return entity
        return _require_same_request(await self.get(entity.id), entity.request_hash)

    async def find_repeated(self, id: str, request_hash: str | None) -> E | None:
        """Return the entity that the same request created before, or None. Raises Conflict for another request's."""
        document = await self._collection.get(id)
        if document is None or not self._visible(document):
            return None
        return _require_same_request(self._load(document), request_hash)

    async def change(self, id: str, mutate: Mutation[E], *, event_id: str | None = None) -> E:
        """Apply `mutate` by compare-and-set, and retry on the fresh entity after a concurrent write.

        `mutate` changes the entity in place and returns the events to publish; it may raise to refuse. With
        `event_id`, a change is applied once per event.
        """
        for _ in range(CONFLICT_RETRIES):
            document = await self._collection.get(id)
            if document is None or not self._visible(document):
                return await self.get(id)
            entity = self._load(document)
            if event_id is not None and event_id in entity.seen:
                return entity
            before = entity.version
            events = list(mutate(entity) or ())
            entity.version, entity.updated_at = before + 1, now()
            if event_id is not None:
                entity.seen = [*entity.seen, event_id][-SEEN_LIMIT:]
            if await self._collection.replace(self._dump(entity, events, document), version=before):
                if events:
                    self._kick()
                return entity
        detail = f"Too many changes of this {self._kind.NOUN} at the same time."
        raise Unavailable(detail, remedy="Try again in a moment.")

    async def heartbeat(self, id: str, token: int) -> E | None:
        """Increment `beat` if the fencing token is current. Return the entity, or None when the lease is lost."""
        document = await self._collection.patch(id, {"token": token}, inc={"beat": 1})
        return self._load(document) if document else None

    async def delete(self, id: str, events: Sequence[Event] = ()) -> E:
        """Make the entity a tombstone; the outbox removes it after a day, once its events are published."""

        def mark_deleted(entity: E) -> Sequence[Event]:
            entity.deleted_at = now()
            return events

        return await self.change(id, mark_deleted)

    async def remove(self, id: str, where: dict[str, Any] | None = None) -> None:
        """Delete the entity at once, without a tombstone: for what no event and no other entity refers to.

        With `where`, only if it still matches.
        """
        await self._collection.delete(id, where)
