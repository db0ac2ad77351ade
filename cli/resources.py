"""Resources as commands name them: by id, by the beginning of an id, or by a unique name; and their deletion."""

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.text import Text
from typer.core import TyperGroup

from anneal.errors import AnnealError
from cli.client import Client
from cli.errors import CommandError
from cli.output import WHOLE_ID, err, out, print_json, table

PATHS = {
    "dataset": "/datasets",
    "job": "/training/jobs",
    "custom model": "/models/custom",
    "evaluation": "/evaluations",
    "judgement": "/evaluations/judgements",
    "export": "/exports",
    "deployment": "/deployments",
    "preset": "/training/presets",
    "key": "/auth/keys",
}
IN_LINEAGE = frozenset({"dataset", "job", "custom model", "evaluation", "export", "deployment"})
WHOLE_VERSION = re.compile("[0-9a-f]{16}")
PAGE = 200
"""Entries of one answer at most."""
MORE = "There are more; list them with --limit."

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print ids only, one a line.")]
Wide = Annotated[bool, typer.Option("--wide", help="Print every column, each entry on one line however long.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")]


class ListByDefault(TyperGroup):
    """A group of commands that lists its resources when no subcommand is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `list` where the arguments begin with one of its options, or there are none."""
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def named(kind: str, help: str) -> Any:
    """An argument that names a resource of `kind`: resolved to its id, and completed by the shell."""
    return typer.Argument(help=f"{help} An id, the beginning of one, or a unique name.", **_naming(kind))


def named_option(kind: str, help: str) -> Any:
    """As `named`, for an option."""
    return typer.Option(help=help, **_naming(kind))


def _naming(kind: str) -> dict[str, Any]:
    def resolved(context: typer.Context, value: str | None) -> str | None:
        return value if value is None or context.resilient_parsing else find(Client(), kind, value)

    def completed(incomplete: str) -> list[tuple[str, str]]:
        try:
            page = Client().get(PATHS[kind], limit=PAGE)["items"]
        except AnnealError:
            return []  # no platform, or not now: nothing is suggested
        return [(item["id"], item.get("name") or "") for item in page if item["id"].startswith(incomplete)]

    return {"callback": resolved, "autocompletion": completed}


def find(client: Client, kind: str, given: str) -> str:
    """The id of what `given` names; what names nothing is returned as it is, for the service to answer.

    Raises CommandError where it names several.
    """
    given, at, version = given.partition("@") if kind == "dataset" else (given, "", "")
    if WHOLE_ID.fullmatch(given):
        return given + at + (find_version(client, given, version) or "")
    items = list(everything(client, PATHS[kind]))
    found = [item for item in items if item.get("name") == given] or [
        item for item in items if item["id"].startswith(given) or item["id"].partition("_")[2].startswith(given)
    ]
    if len(found) > 1:
        ids = "\n".join(f"  {item['id']}  {item.get('name') or ''}".rstrip() for item in found[:10])
        raise CommandError(f"{given!r} names {len(found)} {kind}s; give more of an id:\n{ids}")
    if not found:
        return given + at + version
    id = str(found[0]["id"])
    return id + at + (find_version(client, id, version) or "")


def find_version(client: Client, dataset_id: str, given: str | None) -> str | None:
    """The version of a dataset that begins with `given`; where none does, `given`, for the service to answer.

    Raises CommandError where several do.
    """
    if not given or WHOLE_VERSION.fullmatch(given):
        return given
    versions = client.get(f"/datasets/{dataset_id}")["versions"]
    found = [one["version"] for one in versions if one["version"].startswith(given)]
    if len(found) > 1:
        raise CommandError(f"{given!r} begins {len(found)} versions; give more of one: {', '.join(found)}")
    return found[0] if found else given


def find_any(client: Client, given: str) -> str:
    """As `find`, for a resource of any kind in the lineage; where a model and a job share a name, the model."""
    if WHOLE_ID.fullmatch(given.partition("@")[0]):
        return given
    found = {kind: id for kind in sorted(IN_LINEAGE) if (id := find(client, kind, given)) != given}
    if found.keys() == {"custom model", "job"}:  # by default a job's model has the job's name
        del found["job"]
    if len(found) > 1:
        raise CommandError(f"{given!r} names several resources; give an id: {', '.join(sorted(found.values()))}")
    return found.popitem()[1] if found else given


def everything(client: Client, path: str, **query: Any) -> Iterator[dict[str, Any]]:
    """All entries of a list, page by page."""
    cursor = None
    while True:
        page = client.get(path, limit=PAGE, cursor=cursor, **query)
        yield from page["items"]
        if not (cursor := page["next_cursor"]):
            return


def with_names(client: Client, rows: Iterable[dict[str, Any]], **kinds: str) -> list[dict[str, Any]]:
    """The rows with names in place of ids, in the columns named in `kinds`; ids that are not among the newest stay."""
    rows = list(rows)
    for column, kind in kinds.items():
        if any(column in row for row in rows):
            names = {item["id"]: item["name"] for item in client.get(PATHS[kind], limit=PAGE)["items"]}
            rows = [row | {column: names.get(row[column]) or row[column]} for row in rows]
    return rows


def print_page(
    page: dict[str, Any], rows: Iterable[dict[str, Any]], *, json: bool, quiet: bool, wide: bool = False
) -> None:
    """Print one page of a list: whole as JSON, ids only, or as a table of the keys of `rows` that have values."""
    if json:
        print_json(page)
        return
    if quiet:
        for item in page["items"]:
            typer.echo(item["id"])
        return
    if shown := list(rows):
        columns = [name for name in shown[0] if any(row[name] != "" for row in shown)]
        table(columns, [[row[name] for name in columns] for row in shown], wide=wide)
    else:
        out.print("nothing yet")
    if page["next_cursor"]:
        err.print(MORE)


def delete(kind: str, id: str, *, yes: bool, path: str | None = None) -> None:
    """Delete a resource, once the user has confirmed it after seeing what was made from it."""
    client = Client()
    if not yes:
        _confirm(client, kind, id)
    client.delete(path or f"{PATHS[kind]}/{quote(id, safe='')}")
    out.print(f"deleted {id}", highlight=False)


def _confirm(client: Client, kind: str, id: str) -> None:
    for line in _made_from(client, id) if kind in IN_LINEAGE else ():
        err.print(line)
    if not sys.stdin.isatty():
        raise CommandError(f"Deleting the {kind} {id} needs a confirmation: add --yes.")
    if not typer.confirm(f"Delete the {kind} {id}?", err=True):
        raise typer.Exit(1)


def _made_from(client: Client, id: str) -> Iterator[Text]:
    """A line for each resource that was made from this one and still exists."""
    try:
        lineage = client.get("/lineage", id=id)
    except CommandError:
        return  # no event has named it yet: nothing was made from it
    nodes = {node["key"]: node for node in lineage["nodes"]}
    reached = [lineage["key"]]
    for key in reached:
        reached += [
            edge["target"] for edge in lineage["edges"] if edge["source"] == key and edge["target"] not in reached
        ]
    for node in (nodes[key] for key in reached[1:]):
        if node["state"] != "deleted":
            line = Text("used by ").append(f"{node['kind'].replace('_', ' ')} {node['id']}", style="bold")
            yield line.append(f"  {', '.join(filter(None, (node['name'], node['state'])))}")
