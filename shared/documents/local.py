"""Documents in one SQLite file: the embedded adapter, equivalent to MongoDB for the operations of the protocol.

SQLite's JSON functions return the same SQL value for true and 1, or for an object and its text; MongoDB distinguishes
them. Every comparison therefore also tests the JSON type. Paths are literals, because parameters would prevent the use
of an index; paths and table names are validated first, so no outside text becomes SQL (hence S608 is off here).
"""
# ruff: noqa: S608

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.documents.filters import (
    split_field_path,
    validate_collection_name,
    validate_filter_value,
    validate_patch_fields,
)
from shared.documents.protocol import Document, Index, Order, Where
from shared.runtime.disk_reserve import DiskReserve
from shared.runtime.errors import Conflict
from shared.runtime.sqlite import Database

Clause = tuple[str, list[Any]]
"""A piece of SQL with its parameters."""

COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
COLUMNS = {"_id": ("_id", "'text'"), "version": ("version", "'integer'")}


def _path(field: str) -> str:
    """The dotted field as a quoted JSON path in an SQL literal."""
    path = "$" + "".join(f'."{name}"' for name in split_field_path(field)).replace("'", "''")
    return f"'{path}'"


def _value(field: str) -> str:
    return COLUMNS[field][0] if field in COLUMNS else f"json_extract(body, {_path(field)})"


def _type(field: str) -> str:
    return COLUMNS[field][1] if field in COLUMNS else f"json_type(body, {_path(field)})"


def _types_of(value: Any) -> str:
    """The JSON types that equal a filter value's type."""
    match validate_filter_value(value):
        case bool():
            return "('true', 'false')"
        case int() | float():
            return "('integer', 'real')"
        case str():
            return "('text')"
    raise ValueError("filters compare with null for equality only")


def _compare(field: str, sign: str, value: Any) -> Clause:
    return f"({_value(field)} {sign} ? AND {_type(field)} IN {_types_of(value)})", [value]


def _among(field: str, values: Sequence[Any]) -> Clause:
    """Equality with any of `values`, grouped by type so that an index serves the common case of one type."""
    groups: dict[str, list[Any]] = {}
    for value in values:
        if value is not None:
            groups.setdefault(_types_of(value), []).append(value)
    parts = [
        f"({_value(field)} IN ({', '.join('?' * len(group))}) AND {_type(field)} IN {types})"
        for types, group in groups.items()
    ]
    if None in values:
        parts.append(f"{_value(field)} IS NULL")
    return f"({' OR '.join(parts) or '0'})", [value for group in groups.values() for value in group]


def _operator(field: str, operator: str, value: Any) -> Clause:
    if operator == "$in":
        return _among(field, list(value))
    if operator == "$ne":
        sql, parameters = _among(field, [value])
        return f"({sql} IS NOT TRUE)", parameters
    if operator in COMPARISONS:
        return _compare(field, COMPARISONS[operator], value)
    raise ValueError(f"unknown operator {operator!r}")


def _filter(where: Where) -> Clause:
    """The WHERE expression of a filter."""
    clauses: list[Clause] = []
    for field, condition in where.items():
        if isinstance(condition, Mapping):
            clauses += [_operator(field, operator, value) for operator, value in condition.items()]
        else:
            clauses.append(_among(field, [condition]))
    return " AND ".join(sql for sql, _ in clauses) or "1", [p for _, parameters in clauses for p in parameters]


def _assignments(set: Mapping[str, Any], inc: Mapping[str, int]) -> Clause:
    """The new body: json_set creates missing parents, as $set does."""
    if not set and not inc:
        return "body", []
    sql = [f"{_path(field)}, json(?)" for field in set]
    sql += [f"{_path(field)}, coalesce({_value(field)}, 0) + ?" for field in inc]
    return f"json_set(body, {', '.join(sql)})", [*map(_encode, set.values()), *inc.values()]


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _require(document: Document, fields: Sequence[str]) -> None:
    """Raise ValueError where json_set skipped a path below a non-object, which MongoDB refuses."""
    for field in fields:
        node: Any = document
        for name in field.split("."):
            if not isinstance(node, dict) or name not in node:
                raise ValueError(f"{field}: its parent is not an object")
            node = node[name]


