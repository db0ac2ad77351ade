"""The options of `anneal train`: every setting of the API, the usual ones in `--help`, all in `--help-all`."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import click
import typer

from cli.resources import named_option

OPTIMIZATION, LORA, MEMORY, EVALUATION, JOB = (
    "Optimization",
    "LoRA",
    "Memory & speed",
    "Evaluation & stopping",
    "Job",
)
RENAMED = {
    "steps": "max_steps",
    "warmup": "warmup_steps",
    "early_stopping": "early_stopping_patience",
    "then": "after",
}
"""Options whose API field has another name."""
NESTED = {
    "lora": {name: name for name in ("rank", "alpha", "dropout", "rslora", "targets")},
    "resources": {"cpu": "cpu", "gpu": "gpu", "memory": "memory_gb"},
}
"""Options whose API field is part of another one: the field in it by the option."""


class Setting(NamedTuple):
    """An option of `anneal train` that is a field of the request."""

    name: str
    type: Any
    help: str
    panel: str | None = None
    usual: bool = False
    """Shown in `--help`; the others only in `--help-all`."""
    flags: tuple[str, ...] = ()


SETTINGS = (
    Setting("method", str, "full, lora or qlora; default: lora, or by the preset.", usual=True),
    Setting("objective", str, "sft, dpo or kto; default: by the data.", usual=True),
    Setting("beta", float, "DPO, KTO: higher stays closer to the base model."),
    Setting("desirable_weight", float, "KTO: weight of the loss of answers with label true."),
    Setting("undesirable_weight", float, "KTO: weight of the loss of answers with label false."),
    Setting("unsupported_rows", str, "Rows that the chat template cannot show: refuse or skip."),
    Setting("quantization", str, "QLoRA: nf4 or int8."),
    Setting("name", str, "Name of the job and its model.", usual=True),
    Setting("epochs", float, "Passes over the data.", OPTIMIZATION, usual=True),
    Setting("steps", int, "Optimizer steps; replaces --epochs.", OPTIMIZATION, usual=True),
    Setting("batch_size", int, "Rows per optimizer step.", OPTIMIZATION, usual=True),
    Setting("learning_rate", float, "Peak learning rate.", OPTIMIZATION, True, ("--learning-rate", "--lr")),
    Setting("learning_rate_multiplier", float, "Times the default; replaces --learning-rate.", OPTIMIZATION),
    Setting("scheduler", str, "cosine, linear, constant, polynomial or inverse_sqrt.", OPTIMIZATION),
    Setting("warmup", int, "Warm-up steps.", OPTIMIZATION),
    Setting("warmup_ratio", float, "Warm-up steps as a share of all; replaces --warmup.", OPTIMIZATION),
    Setting("weight_decay", float, "Decay of the weights, decoupled (AdamW).", OPTIMIZATION),
    Setting("max_grad_norm", float, "Gradients above this norm are scaled down to it.", OPTIMIZATION),
    Setting("optimizer", str, "adamw or adamw_8bit.", OPTIMIZATION),
    Setting("seed", int, "Random seed.", OPTIMIZATION, usual=True),
    Setting("rank", int, "Rank of the update matrices.", LORA, usual=True),
    Setting("alpha", float, "Scale: updates count alpha / rank.", LORA, usual=True),
    Setting("dropout", float, "Share of the adapters' inputs that is dropped.", LORA),
    Setting("rslora", bool, "Scale by alpha / sqrt(rank).", LORA),
    Setting("targets", str, "all-linear, or names of linear modules: q_proj,v_proj.", LORA),
    Setting("max_length", int, "Tokens per row; longer rows are truncated.", MEMORY, usual=True),
    Setting("micro_batch_tokens", int, "Tokens per forward pass; affects memory, not results.", MEMORY),
    Setting("gradient_checkpointing", bool, "Recompute activations: less memory, a third slower.", MEMORY),
    Setting("gpu_kernels", bool, "GPU: packed rows, flash attention, Liger, if a trial agrees.", MEMORY),
    Setting("dtype", str, "auto, fp32, bf16 or fp16 (GPU).", MEMORY),
    Setting("threads", int, "CPU threads, of all processes together.", MEMORY),
    Setting("processes", int, "Processes, one per GPU or share of the CPUs.", MEMORY),
    Setting("strategy", str, "ddp or fsdp, for several processes.", MEMORY),
    Setting("cpu", int, "Processor cores to reserve; default: by the machine.", MEMORY),
    Setting("gpu", int, "GPUs to reserve; default: by the machine.", MEMORY),
    Setting("memory", float, "GiB of main memory to reserve; default: by the machine.", MEMORY),
    Setting("eval_every", int, "Steps between evaluations.", EVALUATION),
    Setting("eval_rows", int, "Validation rows per evaluation.", EVALUATION),
    Setting("max_eval_share", float, "Share of the computation for evaluations, 0.1 by default.", EVALUATION),
    Setting("early_stopping", int, "Evaluations without improvement before stopping.", EVALUATION, usual=True),
    Setting("checkpoint_every", int, "Steps between checkpoints.", EVALUATION),
    Setting("max_minutes", float, "Max minutes of training.", EVALUATION, usual=True),
    Setting("max_tokens", int, "Max tokens to train on.", EVALUATION),
    Setting("priority", int, "-100 to 100; higher starts first.", JOB),
    Setting("preset", str, "Saved settings; options override them.", JOB, usual=True),
    Setting("then", list[str], "evaluate, export_torch, export_onnx, deploy, alias:NAME; repeatable.", JOB, usual=True),
)


def _show_all(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    """Print the help with every option, and exit."""
    if given:
        for option in context.command.params:
            option.hidden = False  # type: ignore[attr-defined]
        typer.echo(context.get_help())
        context.exit()


def _option(setting: Setting) -> inspect.Parameter:
    flag = setting.name.replace("_", "-")
    flags = setting.flags or ((f"--{flag}/--no-{flag}",) if setting.type is bool else (f"--{flag}",))
    option = typer.Option(*flags, help=setting.help, rich_help_panel=setting.panel, hidden=not setting.usual)
    return _keyword(setting.name, Annotated[setting.type | None, option])


def _keyword(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, which reads `context.params`, an option for each setting, and `--help-all`."""
    signature = inspect.signature(command)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    validation = named_option("dataset", "Dataset to validate on, instead of a split.")
    show_all = typer.Option(
        "--help-all", help="Show every setting and exit.", is_eager=True, expose_value=False, callback=_show_all
    )
    options = [*map(_option, SETTINGS), _keyword("validation", Annotated[str | None, validation])]
    options.append(_keyword("help_all", Annotated[bool, show_all], False))
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own[2:]]
    parameters = [*own[:2], keywords[0], *options, *keywords[1:]]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in (*own, *options)}
    return command


def request_body(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request for these options: only the fields of those that were given."""
    given = {name: value for name, value in options.items() if value is not None}
    if "," in given.get("targets", ""):
        given["targets"] = [each.strip() for each in given["targets"].split(",")]
    body: dict[str, Any] = {}
    for part, fields in NESTED.items():
        if found := {field: given.pop(option) for option, field in fields.items() if option in given}:
            body[part] = found
    return {RENAMED.get(name, name): value for name, value in given.items()} | body
