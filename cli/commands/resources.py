"""`anneal evaluations`, `judgements`, `exports`, `deployments`, `presets`, `keys`: list, show, delete, and more."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli.client import Client
from cli.commands.judge import show as show_judgement
from cli.commands.results import show_evaluation, show_export
from cli.errors import CommandError
from cli.output import Json, examples, out, plain, print_json, print_warnings, size, table
from cli.resources import PATHS, ListByDefault, Quiet, Wide, Yes, delete, everything, named, print_page, with_names

Report = Callable[[dict[str, Any]], None]
Row = Callable[[dict[str, Any]], dict[str, Any]]
WITHOUT_A_PAGE = frozenset({"preset", "key"})
"""Kinds whose entries the API only lists."""


def _evaluation(run: dict[str, Any]) -> dict[str, Any]:
    metric, score = next(iter((run["scores"] or {}).items()), ("", None))
    shown = run["state"] if score is None else f"{metric} {plain(float(score))}"
    return {"id": run["id"], "model": run["model_id"], "score": shown,
            "imported": (run["imported"] or {}).get("task", ""), "rows": run["evaluated"]}  # fmt: skip


def _judgement(found: dict[str, Any]) -> dict[str, Any]:
    return {"id": found["id"], "candidate": found["candidate_model"], "baseline": found["baseline_model"],
            "judge": found["judge"]["model"], "state": found["state"],
            "rows": f"{found['done']}/{found['rows']}"}  # fmt: skip


def _export(export: dict[str, Any]) -> dict[str, Any]:
    format = " ".join(filter(None, (export["format"], export["quantization"])))
    archive = export["archive"]
    return {"id": export["id"], "model": export["model_id"], "format": format, "state": export["state"],
            "verdict": export["verdict"], "size": size(archive["size"]) if archive else None}  # fmt: skip


def _deployment(found: dict[str, Any]) -> dict[str, Any]:
    return {"id": found["id"], "model": found["model_id"], "state": found["state"],
            "pinned": "yes" if found["pinned"] else "no", "memory": size(found["memory_bytes"] or 0)}  # fmt: skip


def _preset(preset: dict[str, Any]) -> dict[str, Any]:
    seen_by = "the project" if preset["shared"] else "you"
    return {"id": preset["id"], "name": preset["name"], "seen by": seen_by, "description": preset["description"]}


def _key(key: dict[str, Any]) -> dict[str, Any]:
    ends = "revoked" if key["revoked_at"] else (key["expires_at"] or "never")[:10]
    return {"id": key["id"], "name": key["name"], "key": key["hint"], "scopes": ", ".join(key["scopes"]), "ends": ends}


def _group(
    kind: str, help: str, row: Row, *, columns: str, deletion: str = "", report: Report | None = None
) -> typer.Typer:
    """The commands `list`, `show` and `delete` of one kind."""
    noun = f"{kind}s"
    example = (f"anneal {noun}", f"anneal {noun} show <{kind}-id>", f"anneal {noun} list -q")
    group = typer.Typer(name=noun, help=f"{help} Without a subcommand, list them.", cls=ListByDefault,
                        epilog=examples(*example))  # fmt: skip
    Id = Annotated[str, named(kind, f"The {kind}.")]

    def list_them(
        limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of entries.")] = 50,
        quiet: Quiet = False,
        wide: Wide = False,
        json: Json = False,
    ) -> None:
        client = Client()
        page = client.get(PATHS[kind], limit=limit)
        models = dict.fromkeys(("model", "candidate", "baseline"), "custom model")
        rows = with_names(client, map(row, page["items"]), **models)
        print_page(page, rows, json=json, quiet=quiet, wide=wide)

    def show(id: Id, json: Json = False) -> None:
        client = Client()
        found = _entry(client, kind, id) if kind in WITHOUT_A_PAGE else client.get(f"{PATHS[kind]}/{id}")
        if json:
            print_json(found)
            return
        if report and found["state"] == "succeeded":
            if "model_id" in found:
                out.print(f"{found['id']}  of {found['model_id']}", highlight=False)
            report(found)
            return
        shown = {name: value for name, value in found.items() if name != "warnings" and value not in (None, "", {}, [])}
        table(["", ""], [[name.replace("_", " "), plain(value)] for name, value in shown.items()])
        print_warnings(found.get("warnings") or [])

    def delete_one(id: Id, yes: Yes = False) -> None:
        delete(kind, id, yes=yes)

    group.command("list", help=f"List {noun}, newest first: {columns}.")(list_them)
    group.command("show", help=f"Show {'an' if kind[0] in 'aeiou' else 'a'} {kind}.")(show)
    if deletion:
        group.command("delete", help=deletion)(delete_one)
    return group


def _entry(client: Client, kind: str, id: str) -> dict[str, Any]:
    for item in everything(client, PATHS[kind]):
        if item["id"] == id:
            return item
    raise CommandError(f"There is no {kind} {id}. `anneal {kind}s` lists them.")


evaluations = _group(
    "evaluation",
    "List, show, cancel and delete evaluations.",
    _evaluation,
    columns="model, first score or state, task of an import, rows",
    deletion="Delete an evaluation and its report.",
    report=show_evaluation,
)
judgements = _group(
    "judgement",
    "List, show and cancel judgements: a model's comparisons of answers.",
    _judgement,
    columns="candidate, baseline, judge, state, rows judged",
    report=show_judgement,
)
exports = _group(
    "export",
    "List, show, cancel and delete exports.",
    _export,
    columns="model, format, state, verdict",
    deletion="Delete an export and its files.",
    report=show_export,
)
deployments = _group(
    "deployment",
    "Keep models loaded, and list those that are.",
    _deployment,
    columns="model, state, memory",
    deletion="Unload a model. It is loaded again when somebody calls it.",
)
presets = _group(
    "preset",
    "List and delete presets of training settings.",
    _preset,
    columns="name, who sees it",
    deletion="Delete a preset. Jobs that used it keep their settings.",
)
keys = _group(
    "key",
    "Create, list and revoke API keys.",
    _key,
    columns="name, scopes, when it ends",
    deletion="Revoke a key: it ends at once, and stays listed.",
)


@evaluations.command("cancel", epilog=examples("anneal evaluations cancel <evaluation-id>"))
def cancel_evaluation(id: Annotated[str, named("evaluation", "The evaluation.")], json: Json = False) -> None:
    """Cancel an evaluation."""
    _cancel("evaluation", id, json)


@judgements.command("cancel", epilog=examples("anneal judgements cancel <judgement-id>"))
def cancel_judgement(id: Annotated[str, named("judgement", "The judgement.")], json: Json = False) -> None:
    """Cancel a judgement. Rows that are judged stay."""
    _cancel("judgement", id, json)


@exports.command("cancel", epilog=examples("anneal exports cancel <export-id>"))
def cancel_export(id: Annotated[str, named("export", "The export.")], json: Json = False) -> None:
    """Cancel an export that is being built."""
    _cancel("export", id, json)


def _cancel(kind: str, id: str, json: bool) -> None:
    found = Client().post(f"{PATHS[kind]}/{id}/cancel")
    ended = found["state"] in ("succeeded", "failed", "cancelled")
    print_json(found) if json else out.print(f"{id}: {found['state'] if ended else 'cancelling'}", highlight=False)


@deployments.command("create", epilog=examples("anneal deployments create <model-id> --pinned"))
def deploy(
    model_id: Annotated[str, typer.Argument(help="Model id, or the unique name of a custom model.")],
    pinned: Annotated[bool | None, typer.Option(help="Never unload it to free memory.")] = None,
    json: Json = False,
) -> None:
    """Load a model and keep it ready."""
    made = Client().post("/deployments", {"model_id": model_id, "pinned": pinned})
    print_json(made) if json else out.print(f"{made['id']}: {made['state']}", highlight=False)


@keys.command(
    "create",
    epilog=examples("anneal keys create support-app --scope infer --days 90", "anneal keys create ci --scope write"),
)
def create_key(
    name: Annotated[str, typer.Argument(help="A note: where this key is used.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="infer, read, write or admin; each includes those before it.")
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days until it expires; default: never.")] = None,
    project: Annotated[str | None, typer.Option(help="Project that it is bound to (operator only).")] = None,
    json: Json = False,
) -> None:
    """Create an API key. It is shown once, and stored as a hash."""
    given = {"scopes": scope, "expires_in_days": days, "project": project}
    made = Client().post("/auth/keys", {"name": name} | {k: v for k, v in given.items() if v is not None})
    if json:
        print_json(made)
        return
    typer.echo(made["key"])
    typer.echo(f"{made['id']}, scopes {', '.join(made['scopes'])}. It is not shown again.", err=True)
