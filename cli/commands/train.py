"""`anneal train`: submit, estimate and follow a training job."""

from typing import Annotated, Any

import typer

from cli.client import Client
from cli.commands.estimates import show_estimate, show_settings, would_be_refused
from cli.commands.jobs import follow, show_job
from cli.commands.train_options import JOB, request_body, with_settings
from cli.output import Json, out, print_json, print_warnings, with_warnings
from cli.resources import named

CLI_ONLY = ("watch", "estimate", "dry_run", "json")
"""Options that are not part of the job request."""


@with_settings
def train(
    context: typer.Context,
    dataset: Annotated[str, named("dataset", "The dataset, or one version: id@version.")],
    base: Annotated[str, typer.Option(help="Name or id of a base model, as listed by `anneal models`.")] = "seedling",
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show progress until the job ends.", rich_help_panel=JOB)
    ] = False,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate", help="Only estimate; exit 1 if it does not fit or would be refused.", rich_help_panel=JOB
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="With --estimate: run two real steps, and discard them.", rich_help_panel=JOB),
    ] = False,
    json: Json = False,
    **settings: Any,
) -> None:
    """Fine-tune a base model on a dataset.

    Omitted settings get defaults by method and model size.
    The output lists every setting and marks the defaults; --help-all shows the options for all of them.
    """
    if dry_run and not estimate:
        raise typer.BadParameter("takes two steps of an estimate: add --estimate", context, param_hint="--dry-run")
    client = Client()
    request = request_body({name: value for name, value in context.params.items() if name not in CLI_ONLY})
    raise typer.Exit(
        _estimate(client, {**request, "dry_run": dry_run}, json) if estimate else _run(client, request, watch, json)
    )


def _run(client: Client, request: dict[str, Any], watch: bool, json: bool) -> int:
    """Submit the job and return the exit code: 1 if it was watched and failed or was cancelled."""
    job = client.post("/training/jobs", request)
    if watch:
        if not json:
            out.print(f"job {job['id']}: {job['method']} ({job['hyperparameters']['objective']}) on {job['base_name']}")
        job = follow(client, job["id"])
    if json:
        print_json(job)
    elif watch:
        _print_end(job)
    else:
        show_job(job)
    return int(job["state"] in ("failed", "cancelled"))


def _print_end(job: dict[str, Any]) -> None:
    """Print how a watched job ended, its warnings, and what to do with its model."""
    warnings = job.get("warnings", [])
    print_warnings(warnings)
    out.print(with_warnings(job["state"], warnings))
    if job["model_id"]:
        out.print(f"custom model {job['model_id']}; next: anneal evaluate, anneal export or anneal chat")


def _estimate(client: Client, request: dict[str, Any], json: bool) -> int:
    """Print an estimate and return the exit code: 1 if the job does not fit or would be refused."""
    found = client.post("/training/estimate", request)
    if json:
        print_json(found)
    else:
        body = {name: value for name, value in request.items() if name != "dry_run"}
        show_settings(client.post("/training/settings", body))
        show_estimate(found)
    return int(found["verdict"] == "does_not_fit" or would_be_refused(found))
