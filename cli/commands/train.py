"""`anneal train`: every setting of a job as an option; what it would need, and watching it."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.client import Client
from cli.commands.estimates import show_estimate
from cli.commands.jobs import follow, show_job
from cli.output import Json, err, out, print_json

RENAMED = {
    "steps": "max_steps",
    "warmup": "warmup_steps",
    "early_stopping": "early_stopping_patience",
    "then": "after",
}
"""Options that the API calls otherwise."""
LORA = ("rank", "alpha", "dropout", "rslora")
OURS = ("watch", "estimate", "dry_run", "json")
"""What to do with the job, which is not a part of it."""


def train(
    context: typer.Context,
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
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Much less memory, a third more time, the same result.")
    ] = False,
    compile: Annotated[
        bool, typer.Option("--compile", help="Compile the layers behind the first steps; long jobs earn it.")
    ] = False,
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
    client, asked = Client(), _asked(context.params)
    raise typer.Exit(
        _estimate(client, {**asked, "dry_run": dry_run}, json) if estimate else _run(client, asked, watch, json)
    )


def _run(client: Client, asked: dict[str, Any], watch: bool, json: bool) -> int:
    """The exit code: 1 for a job that was watched until it failed or was called off."""
    job = client.post("/training/jobs", asked)
    if watch:
        if not json:
            out.print(f"job {job['id']}: {asked['method']} of {asked['base']}")
        job = follow(client, job["id"])
    if json:
        print_json(job)
    elif watch:
        if job.get("warning"):
            err.print(job["warning"])
        out.print(f"custom model {job['model_id']}: anneal evaluate, export or chat with it")
    else:
        show_job(job)
    return int(job["state"] in ("failed", "cancelled"))


def _asked(options: Mapping[str, Any]) -> dict[str, Any]:
    """The request that these options make: only what was given."""
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    lora = {name: given.pop(name) for name in LORA if name in given}
    asked = {RENAMED.get(name, name): value for name, value in given.items() if name not in OURS}
    return asked | ({"lora": lora} if lora else {})


def _estimate(client: Client, asked: dict[str, Any], json: bool) -> int:
    """The exit code: 1 for a job that does not fit."""
    found = client.post("/training/estimate", asked)
    print_json(found) if json else show_estimate(found)
    return int(found["verdict"] == "does_not_fit")
