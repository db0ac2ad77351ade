"""`anneal train`: submit, estimate and follow a training job."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.client import Client
from cli.commands.estimates import show_estimate, would_be_refused
from cli.commands.jobs import follow, show_job
from cli.output import Json, out, print_json, print_warnings, with_warnings
from cli.resources import named, named_option

RENAMED = {
    "steps": "max_steps",
    "warmup": "warmup_steps",
    "early_stopping": "early_stopping_patience",
    "then": "after",
}
"""Options whose API field has another name."""
LORA_FIELDS = ("rank", "alpha", "dropout", "rslora")
CLI_ONLY = ("watch", "estimate", "dry_run", "json")
"""Options that are not part of the job request."""
OPTIMIZATION = "Optimization"
LORA_OPTIONS = "LoRA"
MEMORY = "Memory & speed"
EVALUATION = "Evaluation & stopping"
JOB = "Job"


def train(
    context: typer.Context,
    dataset: Annotated[str, named("dataset", "The dataset, or one version: id@version.")],
    base: Annotated[str, typer.Option(help="Name or id of a base model, as listed by `anneal models`.")] = "seedling",
    method: Annotated[str | None, typer.Option(help="full, lora or qlora; default: lora, or by the preset.")] = None,
    objective: Annotated[str | None, typer.Option(help="sft, dpo or kto; default: by the data.")] = None,
    beta: Annotated[float | None, typer.Option(help="DPO, KTO: higher stays closer to the base model.")] = None,
    unsupported_rows: Annotated[
        str | None, typer.Option(help="Rows that the chat template cannot show: refuse or skip.")
    ] = None,
    validation: Annotated[str | None, named_option("dataset", "Dataset to validate on, instead of a split.")] = None,
    quantization: Annotated[str | None, typer.Option(help="QLoRA: nf4 or int8.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the job and its model.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the data.", rich_help_panel=OPTIMIZATION)] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimizer steps; replaces --epochs.", rich_help_panel=OPTIMIZATION)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows per optimizer step.", rich_help_panel=OPTIMIZATION)
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", "--lr", help="Peak learning rate.", rich_help_panel=OPTIMIZATION),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="cosine, linear, constant, polynomial or inverse_sqrt.", rich_help_panel=OPTIMIZATION),
    ] = None,
    warmup: Annotated[int | None, typer.Option(help="Warm-up steps.", rich_help_panel=OPTIMIZATION)] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or adamw_8bit.", rich_help_panel=OPTIMIZATION)] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.", rich_help_panel=OPTIMIZATION)] = None,
    rank: Annotated[int | None, typer.Option(help="Rank.", rich_help_panel=LORA_OPTIONS)] = None,
    alpha: Annotated[float | None, typer.Option(help="Alpha.", rich_help_panel=LORA_OPTIONS)] = None,
    dropout: Annotated[float | None, typer.Option(help="Dropout.", rich_help_panel=LORA_OPTIONS)] = None,
    rslora: Annotated[
        bool, typer.Option("--rslora", help="Scale by alpha / sqrt(rank).", rich_help_panel=LORA_OPTIONS)
    ] = False,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens per row; longer rows are truncated.", rich_help_panel=MEMORY)
    ] = None,
    micro_batch_tokens: Annotated[
        int | None,
        typer.Option(help="Tokens per forward pass; affects memory, not results.", rich_help_panel=MEMORY),
    ] = None,
    gradient_checkpointing: Annotated[
        bool,
        typer.Option(
            "--gradient-checkpointing",
            help="Recompute activations: less memory, about a third slower.",
            rich_help_panel=MEMORY,
        ),
    ] = False,
    gpu_kernels: Annotated[
        bool,
        typer.Option(
            "--gpu-kernels",
            help="On a GPU: packed rows, flash attention, Liger's kernels, if a trial agrees.",
            rich_help_panel=MEMORY,
        ),
    ] = False,
    dtype: Annotated[str | None, typer.Option(help="auto, fp32, bf16 or fp16 (GPU).", rich_help_panel=MEMORY)] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads.", rich_help_panel=MEMORY)] = None,
    processes: Annotated[
        int | None, typer.Option(help="Processes, one per GPU or share of the CPUs.", rich_help_panel=MEMORY)
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="ddp or fsdp, for several processes.", rich_help_panel=MEMORY)
    ] = None,
    eval_every: Annotated[
        int | None, typer.Option(help="Steps between evaluations.", rich_help_panel=EVALUATION)
    ] = None,
    eval_rows: Annotated[
        int | None, typer.Option(help="Validation rows per evaluation.", rich_help_panel=EVALUATION)
    ] = None,
    max_eval_share: Annotated[
        float | None,
        typer.Option(help="Share of the computation for evaluations, 0.1 by default.", rich_help_panel=EVALUATION),
    ] = None,
    early_stopping: Annotated[
        int | None, typer.Option(help="Evaluations without improvement before stopping.", rich_help_panel=EVALUATION)
    ] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Steps between checkpoints.", rich_help_panel=EVALUATION)
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(help="Max minutes of training.", rich_help_panel=EVALUATION)
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Max tokens to train on.", rich_help_panel=EVALUATION)] = None,
    priority: Annotated[int | None, typer.Option(help="-100 to 100; higher starts first.", rich_help_panel=JOB)] = None,
    preset: Annotated[
        str | None, typer.Option(help="Saved settings; options override them.", rich_help_panel=JOB)
    ] = None,
    then: Annotated[
        list[str] | None,
        typer.Option(help="evaluate, export_torch, export_onnx, deploy, alias:NAME; repeatable.", rich_help_panel=JOB),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show progress until the job ends.", rich_help_panel=JOB)
    ] = False,
    estimate: Annotated[
        bool,
        typer.Option(help="Only estimate; exit 1 if it does not fit or would be refused.", rich_help_panel=JOB),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option(help="With --estimate: run two real steps, and discard them.", rich_help_panel=JOB)
    ] = False,
    json: Json = False,
) -> None:
    """Fine-tune a base model on a dataset.

    Omitted settings get defaults by method and model size.
    The output lists every setting and marks the defaults.
    """
    client, request = Client(), _request(context.params)
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


def _request(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request body: only the options that were given."""
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    lora = {name: given.pop(name) for name in LORA_FIELDS if name in given}
    request = {RENAMED.get(name, name): value for name, value in given.items() if name not in CLI_ONLY}
    return request | ({"lora": lora} if lora else {})


def _estimate(client: Client, request: dict[str, Any], json: bool) -> int:
    """Print an estimate and return the exit code: 1 if the job does not fit or would be refused."""
    found = client.post("/training/estimate", request)
    print_json(found) if json else show_estimate(found)
    return int(found["verdict"] == "does_not_fit" or would_be_refused(found))
