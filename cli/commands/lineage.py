"""`anneal lineage`: what a resource was made from, and what was made from it."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from cli.client import Client
from cli.output import Json, err, out, print_json
from cli.resources import find_any

WIDTH = 80


def lineage(
    id: Annotated[
        str,
        typer.Argument(
            help="A dataset, job, model, evaluation, export, deployment or alias: an id, its beginning, or a name. "
            "The name of a model and its job is the model's."
        ),
    ],
    json: Json = False,
) -> None:
    """Show the lineage of a resource: the data and models that it was made from, and what was made from it.

    A dataset version is <dataset-id>@<version>.
    """
    client = Client()
    found = client.get("/lineage", id=find_any(client, id))
    if json:
        print_json(found)
        return
    for label, near, far in (("made from", "target", "source"), ("used by", "source", "target")):
        tree = Tree(Text(f"{found['key']}: {label}", style="bold"))
        _grow(tree, found, found["key"], near, far, {found["key"]})
        if tree.children:
            out.print(tree, width=WIDTH)
    if found["truncated"]:
        err.print("There is more: the most distant edges are left out.")


def _grow(tree: Tree, found: dict[str, Any], key: str, near: str, far: str, seen: set[str]) -> None:
    """Add what is one edge away, and so on; a node that was shown before is not expanded again."""
    for edge, node in _next_to(found, key, near, far):
        branch = tree.add(_line(edge["relation"], node))
        if node["key"] not in seen:
            seen.add(node["key"])
            _grow(branch, found, node["key"], near, far, seen)


def _next_to(found: dict[str, Any], key: str, near: str, far: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    nodes = {node["key"]: node for node in found["nodes"]}
    for edge in found["edges"]:
        if edge[near] == key:
            yield edge, nodes[edge[far]]


def _line(relation: str, node: dict[str, Any]) -> Text:
    line = Text(f"{relation.replace('_', ' ')}: ", style="dim").append(node["key"], style="default")
    shown = ", ".join(value for value in (node["name"], node["state"]) if value)
    return line.append(f"  {shown}", style="dim") if shown else line
