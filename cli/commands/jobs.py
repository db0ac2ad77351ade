"""`anneal train`, `jobs` and `logs`: start training and watch it."""

import time
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.progress import Progress, TaskID

from cli.client import Client, CommandError
from cli.commands.estimates import show_estimate
from cli.live import records
from cli.output import Json, duration, err, out, print_json, progress_bar, sparkline, table

LOOK_SECONDS = 1.0
"""Between two looks at a job that waits."""

jobs = typer.Typer(name="jobs", help="List jobs; show, cancel, pause or resume one.", invoke_without_command=True)


def train(
    dataset: Annotated[str, typer.Argument(help="Dataset id, or id@version.")],
    base: Annotated[str, typer.Option(help="Base model: `anneal models` lists them.")] = "seedling",
    method: Annotated[str, typer.Option(help="full, lora or qlora.")] = "lora",
    objective: Annotated[str | None, typer.Option(help="sft or dpo; by the data when left out.")] = None,
    beta: Annotated[float | None, typer.Option(help="dpo: how close the model stays to its base.")] = None,
    quantization: Annotated[str | None, typer.Option(help="qlora: nf4 or int8.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the job and of its model.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the data.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps, instead of epochs.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows per optimizer step.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", "--lr")] = None,
    scheduler: Annotated[str | None, typer.Option(help="cosine, linear or constant.")] = None,
    warmup: Annotated[int | None, typer.Option(help="Warm-up steps.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or adamw_8bit.")] = None,
    rank: Annotated[int | None, typer.Option(help="LoRA rank.")] = None,
    alpha: Annotated[float | None, typer.Option(help="LoRA alpha.")] = None,
    dropout: Annotated[float | None, typer.Option(help="LoRA dropout.")] = None,
    rslora: Annotated[bool, typer.Option("--rslora", help="LoRA updates count alpha / sqrt(rank).")] = False,
    max_length: Annotated[int | None, typer.Option(help="Tokens; longer rows are cut.")] = None,
    micro_batch_tokens: Annotated[
        int | None, typer.Option(help="Tokens computed at once: memory, not meaning.")
    ] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between evaluations.")] = None,
    checkpoint_every: Annotated[int | None, typer.Option(help="Steps between checkpoints.")] = None,
    early_stopping: Annotated[int | None, typer.Option(help="Evaluations without improvement before it stops.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="Training time; then the model is delivered.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens to train on at most.")] = None,
    dtype: Annotated[str | None, typer.Option(help="auto, fp32, bf16.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    processes: Annotated[
        int | None, typer.Option(help="Train together, each on a GPU or a share of the cores.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="Of several processes: ddp or fsdp.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    priority: Annotated[int | None, typer.Option(help="-100 to 100; higher goes first.")] = None,
    preset: Annotated[str | None, typer.Option(help="A saved set of settings; options go before it.")] = None,
    then: Annotated[list[str] | None, typer.Option(help="evaluate, export_torch, export_onnx, deploy.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show progress until it has ended.")] = False,
    estimate: Annotated[bool, typer.Option(help="Only tell what it needs; exit code 1 if it does not fit.")] = False,
    dry_run: Annotated[
        bool, typer.Option(help="With --estimate: also take two real steps, and throw them away.")
    ] = False,
    json: Json = False,
) -> None:
    """Train a model on a dataset. What you leave out gets a default by method and model size, shown in the answer."""
    given = {"rank": rank, "alpha": alpha, "dropout": dropout, "rslora": rslora or None}
    lora = {k: v for k, v in given.items() if v is not None}
    body = {
        "dataset": dataset,
        "base": base,
        "method": method,
        "objective": objective,
        "beta": beta,
        "quantization": quantization,
        "name": name,
        "epochs": epochs,
        "max_steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "scheduler": scheduler,
        "warmup_steps": warmup,
        "optimizer": optimizer,
        "lora": lora or None,
        "max_length": max_length,
        "micro_batch_tokens": micro_batch_tokens,
        "eval_every": eval_every,
        "checkpoint_every": checkpoint_every,
        "early_stopping_patience": early_stopping,
        "max_minutes": max_minutes,
        "max_tokens": max_tokens,
        "dtype": dtype,
        "threads": threads,
        "processes": processes,
        "strategy": strategy,
        "seed": seed,
        "priority": priority,
        "preset": preset,
        "after": then or [],
    }
    client, asked = Client(), {k: v for k, v in body.items() if v is not None}
    if estimate:
        raise typer.Exit(_estimate(client, {**asked, "dry_run": dry_run}, json))
    job = client.post("/training/jobs", asked)
    if watch:
        if not json:
            out.print(f"job {job['id']}: {method} of {base}")
        job = follow(client, job["id"])
    if json:
        print_json(job)
    elif watch:
        if job.get("warning"):
            err.print(job["warning"])
        out.print(f"custom model {job['model_id']}: anneal evaluate, export or chat with it")
    else:
        show_job(job)
    if job["state"] in ("failed", "cancelled"):
        raise typer.Exit(1)


def _estimate(client: Client, asked: dict[str, Any], json: bool) -> int:
    """The exit code: 1 for a job that does not fit."""
    found = client.post("/training/estimate", asked)
    print_json(found) if json else show_estimate(found)
    return int(found["verdict"] == "does_not_fit")


def follow(client: Client, job_id: str) -> dict[str, Any]:
    """A progress bar with loss, speed and time left until the job has ended; the job then. Ctrl-C leaves it running."""
    bar = progress_bar(
        count="{task.completed:.0f}/{task.total:.0f}",
        loss="loss {task.fields[loss]} {task.fields[spark]}",
        speed="{task.fields[speed]} tok/s",
        eta="ETA {task.fields[eta]}",
    )
    try:
        with bar:
            task = bar.add_task("waiting", total=1, loss="–", spark="", speed="–", eta="–")
            job: dict[str, Any]
            while (job := client.get(f"/training/jobs/{job_id}"))["state"] == "queued":
                bar.update(task, description=_waiting(job))
                time.sleep(LOOK_SECONDS)
            _draw(bar, task, records(client, job_id))
    except KeyboardInterrupt:
        err.print(f"The job goes on. Watch it again: anneal logs -f {job_id}; stop it: anneal jobs cancel {job_id}")
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


def _waiting(job: dict[str, Any]) -> str | None:
    """Why a queued job has not started, and its place."""
    return f"place {job['queue_position']}: {job['waits_for']}" if job.get("waits_for") else None


def show_job(job: dict[str, Any]) -> None:
    """A job for people: what it is, what was decided, how it goes."""
    out.print(f"[bold]{job['name']}[/]  {job['id']}  {job['state']}")
    if job.get("detail"):
        out.print(f"  {job.get('cause')}: {job['detail']}")
    if job.get("warning"):
        out.print(f"  {job['warning']}")
    if job.get("waits_for"):
        out.print(f"  {_waiting(job)}")
    settings, defaulted = job["hyperparameters"], set(job["defaulted"])
    rows = [(key, str(value), "default" if key in defaulted else "") for key, value in sorted(settings.items())]
    table(["setting", "value", ""], rows)
    out.print(f"watch it: anneal logs -f {job['id']}")


@jobs.callback()
def list_jobs(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 20,
    json: Json = False,
) -> None:
    """List jobs, newest first."""
    if context.invoked_subcommand:
        return
    page = Client().get("/training/jobs", state=state, limit=limit)
    if json:
        print_json(page)
        return
    columns = ["id", "name", "method", "base", "state", "model_id"]
    rows = [[job[column] for column in columns] + [_waiting(job) or job.get("cause")] for job in page["items"]]
    table([*columns, "why"], rows)


@jobs.command("show")
def show(job_id: str, json: Json = False) -> None:
    """Show one job: settings, progress, why it waits or failed."""
    job = Client().get(f"/training/jobs/{job_id}")
    print_json(job) if json else show_job(job)


def _ask(verb: str, job_id: str, json: bool) -> None:
    job = Client().post(f"/training/jobs/{job_id}/{verb}")
    print_json(job) if json else out.print(f"{job['id']}: {job['state']}")


@jobs.command()
def cancel(job_id: str, json: Json = False) -> None:
    """Stop a job for good."""
    _ask("cancel", job_id, json)


@jobs.command()
def pause(job_id: str, json: Json = False) -> None:
    """Checkpoint a job and free its place; resume it later."""
    _ask("pause", job_id, json)


@jobs.command()
def resume(job_id: str, json: Json = False) -> None:
    """Let a paused job go on from its checkpoint."""
    _ask("resume", job_id, json)


def logs(
    job_id: str,
    follow_it: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    json: Json = False,
) -> None:
    """Print a job's log, from the first line."""
    client = Client()
    stream: Iterable[dict[str, Any]]
    stream = records(client, job_id) if follow_it else _stored(client, job_id)
    try:
        for record in stream:
            if json:
                print_json(record)
            elif line := _line(record):
                out.print(line, markup=False, highlight=False, soft_wrap=True)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _stored(client: Client, job_id: str) -> Iterable[dict[str, Any]]:
    after = 0
    while (found := client.get(f"/training/jobs/{job_id}/records", after=after))["records"]:
        yield from found["records"]
        after = found["next_after"]


def _line(record: dict[str, Any]) -> str | None:
    """A record as one line; sampled metrics stay out of the log."""
    moment = str(record.get("time", ""))[11:19]
    match record.get("kind"):
        case "log":
            return f"{moment} {record.get('level', 'info'):7} {record['message']}"
        case "state":
            return f"{moment} state   {record['state']} {record.get('detail') or ''}".rstrip()
        case "evaluation":
            rewards = record.get("rewards/accuracies")
            better = f", the better answer preferred {rewards:.0%}" if rewards is not None else ""
            return f"{moment} eval    step {record['step']}: validation loss {record['loss']:.4f}{better}"
        case "rewind":
            return f"{moment} resume  from step {record['step']}"
    return None
