"""`anneal alias`: names that applications call, their candidates, promotion and rollback."""

import json as json_module
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.client import Client
from cli.errors import CommandError
from cli.output import Json, examples, out, print_json, table

POLL_INTERVAL_S = 0.5
ROWS_SHOWN = 10
PLAIN: dict[str, Any] = {"markup": False, "highlight": False}

alias = typer.Typer(
    name="alias",
    help="Manage aliases: names that applications call, whose model changes by promotion.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="Name or id of the alias.")]
Model = Annotated[str, typer.Argument(help="Id or unique name of a custom or base model.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept in the alias's history.")]


def _path(name: str, *more: str) -> str:
    return "/".join(("/aliases", *(quote(part, safe="") for part in (name, *more))))


@alias.command(
    epilog=examples(
        "anneal alias create support-bot <model-id>",
        "anneal alias create support-bot <model-id> --suite suite.json --auto-promote",
    )
)
def create(
    name: Annotated[str, typer.Argument(help="What applications send as `model`.")],
    model: Model,
    suite: Annotated[Path | None, typer.Option(help="JSON file: eval, rows, and what candidates must reach.")] = None,
    auto_promote: Annotated[bool, typer.Option(help="Promote candidates that pass without a person.")] = False,
    description: Annotated[str, typer.Option(help="A note.")] = "",
    json: Json = False,
) -> None:
    """Create an alias of a model."""
    body = {"name": name, "model": model, "auto_promote": auto_promote, "description": description}
    made = Client().post("/aliases", body | ({"suite": _read(suite)} if suite else {}))
    print_json(made) if json else out.print(f"{made['name']} ({made['id']}) is {made['model_id']}", highlight=False)


def _read(suite: Path) -> Any:
    try:
        return json_module.loads(suite.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{suite} is not a readable JSON file: {error}") from None


@alias.command("list", epilog=examples("anneal alias list"))
def list_aliases(
    limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of aliases.")] = 50, json: Json = False
) -> None:
    """List aliases, newest first."""
    found = Client().get("/aliases", limit=limit)
    if json:
        print_json(found)
        return
    columns = ("name", "model_id", "previous_model_id", "auto_promote")
    items = [{**item, "auto_promote": "yes" if item["auto_promote"] else "no"} for item in found["items"]]
    table(columns, [[item[column] for column in columns] for item in items])
    if found["next_cursor"]:
        out.print("There are more; use --limit to list them")


@alias.command(epilog=examples("anneal alias show support-bot"))
def show(name: Name, json: Json = False) -> None:
    """Show an alias, its history and its latest candidates."""
    client = Client()
    found, candidates = client.get(_path(name)), client.get(_path(name, "candidates"), limit=20)["items"]
    if json:
        print_json({**found, "candidates": candidates})
        return
    out.print(f"{found['name']} ({found['id']}) is {found['model_id']}", highlight=False)
    for change in found["history"]:
        before = f", before {change['previous_model_id']}" if change["previous_model_id"] else ""
        out.print(f"\n{change['at'][:19]} {change['action'].replace('_', ' ')}: {change['model_id']}{before}", **PLAIN)
        out.print(f"  by {change['actor']}" + (f": {change['reason']}" if change["reason"] else ""), **PLAIN)
    for each in candidates:
        out.print(f"\n{each['id']} {each['state']}: {each['model_id']}", **PLAIN)
        out.print(f"  by {each['submitted_by']}. {' '.join(each['reasons'])}", **PLAIN)


@alias.command(epilog=examples("anneal alias candidate support-bot <model-id>"))
def candidate(
    name: Name,
    model: Model,
    wait: Annotated[bool, typer.Option(help="Wait for the decision; exit 1 unless it passes.")] = True,
    json: Json = False,
) -> None:
    """Evaluate a model by the alias's suite."""
    client = Client()
    found = client.post(_path(name, "candidates"), {"model": model})
    while wait and found["state"] == "evaluating":
        time.sleep(POLL_INTERVAL_S)
        found = client.get(_path(name, "candidates", found["id"]))
    print_json(found) if json else _show_candidate(found)
    if wait and found["state"] not in ("passed", "promoted"):
        raise typer.Exit(1)


def _show_candidate(found: dict[str, Any]) -> None:
    out.print(f"{found['id']}: {found['state']}. {' '.join(found['reasons'])}", highlight=False)
    outcome = found["outcome"]
    columns: tuple[str, ...] = ("grader", "rows", "mean", "current_mean", "difference", "low", "high")
    if outcome["graders"]:
        table(columns, [[each[column] for column in columns] for each in outcome["graders"]])
    columns = ("number", "grader", "score", "current_score", "item_id")
    if outcome["rows"]:
        shown = outcome["rows"][:ROWS_SHOWN]
        title = f"Rows that got worse or failed ({len(shown)} of {outcome['rows_total']})"
        table(columns, [[each[column] for column in columns] for each in shown], title=title)
    if found["state"] == "passed":
        out.print(f"next: anneal alias promote {found['alias']} {found['id']}", highlight=False)


@alias.command(epilog=examples("anneal alias promote support-bot <candidate-id> --reason 'better on refunds'"))
def promote(
    name: Name,
    candidate_id: Annotated[str, typer.Argument(help="Id of a candidate that has passed.")],
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Point the alias at a candidate that has passed."""
    made = Client().post(_path(name, "candidates", candidate_id, "promote"), {"reason": reason})
    print_json(made) if json else out.print(f"{made['alias']} is {made['model_id']}", highlight=False)


@alias.command(epilog=examples("anneal alias rollback support-bot --reason 'wrong dates'"))
def rollback(name: Name, reason: Reason = None, json: Json = False) -> None:
    """Point the alias at the model before."""
    found = Client().post(_path(name, "rollback"), {"reason": reason})
    print_json(found) if json else out.print(f"{found['name']} is {found['model_id']}", highlight=False)


@alias.command(epilog=examples("anneal alias delete support-bot"))
def delete(name: Name) -> None:
    """Delete an alias; its models stay."""
    Client().delete(_path(name))
    out.print(f"deleted {name}")
