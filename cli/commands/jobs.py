"""`anneal jobs` and `anneal logs`: training jobs and their logs."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import typer
from rich.progress import Progress, TaskID
from rich.text import Text

from cli.client import Client
from cli.errors import CommandError
from cli.live import records
from cli.output import (
    Json,
    count_warnings,
    duration,
    err,
    examples,
    out,
    plain,
    print_json,
    print_warnings,
    progress_bar,
    sparkline,
    table,
    with_warnings,
)
from cli.resources import MORE, ListByDefault, Quiet, Wide, everything, find, named, print_page

POLL_INTERVAL_S = 1.0
"""Time between two requests for the state of a queued job."""

UNDERWAY = {"cancel": "cancelling", "pause": "pausing: it saves a checkpoint"}
"""What a job does that has been told to stop, and runs until it has."""

jobs = typer.Typer(
    name="jobs",
    help="Manage training jobs. Without a subcommand, list them, newest first.",
    epilog=examples("anneal jobs", "anneal jobs --state running", "anneal jobs pause <job-id>"),
    cls=ListByDefault,
)
JobId = Annotated[str, named("job", "The job.")]


def follow(client: Client, job_id: str) -> dict[str, Any]:
    """Show progress with loss, speed and ETA until the job ends, and return the job. Ctrl-C does not stop the job."""
    bar = progress_bar(
        count="{task.completed:.0f}/{task.total:.0f}",
        loss="loss {task.fields[loss]} {task.fields[spark]}",
        speed="{task.fields[speed]} tok/s",
        eta="ETA {task.fields[eta]}",
    )
    try:
        with bar:
            task = bar.add_task("queued", total=1, loss="–", spark="", speed="–", eta="–")
            job: dict[str, Any]
            while (job := client.get(f"/training/jobs/{job_id}"))["state"] == "queued":
                bar.update(task, description=_queue_reason(job))
                time.sleep(POLL_INTERVAL_S)
            _draw(bar, task, records(client, job_id))
    except KeyboardInterrupt:
        err.print(f"The job keeps running. Follow it: anneal logs -f {job_id}. Stop it: anneal jobs cancel {job_id}")
        raise typer.Exit(130) from None
    job = client.get(f"/training/jobs/{job_id}")
    if job["state"] == "failed":
        raise CommandError(f"The job failed: {job.get('detail')} ({job.get('cause')})", job)
    return job


def _draw(bar: Progress, task: TaskID, stream: Iterable[dict[str, Any]]) -> None:
    losses: list[tuple[int, float]] = []
    for record in stream:
        kind = record.get("kind")
        if kind == "progress":
            bar.update(task, completed=record["done"], total=record["total"], eta=duration(record.get("eta_s")))
        elif kind == "metric" and record.get("loss") is not None:
            losses.append((record["step"], record["loss"]))
            spark = sparkline([loss for _, loss in losses])
            speed = f"{record.get('tokens_per_second') or 0:,.0f}"
            bar.update(task, description="training", loss=f"{record['loss']:.3f}", spark=spark, speed=speed)
        elif kind == "rewind":
            losses[:] = [(step, loss) for step, loss in losses if step <= record["step"]]
        elif kind == "state":
            bar.update(task, description=record["state"])


def _queue_reason(job: dict[str, Any]) -> str | None:
    """Return the queue position of a job and why it has not started, or None if it is not queued."""
    return f"queue position {job['queue_position']}: {job['waits_for']}" if job.get("waits_for") else None


def _note(job: dict[str, Any]) -> str | None:
    """Return why a job waits or failed, or how many warnings it has."""
    return _queue_reason(job) or job.get("cause") or count_warnings(job["warnings"]) or None


def show_job(job: dict[str, Any]) -> None:
    """Print a job: state, settings, and which settings are defaults."""
    state = with_warnings(job["state"], job.get("warnings", []))
    out.print(Text(job["name"], style="bold"), f" {job['id']}  {state}")
    out.print(f"  {job['method']} fine-tuning of {job['base_name']} on {job['dataset_name'] or job['dataset_id']}")
    if labels := [*job["tags"], *(["archived"] if job["archived"] else [])]:
        out.print(f"  {', '.join(labels)}", highlight=False)
    if job.get("detail"):
        out.print(f"  {job.get('cause')}: {job['detail']}")
    print_warnings(job.get("warnings", []))
    if job.get("waits_for"):
        out.print(f"  {_queue_reason(job)}")
    for line in _results(job):
        out.print(f"  {line}", highlight=False)
    defaulted = set(job["defaulted"])
    rows = [
        (name, plain(value), "default" if name in defaulted else "") for name, value in _flat(job["hyperparameters"])
    ]
    table(["setting", "value", ""], rows)
    out.print(f"follow the log: anneal logs -f {job['id']}")


def _results(job: dict[str, Any]) -> Iterator[str]:
    """What a job has reached: steps, losses, duration, and its model."""
    if job.get("progress"):
        losses = {"loss": job["loss"], "best validation loss": job["best_validation_loss"]}
        shown = [f"{name} {plain(value)}" for name, value in losses.items() if value is not None]
        yield ", ".join([f"step {job['progress']['step']:,} of {job['progress']['total']:,}", *shown])
    if job["started_at"] and job["finished_at"]:
        started, finished = (datetime.fromisoformat(job[moment]) for moment in ("started_at", "finished_at"))
        speed = f", {job['tokens_per_second']:,.0f} tokens/s" if job["tokens_per_second"] else ""
        yield f"{duration((finished - started).total_seconds())} from {started:%Y-%m-%d %H:%M} UTC{speed}"
    if job["model_id"]:
        yield f"custom model {job['model_id']}"


def _flat(settings: dict[str, Any]) -> list[tuple[str, Any]]:
    """Settings by name; those of LoRA as lora.rank and so on."""
    nested = {name: value for name, value in settings.items() if isinstance(value, dict)}
    flat = {f"{name}.{key}": each for name, value in nested.items() for key, each in value.items()}
    return sorted((name, value) for name, value in (settings | flat).items() if name not in nested)


def _row(job: dict[str, Any]) -> dict[str, Any]:
    """A job in the list; columns without a value in any row are left out."""
    loss = job["best_validation_loss"]
    return {"id": job["id"], "name": job["name"], "method": job["method"], "base": job["base_name"],
            "state": job["state"], "validation loss": "" if loss is None else plain(loss),
            "tags": plain(job["tags"]), "note": _note(job) or ""}  # fmt: skip


@jobs.command("list")
def list_jobs(
    state: Annotated[
        str | None,
        typer.Option(help="List only jobs in this state: queued, running, paused, succeeded, failed or cancelled."),
    ] = None,
    tag: Annotated[str | None, typer.Option(help="List only jobs with this tag.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="List archived jobs instead of the others.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of jobs.")] = 20,
    quiet: Quiet = False,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """List jobs, newest first."""
    client, query = Client(), {"archived": archived} | ({"state": state} if state else {})
    if tag is None:
        page = client.get("/training/jobs", limit=limit, **query)
    else:
        tagged = (job for job in everything(client, "/training/jobs", **query) if tag in job["tags"])
        page = {"items": list(islice(tagged, limit)), "next_cursor": None}
        if next(tagged, None):
            err.print(MORE)
    print_page(page, map(_row, page["items"]), json=json, quiet=quiet, wide=wide)


@jobs.command("show")
def show(job_id: JobId, json: Json = False) -> None:
    """Show a job: state, why it waits or failed, losses, duration, model and settings."""
    job = Client().get(f"/training/jobs/{job_id}")
    print_json(job) if json else show_job(job)


@jobs.command(epilog=examples("anneal jobs checkpoints <job-id>", "anneal chat <job-id>:88"))
def checkpoints(job_id: JobId, json: Json = False) -> None:
    """List the checkpoints of a job. JOB:STEP names one in place of a model."""
    job = Client().get(f"/training/jobs/{job_id}")
    if json:
        print_json(job["checkpoints"])
        return
    rows = [
        [each["step"], each["loss"], "best" if each["best"] else "", _published(each)] for each in job["checkpoints"]
    ]
    table(["step", "validation loss", "", "published"], rows)
    out.print(f"in place of a model: {job['id']}:STEP", highlight=False)
    if until := job["checkpoints_until"]:
        out.print(f"kept until {until[:16].replace('T', ' ')} UTC; published models stay")


def _published(checkpoint: dict[str, Any]) -> str | None:
    """Return the id of the checkpoint's model, or the state of its publication."""
    state: str | None = checkpoint["model_state"]
    return str(checkpoint["model_id"]) if state == "succeeded" else state


