"""`anneal compare`: models that were evaluated on the same rows."""

from pathlib import Path
from string import ascii_uppercase
from typing import Annotated, Any

import typer

from cli.checkpoints import CHECKPOINT_HELP, resolve_model
from cli.client import Client
from cli.commands.judge import judged, request_body, require_success, show
from cli.errors import CommandError
from cli.output import Json, out, print_json, print_warnings, table
from cli.resources import everything, find

COLUMNS = ("metric", "", "score", "95 % interval", "difference", "95 % interval", "p")
PREFIXES = ("evaluation_", "evalrun_")


def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            help=f"Evaluation ids, custom model ids for their newest evaluation, or {CHECKPOINT_HELP}; --judge: also "
            "eval runs."
        ),
    ],
    task: Annotated[
        str | None, typer.Option(help="Of each model, take the newest import of this task, such as lm-eval's gsm8k.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write a report: .md, .csv or .json.")] = None,
    judge: Annotated[
        str | None, typer.Option(help="Let this model compare the answers, each row in both orders.")
    ] = None,
    judge_url: Annotated[
        str | None, typer.Option(help="The judge is at this OpenAI-compatible endpoint: https://host/v1.")
    ] = None,
    judge_key_env: Annotated[str | None, typer.Option(help="Environment variable with the endpoint's API key.")] = None,
    prompt: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with the judge's prompt, a template.")
    ] = None,
    rows: Annotated[int | None, typer.Option(help="Judge a sample of the rows.")] = None,
    votes: Annotated[str | None, typer.Option(help="Column with votes of people, to compare the judge with.")] = None,
    vote: Annotated[
        list[str] | None, typer.Option(help="What its values mean: candidate=A, baseline=B, tie=both; repeat.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare models that were evaluated on the same rows; the first is the baseline.

    Intervals are 95 % confidence intervals, p-values those of paired tests, adjusted by Holm for more than two models.
    With --judge, one name compares a model with its base model.
    """
    client = Client()
    found_ids = [name if name.startswith(PREFIXES) else newest_evaluation(client, name, task) for name in names]
    if judge:
        if output:
            raise CommandError("--output is for comparisons without a judge; use --json.")
        options = {"prompt": prompt, "rows": rows, "votes": votes, "vote": vote}
        judgement = judged(client, request_body(found_ids, judge, judge_url, judge_key_env, **options))
        if not json:
            show(judgement)
        require_success(judgement)
        if json:
            print_json(judgement)
        return
    if judge_url or judge_key_env or prompt or rows is not None or votes or vote:
        raise CommandError("Name the model that judges: --judge MODEL.")
    ids = ",".join(found_ids)
    if output:
        formats = {".md": "markdown", ".csv": "csv", ".json": "json"}
        if output.suffix not in formats:
            raise CommandError(f"{output.name} does not end with one of {', '.join(formats)}.")
        content = client.raw("/evaluations/compare", ids=ids, format=formats[output.suffix]).content
        output.write_bytes(content)
        out.print(f"saved {output}")
        return
    found = client.get("/evaluations/compare", ids=ids)
    if json:
        print_json(found)
        return
    letters = {each["evaluation_id"]: ascii_uppercase[n] for n, each in enumerate(found["evaluations"])}
    for each in found["evaluations"]:
        out.print(f"{letters[each['evaluation_id']]}  {each['model_id']}  {each['evaluation_id']}", highlight=False)
    table(COLUMNS, comparison_rows(found, letters))
    for each in found["evaluations"]:
        if each["headline"]:
            out.print(f"{letters[each['evaluation_id']]}: {each['headline']}", highlight=False)
    print_warnings(found["warnings"])


def newest_evaluation(client: Client, model_id: str, task: str | None = None) -> str:
    """Return the id of a model's newest evaluation that has succeeded: by the platform, or imported of a task."""
    model_id = find(client, "custom model", resolve_model(client, model_id))
    imported = set[str]()
    for evaluation in everything(client, "/evaluations", model_id=model_id):
        if evaluation["state"] == "succeeded":
            if (found := (evaluation["imported"] or {}).get("task")) == task:
                return str(evaluation["id"])
            imported.update([found] if found else [])
    if task or imported:
        kind = f"imported evaluation of {task}" if task else "evaluation by the platform"
        remedy = (
            f"Choose an imported one by --task: {', '.join(sorted(imported))}." if imported else "Nothing is imported."
        )
        raise CommandError(f"{model_id} has no {kind}. {remedy}")
    raise CommandError(f"{model_id} has no evaluation that has succeeded. Run `anneal evaluate {model_id}`.")


def comparison_rows(found: dict[str, Any], letters: dict[str, str]) -> list[list[Any]]:
    """Return table rows for COLUMNS, each metric's best model first."""
    rows = []
    for board in found["leaderboards"]:
        for rank, entry in enumerate(board["entries"]):
            test = entry["comparison"] or {}
            rows.append(
                [
                    board["metric"] if rank == 0 else "",
                    letters[entry["evaluation_id"]],
                    f"{entry['score']:.4g}",
                    _interval(entry["interval"]),
                    f"{test['difference']:+.3g}" if test else "",
                    _interval(test.get("interval")),
                    f"{test['p_adjusted']:.3g}" if test else "",
                ]
            )
    return rows


def _interval(interval: list[float] | None) -> str:
    return " to ".join(f"{bound:.3g}" for bound in interval) if interval else ""