class LocalCollection:
    """One table: `_id`, `version` and the document as JSON text."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._table = f'"{name}"'

    async def get(self, id: str) -> Document | None:
        """The document, or None."""
        found = await self.find({"_id": id})
        return found[0] if found else None

    async def insert(self, document: Document) -> bool:
        """Insert if absent; False when the _id (or a unique index) is taken."""
        row = (document["_id"], document["version"], _encode(document))
        sql = f"INSERT INTO {self._table} (_id, version, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        return await self._database.write(lambda db: db.execute(sql, row).rowcount == 1)

    async def replace(self, document: Document, *, version: int) -> bool:
        """Compare-and-set on the stored version."""
        row = (document["version"], _encode(document), document["_id"], version)
        sql = f"UPDATE {self._table} SET version = ?, body = ? WHERE _id = ? AND version = ?"
        return await self._database.write(lambda db: self._update(db, sql, row).rowcount == 1)

    async def patch(
        self, id: str, where: Where, *, set: Mapping[str, Any] | None = None, inc: Mapping[str, int] | None = None
    ) -> Document | None:
        """One filtered UPDATE of dotted paths."""
        fields = [*(set or ()), *(inc or ())]
        validate_patch_fields(fields)
        body, values = _assignments(set or {}, inc or {})
        condition, parameters = _filter(where)
        sql = f"UPDATE {self._table} SET body = {body} WHERE _id = ? AND {condition} RETURNING body"

        def work(db: sqlite3.Connection) -> Document | None:
            rows = self._update(db, sql, [*values, id, *parameters]).fetchall()
            if not rows:
                return None
            document: Document = json.loads(rows[0][0])
            _require(document, fields)
            return document

        return await self._database.write(work)

    async def find(self, where: Where, *, order: Order = (), limit: int | None = None, skip: int = 0) -> list[Document]:
        """Matching documents in order."""
        condition, parameters = _filter(where)
        keys = [f"{_value(field)} {'ASC' if direction > 0 else 'DESC'}" for field, direction in order]
        sql = f"SELECT body FROM {self._table} WHERE {condition} ORDER BY {', '.join([*keys, '_id'])} LIMIT ? OFFSET ?"
        parameters += [-1 if limit is None else limit, skip]
        return await self._database.read(lambda db: [json.loads(row[0]) for row in db.execute(sql, parameters)])

    async def count(self, where: Where) -> int:
        """How many match."""
        condition, parameters = _filter(where)
        sql = f"SELECT count(*) FROM {self._table} WHERE {condition}"
        return await self._database.read(lambda db: int(db.execute(sql, parameters).fetchone()[0]))

    async def delete(self, id: str, where: Where | None = None) -> bool:
        """Delete if it exists and matches; True when it did."""
        condition, parameters = _filter(where or {})
        sql = f"DELETE FROM {self._table} WHERE _id = ? AND {condition}"
        return await self._database.write(lambda db: db.execute(sql, [id, *parameters]).rowcount == 1)

    def _update(self, db: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
        try:
            return db.execute(sql, parameters)
        except sqlite3.IntegrityError as error:
            raise Conflict("Another entry has this value, which must be unique.") from error


class LocalDocuments:
    """All collections in one SQLite file of one process."""

    def __init__(self, path: Path, reserve: DiskReserve | None = None) -> None:
        self._database = Database(path, reserve=reserve)
        self.opened: dict[str, Sequence[Index]] = {}
        """The indexes of every collection that was opened, by its name."""

    async def collection(self, name: str, indexes: Sequence[Index] = ()) -> LocalCollection:
        """Open (and create) a collection with its indexes."""
        self.opened[validate_collection_name(name)] = indexes
        schema = [
            f'CREATE TABLE IF NOT EXISTS "{name}" (_id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL)'
        ]
        for index in indexes:
            schema += _index(name, index)
        await self._database.write(lambda db: [db.execute(sql) for sql in schema])
        return LocalCollection(self._database, name)

    async def ping(self) -> None:
        """Raise unless the file answers."""
        await self._database.read(lambda db: db.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        """Finish pending writes and close."""
        await self._database.close()


def _index(collection: str, index: Index) -> list[str]:
    """An expression index for look-ups, and for uniqueness one where nulls are equal, as they are to MongoDB."""
    name = f"{collection}({','.join(index.fields)})"
    fields = [_value(field) for field in index.fields]
    sql = [f'CREATE INDEX IF NOT EXISTS "{name}" ON "{collection}" ({", ".join(fields)})']
    if index.unique:
        keys = ", ".join(f"coalesce({field}, x'00')" for field in fields)
        sql.append(f'CREATE UNIQUE INDEX IF NOT EXISTS "{name} unique" ON "{collection}" ({keys})')
    return sql