def _send_command(command: str, job_id: str, json: bool) -> None:
    job = Client().post(f"/training/jobs/{job_id}/{command}")
    state = (
        job["state"] if job["state"] in ("cancelled", "paused", "queued") or command == "resume" else UNDERWAY[command]
    )
    print_json(job) if json else out.print(f"{job['id']}: {state}", highlight=False)


@jobs.command()
def cancel(job_id: JobId, json: Json = False) -> None:
    """Cancel a job. It cannot be resumed."""
    _send_command("cancel", job_id, json)


@jobs.command()
def pause(job_id: JobId, json: Json = False) -> None:
    """Checkpoint a job and free its slot, to resume it later."""
    _send_command("pause", job_id, json)


@jobs.command()
def resume(job_id: JobId, json: Json = False) -> None:
    """Resume a paused job from its checkpoint."""
    _send_command("resume", job_id, json)


@jobs.command(
    epilog=examples("anneal jobs tag <job-id> baseline 'lr sweep'", "anneal jobs tag <job-id> --remove baseline")
)
def tag(
    job_id: JobId,
    add: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A tag to remove; repeat the option for more.")] = None,
    json: Json = False,
) -> None:
    """Add tags to a job, or remove some: `anneal jobs --tag TAG` lists the jobs with a tag."""
    if not add and not remove:
        raise CommandError("Give a tag to add, or --remove with one to remove.")
    job = Client().patch(f"/training/jobs/{job_id}", {"add_tags": add or [], "remove_tags": remove or []})
    print_json(job) if json else out.print(f"{job['id']}: {', '.join(job['tags']) or 'no tags'}", highlight=False)


