"""The lineage of a project's resources: a read model of ids and edges, fed by events."""

from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import BaseModel, Field

from services.gateway.lineage.edges import Edge, edges_of
from services.gateway.models import LineageEdge
from services.gateway.overview import ReadModel
from services.gateway.store import Stores
from shared.documents.entities import derived_id
from shared.events.envelope import Envelope, Event
from shared.runtime.errors import NotFound

NodeKind = Literal["dataset", "base_model", "job", "checkpoint", "model", "evaluation", "export", "deployment", "alias"]
MAX_EDGES = 1000
"""Edges of one answer."""


class Node(BaseModel):
    """A resource, or one version of a dataset."""

    key: str = Field(description="`<kind>/<id>`, as the edges name it")
    kind: NodeKind
    id: str = Field(description="of a dataset version: `<id>@<version>`; of a checkpoint: `<job_id>@<step>`")
    name: str | None
    state: str | None = Field(description="as its owner last reported it, or deleted; null: no event has reported it")


class EdgeView(BaseModel):
    """From a node to one that was made with it."""

    source: str
    relation: str = Field(
        description="version, rated_in, edited, trained_on, validated_on, fine_tuned, reproduced, checkpoint, "
        "produced, evaluated, evaluated_on, exported, deployed, created, promoted or rolled_back_to"
    )
    target: str


class Lineage(BaseModel):
    """Everything that a resource was made from, and everything that was made from it."""

    key: str = Field(description="the node of the resource")
    nodes: list[Node]
    edges: list[EdgeView]
    truncated: bool = Field(description="there are more than 1,000 edges, and the most distant ones are missing")


class LineageGraph:
    """Records edges, and walks along them."""

    def __init__(self, stores: Stores, model: ReadModel) -> None:
        self._edges, self._model = stores.lineage, model

    async def record(self, event: Event, envelope: Envelope) -> None:
        """Store the event's edges. An edge is stored once, so duplicate and late events change nothing."""
        for edge in edges_of(event):
            id = derived_id("edge", envelope.project, *edge)
            await self._edges.create(LineageEdge(id=id, project=envelope.project, **edge._asdict()))

    async def lineage(self, project: str, id: str) -> Lineage:
        """The ancestors and the descendants of the resource with this id. Raises NotFound."""
        key = await self._key_of(project, id)
        made = await self._walk(project, [key], upward=False)
        versions = [edge.target for edge in made if edge.source == key and edge.relation == "version"]
        found = {**await self._walk(project, [key, *versions], upward=True), **made}
        edges = [*found][:MAX_EDGES]
        keys = {key, *(edge.source for edge in edges), *(edge.target for edge in edges)}
        return Lineage(
            key=key,
            nodes=await self._nodes(project, sorted(keys)),
            edges=[EdgeView(**edge._asdict()) for edge in sorted(edges)],
            truncated=len(found) >= MAX_EDGES,
        )

    async def _key_of(self, project: str, id: str) -> str:
        keys = [f"{kind}/{id}" for kind in get_args(NodeKind)]
        for near in ("source", "target"):
            for edge in await self._edges.for_project(project).find({near: {"$in": keys}}, limit=1):
                return str(getattr(edge, near))
        remedy = "Give an alias's name, or the id of a dataset (or <id>@<version>), job, model, evaluation, export, …"
        raise NotFound(f"There is no lineage of {id!r} in this project.", field="id", remedy=remedy)

    async def _walk(self, project: str, start: list[str], *, upward: bool) -> dict[Edge, None]:
        """The edges in one direction, nearest first, at most MAX_EDGES."""
        near, far = ("target", "source") if upward else ("source", "target")
        found, seen, frontier = dict[Edge, None](), {*start}, start
        while frontier and len(found) < MAX_EDGES:
            stored = await self._edges.for_project(project).find({near: {"$in": frontier}}, limit=MAX_EDGES)
            found |= dict.fromkeys(Edge(edge.source, edge.relation, edge.target) for edge in stored)
            frontier = _new([getattr(edge, far) for edge in stored], seen)
        return found

    async def _nodes(self, project: str, keys: Iterable[str]) -> list[Node]:
        nodes = []
        parts = {key: key.partition("/")[::2] for key in keys}
        owners = {key: (kind, id.partition("@")[0]) for key, (kind, id) in parts.items()}
        tracked = await self._model.tracked(project, owners.values())
        for key, (kind, id) in parts.items():
            known = tracked.get(owners[key])
            stated = {"name": known.name, "state": known.state} if known else {"name": None, "state": None}
            nodes.append(Node.model_validate({"key": key, "kind": kind, "id": id, **stated}))
        return nodes


def _new(keys: Iterable[str], seen: set[str]) -> list[str]:
    """The keys that were not seen before; now they are."""
    fresh = sorted(set(keys) - seen)
    seen.update(fresh)
    return fresh
