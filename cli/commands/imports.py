"""`anneal import`: what users exported from other platforms."""

import hashlib
import json as jsonlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import Client
from cli.errors import CommandError
from cli.lm_eval import Run, evaluated_model, read_run
from cli.openai_evals import PlannedEval, Problem, plan, read_export
from cli.output import Json, err, examples, out, print_json, print_warnings, table
from cli.resources import named_option

imports = typer.Typer(
    name="import",
    help="Import what was exported from other platforms.",
    epilog=examples(
        "anneal import openai-eval evals.json --map gpt-4o=<model-id> --dry-run",
        "anneal import lm-eval results --model <model-id>",
    ),
    no_args_is_help=True,
)


@imports.command(
    "openai-eval",
    epilog=examples(
        "anneal import openai-eval evals.json runs.jsonl --map gpt-4o=<model-id>",
        "anneal import openai-eval eval.json rows.jsonl --dry-run",
    ),
)
def openai_eval(
    files: Annotated[
        list[Path],
        typer.Argument(help="JSON or JSON Lines: evals, runs and output items as OpenAI's API shows them, or rows."),
    ],
    map: Annotated[
        list[str] | None, typer.Option(help="A model of the export and the model here that takes its place: gpt-4o=ID.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Show what would be created, and send nothing.")] = False,
    json: Json = False,
) -> None:
    """Import evals of OpenAI's API: criteria, runs and rows; lists everything that is not imported.

    A run whose model is mapped asks that model here. Any other run grades the exported answers again.
    To repeat the command creates nothing twice.
    """
    models = dict(_pair(each) for each in map or ())
    planned, problems = plan(read_export(files), models)
    created = [_show(each) for each in planned] if dry_run else _create(Client(), planned, problems)
    if json:
        print_json({"evals": created, "not_imported": [asdict(problem) for problem in problems]})
    else:
        _print(created, problems, dry_run=dry_run)
    if not created:
        raise typer.Exit(1)


@imports.command(
    "lm-eval",
    epilog=examples(
        "anneal import lm-eval results", "anneal import lm-eval results/m/results_2026-11-30.json --model <model-id>"
    ),
)
def lm_eval(
    path: Annotated[
        Path, typer.Argument(help="A results_*.json of lm-eval, or the folder of a run; samples_*.jsonl lie beside.")
    ],
    model: Annotated[
        str | None, named_option("custom model", "The model that was evaluated; default: the one that lm-eval names.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="Import only this task; repeat for several.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Show the scores that would be stored, and store nothing.")] = False,
    json: Json = False,
) -> None:
    """Import results of lm-eval as evaluations, one for each task, to list and compare them like any other.

    The run needs --log_samples: every score is computed anew from the samples. Lists what is not imported.
    To repeat the command creates nothing twice.
    """
    run, client = read_run(path), Client()
    if unknown := {*(task or ())} - run.results["configs"].keys():
        raise CommandError(
            f"The results have no task {', '.join(unknown)}; they have {', '.join(run.results['configs'])}."
        )
    fields = {"model": model or evaluated_model(client, run.model), "dry_run": str(dry_run).lower()}
    problems, created = [*run.problems(task)], list[dict[str, Any]]()
    for name in task or run.samples:
        if name in run.samples and (made := _import_task(client, run, name, fields, problems)):
            created.append(made)
    if json:
        print_json({"evaluations": created, "not_imported": [asdict(problem) for problem in problems]})
    else:
        _print_evaluations(created, problems, dry_run=dry_run)
    if not created:
        raise typer.Exit(1)


def _import_task(client: Client, run: Run, task: str, fields: dict[str, str], problems: list[Problem]) -> Any:
    """The evaluation of a task; what the platform refuses about its files becomes a problem."""
    path = run.samples[task]
    with run.file.open("rb") as results, path.open("rb") as samples:
        files = {"results": (run.file.name, results), "samples": (path.name, samples)}
        try:
            return client.upload_files("/evaluations/import", files, {**fields, "task": task})
        except CommandError as error:
            if error.problem.get("code") not in ("unreadable_import", "import_too_large"):
                raise
            problems.append(Problem(f"task {task}", str(error)))
            return None


def _print_evaluations(created: Sequence[dict[str, Any]], problems: Sequence[Problem], *, dry_run: bool) -> None:
    rows = [
        ["not stored" if dry_run else each["id"], each["imported"]["task"], name, score, each["evaluated"]]
        for each in created
        for name, score in each["scores"].items()
    ]
    if rows:
        table(["evaluation", "task", "metric", "score", "rows"], rows)
    for each in created:
        task = each["imported"]["task"]
        print_warnings(warning | {"detail": f"{task}: {warning['detail']}"} for warning in each["warnings"])
    _print_problems(problems)


def _pair(text: str) -> tuple[str, str]:
    name, _, model = text.rpartition("=")
    if not name or not model:
        raise CommandError(f"--map {text}: give the name in the export and the model here, such as gpt-4o=seedling.")
    return name, model


def _show(planned: PlannedEval) -> dict[str, Any]:
    runs = [{"source": run.source, "rows": run.rows, "answers": run.answers} for run in planned.runs]
    return {"source": planned.source, "criteria": len(planned.body["testing_criteria"]), "runs": runs}


def _create(client: Client, planned: Sequence[PlannedEval], problems: list[Problem]) -> list[dict[str, Any]]:
    """Create the evals and runs; what the platform refuses becomes a problem."""
    created = []
    for each in planned:
        made = _post(client, "/v1/evals", each.source, each.body, problems)
        if made is None:
            continue
        shown = {**_show(each), "id": made["id"], "runs": []}
        for run in each.runs:
            if started := _post(client, f"/v1/evals/{made['id']}/runs", run.source, run.body, problems):
                ids = {"source": run.source, "id": started["id"]}
                shown["runs"].append({**ids, "rows": run.rows, "answers": run.answers})
        created.append(shown)
    return created


def _post(client: Client, path: str, source: str, body: dict[str, Any], problems: list[Problem]) -> Any:
    key = hashlib.sha256(jsonlib.dumps([path, source, body], sort_keys=True).encode()).hexdigest()
    try:
        return client.post(path, body, key=key)
    except CommandError as error:
        if "message" not in error.problem:  # no answer of the evals API: not signed in, or no platform
            raise
        problems.append(Problem(source, str(error)))
        return None


def _print(created: Sequence[dict[str, Any]], problems: Sequence[Problem], *, dry_run: bool) -> None:
    for each in created:
        state = "would be created" if dry_run else f"is {each['id']}"
        out.print(f"{each['source']} {state}, with {each['criteria']} criteria", highlight=False)
        rows = [[run["source"], run.get("id", ""), run["rows"], run["answers"]] for run in each["runs"]]
        if rows:
            table(["run", "here", "rows", "answers"], rows)
    _print_problems(problems)


def _print_problems(problems: Sequence[Problem]) -> None:
    for problem in problems:
        err.print(f"Not imported: {problem.subject}: {problem.detail} {problem.remedy}".rstrip())