@jobs.command()
def archive(
    job_ids: Annotated[list[str], typer.Argument(metavar="JOB...", help="Jobs that have ended, by id.")],
    undo: Annotated[bool, typer.Option("--undo", help="Unarchive them.")] = False,
    json: Json = False,
) -> None:
    """Take jobs off the list of jobs; nothing of them is deleted, and `anneal jobs --archived` lists them."""
    client = Client()
    changed = [
        client.patch(f"/training/jobs/{find(client, 'job', given)}", {"archived": not undo}) for given in job_ids
    ]
    if json:
        print_json(changed)
        return
    for job in changed:
        out.print(f"{job['id']}: {'archived' if job['archived'] else 'unarchived'}", highlight=False)


def logs(
    job_id: JobId,
    follow_it: Annotated[bool, typer.Option("--follow", "-f", help="Stream new lines until the job ends.")] = False,
    json: Json = False,
) -> None:
    """Print the log of a job, from the first line."""
    client = Client()
    stream: Iterable[dict[str, Any]]
    stream = records(client, job_id) if follow_it else _stored(client, job_id)
    try:
        for record in stream:
            if json:
                print_json(record)
            elif line := _line(record):
                out.print(line, highlight=False, soft_wrap=True)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _stored(client: Client, job_id: str) -> Iterable[dict[str, Any]]:
    after = 0
    while (found := client.get(f"/training/jobs/{job_id}/records", after=after))["records"]:
        yield from found["records"]
        after = found["next_after"]


def _line(record: dict[str, Any]) -> str | None:
    """Format a record as one line; metric records are not part of the log."""
    moment = str(record.get("time", ""))[11:19]
    match record.get("kind"):
        case "log":
            return f"{moment} {record.get('level', 'info'):7} {record['message']}"
        case "state":
            return f"{moment} state   {record['state']} {record.get('detail') or ''}".rstrip()
        case "evaluation":
            rewards = record.get("rewards/accuracies")
            better = f", preferred response ranked higher {rewards:.0%}" if rewards is not None else ""
            return f"{moment} eval    step {record['step']}: validation loss {record['loss']:.4f}{better}"
        case "rewind":
            return f"{moment} resume  from step {record['step']}"
    return None
