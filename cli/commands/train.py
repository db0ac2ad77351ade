"""`anneal train`: every setting of a job as an option; what it would need, and watching it."""

from typing import Annotated, Any

import typer

from cli.client import Client
from cli.commands.estimates import show_estimate
from cli.commands.jobs import follow, show_job
from cli.output import Json, err, out, print_json


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
