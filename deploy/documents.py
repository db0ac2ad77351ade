"""docs/reference/documents.md, rendered from the collections that the services declare and their documents' types."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from inspect import getdoc
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import services.dataset.store
import services.evaluation.evals.store
import services.evaluation.gates.store
import services.evaluation.store
import services.export.store
import services.gateway.store
import services.inference.aliases.store
import services.inference.deployments.store
import services.inference.feedback.store
import services.training.store
from shared.documents.entities import Entity
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.jobs.work import Work

STORES = (
    *(services.dataset.store, services.training.store, services.evaluation.store, services.evaluation.evals.store),
    *(services.evaluation.gates.store, services.export.store, services.inference.deployments.store),
    *(services.inference.aliases.store, services.inference.feedback.store, services.gateway.store),
)
COLLECTIONS: Sequence[CollectionSpec[Any]] = [spec for store in STORES for spec in store.COLLECTIONS]
NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", datetime: "date-time", Any: "any"}
INTRODUCTION = """\
The database of the platform: every collection with its owner, fields, states, indexes and retention. Written by
`make reference` from the services' `store.py` and `models.py`.

A document is a JSON object. It lies in SQLite (embedded) or MongoDB, where `training.jobs` is called `training_jobs`.
Only its owner reads or writes a collection; other services learn of changes through events. A write changes one
document: there are no transactions over several. Every document has `_id` (string) and `version` (integer); a field
without a default is required. Times are RFC 3339 strings in UTC.

**Tombstones.** Deleting an entity sets `deleted_at`. An hourly pass removes a tombstone that is a day old once its
events are published. "Kept without limit" means that nothing deletes the documents.

**Outbox.** Beside the fields below, an entity carries `outbox` (the events of its latest changes, by event id) and
`pending` (the version whose events wait to be published, else 0). They are stored in the same write as the change."""


def render(opened: Mapping[str, Sequence[Index]]) -> str:
    """The page, with the indexes of each collection as it was opened. Raises ValueError for an undeclared one."""
    if undeclared := set(opened) ^ {spec.name for spec in COLLECTIONS}:
        raise ValueError(f"declared and opened collections differ: {sorted(undeclared)}")
    lines = ["# Documents", "", INTRODUCTION, "", "| Collection | Owner | A document is |", "|---|---|---|"]
    lines += [
        f"| [`{spec.name}`](#{_anchor(spec.name)}) | {spec.service} | {_summary(spec.document)} |"
        for spec in COLLECTIONS
    ]
    lines += ["", "## Fields of every entity", "", *_fields(Entity), "", "## Fields of every work item", ""]
    lines += ["Jobs, base models, dataset versions, evaluations and exports are work items: entities with a queue."]
    lines += ["The collection is the queue: workers claim by `state`, `priority` and `created_at`.", ""]
    lines += [*_fields(Work, Entity), "", *_states(Work), "Only training jobs can be paused.", ""]
    for spec in COLLECTIONS:
        lines += _collection(spec, opened[spec.name])
    return "\n".join(lines)


def _collection(spec: CollectionSpec[Any], indexes: Sequence[Index]) -> Iterator[str]:
    kind = spec.document
    base = next((known for known in (Work, Entity) if issubclass(kind, known)), None)
    yield from (f"## {spec.name}", "", getdoc(kind) or "", "")
    if base:
        noun = "work item" if base is Work else "entity"
        yield from (f"Also the [fields of every {noun}](#fields-of-every-{noun.replace(' ', '-')}).", "")
    if set(kind.model_fields) - set(base.model_fields if base else ()):
        yield from (*_fields(kind, base), "")
    for nested in _nested(kind, base):
        yield from (f"`{nested.__name__}`: {_summary(nested)}", "", *_fields(nested), "")
    if base is not Work:
        yield from _states(kind)
    keys = [f"`({', '.join(index.fields)})`{' unique' if index.unique else ''}" for index in indexes]
    yield from (f"Indexes: {', '.join(['`_id`', *keys])}.", "", f"Retention: {spec.retention}", "")


def _states(kind: type[BaseModel]) -> Iterator[str]:
    if transitions := getattr(kind, "TRANSITIONS", ()):
        yield from ("| From | To | When |", "|---|---|---|")
        yield from (f"| {step.source or '(new)'} | {step.target} | {step.cause} |" for step in transitions)
        yield ""


def _fields(kind: type[BaseModel], without: type[BaseModel] | None = None) -> Iterator[str]:
    yield from ("| Field | Type | Default | Meaning |", "|---|---|---|---|")
    for name, field in kind.model_fields.items():
        if without is None or name not in without.model_fields:
            shown = "_id" if name == "id" and issubclass(kind, Entity) else name
            yield f"| `{shown}` | {_type(field.annotation)} | {_default(field)} | {field.description or ''} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    if field.default_factory:
        return "now"
    if isinstance(field.default, BaseModel):
        return "`{}`"
    return f"`{json.dumps(field.default)}`"


def _type(annotation: Any) -> str:
    """The annotation in JSON's terms; an object with fields of its own by the name of its class."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " \\| ".join("null" if one is NoneType else _type(one) for one in arguments)
    if origin is list:
        return f"array of {_type(arguments[0])}"
    if origin is dict:
        return "object" if arguments[1] is Any else f"object of {_type(arguments[1])}"
    return NAMES.get(annotation) or f"`{annotation.__name__}`"


def _nested(kind: type[BaseModel], without: type[BaseModel] | None) -> list[type[BaseModel]]:
    """The models inside the own fields of a model, at any depth, in order of appearance."""
    found: dict[type[BaseModel], None] = {}

    def visit(annotation: Any) -> None:
        for argument in get_args(annotation):
            visit(argument)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in found:
            found[annotation] = None
            for field in annotation.model_fields.values():
                visit(field.annotation)

    for name, field in kind.model_fields.items():
        if without is None or name not in without.model_fields:
            visit(field.annotation)
    return list(found)


def _summary(kind: type[BaseModel]) -> str:
    """The first paragraph of its docstring, on one line."""
    return " ".join((getdoc(kind) or "").partition("\n\n")[0].split())


def _anchor(name: str) -> str:
    return name.replace(".", "")
