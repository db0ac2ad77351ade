"""`anneal evaluate` and `anneal export`: score a custom model, and download it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.checkpoints import CHECKPOINT_HELP, resolve_model
from cli.client import Client
from cli.output import Json, out, print_json, print_warnings, progress_bar, size, table
from cli.resources import named, named_option
from cli.waiting import finished

SCORE_COLUMNS = ("metric", "base", "95 % interval", "tuned", "95 % interval", "difference")


def evaluate(
    model_id: Annotated[str, named("custom model", f"The custom model, or {CHECKPOINT_HELP}.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="bleu, rouge, chrf, token_f1, perplexity, exact_match, number_match, json or classification; "
            "repeat for several. Default: all that fit the data."
        ),
    ] = None,
    dataset: Annotated[
        str | None, named_option("dataset", "Dataset; default: the one that the model was trained on.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="test, validation or train (default: the first of these that has rows).")
    ] = None,
    rows: Annotated[int | None, typer.Option(help="Maximum number of rows.")] = None,
    slice_by: Annotated[
        str | None, typer.Option(help="Also score each value of a column of the data, such as category.")
    ] = None,
    json: Json = False,
) -> None:
    """Evaluate a custom model beside its base model on held-out rows."""
    client = Client()
    body = {"metrics": metric, "dataset": dataset, "split": split, "rows": rows, "slice_by": slice_by}
    model_id = resolve_model(client, model_id)
    run = finished_evaluation(client, model_id, {k: v for k, v in body.items() if v is not None})
    if json:
        print_json(run)
        return
    show_evaluation(run)


def show_evaluation(run: dict[str, Any]) -> None:
    """Print the scores of an evaluation, in all and by slice, what they mean, and its warnings."""
    if imported := run.get("imported"):
        shots = "" if imported["num_fewshot"] is None else f", {imported['num_fewshot']}-shot"
        line = f"{imported['task']} (version {imported['task_version']}{shots}), by {imported['source']} "
        out.print(f"{line}{imported['version']}; task hash {imported['task_hash'][:12]}", highlight=False)
    table(SCORE_COLUMNS, score_rows(run))
    if headline := run.get("headline"):
        out.print(headline, highlight=False)
    for part in run.get("slices") or []:
        title = f"\n{run['slice_by']}: {part['value']} ({part['rows']:,} rows)"
        table(SCORE_COLUMNS, score_rows(part), title=title)
    for name, signature in (run.get("signatures") or {}).items():
        out.print(f"{name}: {signature}", highlight=False)
    print_warnings(run.get("warnings") or [])


def finished_evaluation(client: Client, model_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Start an evaluation and wait for it with a progress bar."""
    run = client.post(f"/models/custom/{model_id}/evaluate", body)
    return finished(client, f"/evaluations/{run['id']}", run, "evaluating")


def score_rows(run: dict[str, Any]) -> list[list[Any]]:
    """Return table rows for SCORE_COLUMNS."""
    base = run.get("base_scores") or {}
    return [
        [
            name,
            base.get(name),
            _interval(run, "base_intervals", name),
            score,
            _interval(run, "intervals", name),
            None if base.get(name) is None else score - base[name],
        ]
        for name, score in (run.get("scores") or {}).items()
    ]


def _interval(run: dict[str, Any], kind: str, name: str) -> str:
    interval = (run.get(kind) or {}).get(name)
    return (
        " to ".join(f"{bound:.2f}" if abs(bound) < 1000 else f"{bound:,.4g}" for bound in interval) if interval else ""
    )


def export(
    model_id: Annotated[str, named("custom model", f"The custom model, or {CHECKPOINT_HELP}.")],
    format: Annotated[str, typer.Option(help="Format: torch, onnx, adapter, gguf or gguf_adapter.")] = "torch",
    quantization: Annotated[
        str | None, typer.Option(help="Weights in GGUF: f32, f16 (default), bf16, q8_0, q6_k, q5_k_m or q4_k_m.")
    ] = None,
    accept_drift: Annotated[
        bool, typer.Option("--accept-drift", help="Download although it differs from the tuned model.")
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File or folder to write to.")] = None,
    json: Json = False,
) -> None:
    """Export a custom model and download the archive.

    The export is verified against the model before it is offered.
    To resume an interrupted download, run the command again.
    """
    client = Client()
    chosen = {"format": format, **({"quantization": quantization} if quantization else {})}
    model_id = resolve_model(client, model_id)
    built = finished_export(client, model_id, **chosen)
    print_warnings(built["warnings"])
    name = f"{'-'.join((model_id, *chosen.values()))}.zip"
    target = output or Path(name)
    target = target / name if target.is_dir() else target
    query = chosen | ({"accept_drift": "true"} if accept_drift else {})
    with progress_bar(count="{task.fields[shown]}") as bar:
        task = bar.add_task("downloading", total=None, shown="")
        for done, total in client.download(f"/models/custom/{model_id}/export", target, **query):
            bar.update(task, completed=done, total=total, shown=size(done))
    if json:
        print_json({**built, "file": str(target)})
        return
    show_export(built)
    out.print(f"saved {target}")


def show_export(built: dict[str, Any]) -> None:
    """Print the files of an export, and how it was compared with the tuned model."""
    table(["file", "size", "sha256"], [[f["name"], size(f["size"]), f["sha256"]] for f in built["files"]])
    _print_check(built["verdict"], built["check"])


def _print_check(verdict: str, check: dict[str, Any]) -> None:
    """Print how the export was compared with the tuned model, and each figure beside its limit."""
    on = f", on {check['prompts_from']}" if "prompts_from" in check else ""
    out.print(f"{verdict}: {check['method']}{on}", highlight=False, soft_wrap=True)
    rows = [
        [name.replace("_", " "), f"{check[name]:.4g}", f"{'≥' if name == 'agreement' else '≤'} {limit:g}"]
        for name, limit in check.get("limits", {}).items()
        if check.get(name) is not None
    ]
    if rows:
        table(["export and tuned model", "measured", "limit"], rows)


def finished_export(client: Client, model_id: str, format: str, quantization: str | None = None) -> dict[str, Any]:
    """Request an export and wait until it is built and verified; an existing export is reused."""
    created = client.post(f"/models/custom/{model_id}/exports", {"format": format, "quantization": quantization})
    return finished(client, f"/exports/{created['id']}", created, f"exporting {format}")
