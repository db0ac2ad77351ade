"""`anneal evaluate` and `anneal export`: how good it is, and files to take away."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import Client, CommandError
from cli.output import Json, out, print_json, progress_bar, size, table

POLL_SECONDS = 0.5


def evaluate(
    model_id: Annotated[str, typer.Argument(help="Custom model id.")],
    metric: Annotated[list[str] | None, typer.Option(help="bleu, rouge, perplexity, exact_match; repeat it.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset id; default: what it was trained on.")] = None,
    split: Annotated[str | None, typer.Option(help="validation or train.")] = None,
    rows: Annotated[int | None, typer.Option(help="How many rows at most.")] = None,
    json: Json = False,
) -> None:
    """Score a custom model and its base on held-out rows."""
    client = Client()
    body = {"metrics": metric, "dataset": dataset, "split": split, "rows": rows}
    run = finished_evaluation(client, model_id, {k: v for k, v in body.items() if v is not None})
    if json:
        print_json(run)
        return
    table(["metric", "base", "tuned", "difference"], score_rows(run))


def finished_evaluation(client: Client, model_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Start an evaluation and wait for it behind a progress bar."""
    run = client.post(f"/models/custom/{model_id}/evaluate", body)
    return _wait(client, f"/evaluations/{run['id']}", run, "evaluating")


def score_rows(run: dict[str, Any]) -> list[list[Any]]:
    """Rows of (metric, base, tuned, difference)."""
    base = run.get("base_scores") or {}
    return [
        [name, base.get(name), score, None if base.get(name) is None else score - base[name]]
        for name, score in (run.get("scores") or {}).items()
    ]


def _wait(client: Client, path: str, work: dict[str, Any], doing: str) -> dict[str, Any]:
    with progress_bar() as bar:
        task = bar.add_task(doing, total=None)
        while work["state"] not in ("succeeded", "failed", "cancelled"):
            time.sleep(POLL_SECONDS)
            work = client.get(path)
            progress = work.get("progress") or {}
            if progress.get("total"):
                bar.update(task, completed=progress.get("done", 0), total=progress["total"])
        bar.update(task, total=1, completed=1)
    if work["state"] != "succeeded":
        raise CommandError(f"It {work['state']}: {work.get('detail')} ({work.get('cause')})", work)
    return work


def export(
    model_id: Annotated[str, typer.Argument(help="Custom model id.")],
    format: Annotated[str, typer.Option(help="torch, onnx or adapter.")] = "torch",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File or folder to write to.")] = None,
    json: Json = False,
) -> None:
    """Build a checked export and download it; a broken download goes on where it was."""
    client = Client()
    built = finished_export(client, model_id, format)
    target = output or Path(f"{model_id}-{format}.zip")
    target = target / f"{model_id}-{format}.zip" if target.is_dir() else target
    with progress_bar(count="{task.fields[shown]}") as bar:
        task = bar.add_task("downloading", total=None, shown="")
        for done, total in client.download(f"/models/custom/{model_id}/export", target, format=format):
            bar.update(task, completed=done, total=total, shown=size(done))
    if json:
        print_json({**built, "file": str(target)})
        return
    table(["file", "size", "sha256"], [[f["name"], size(f["size"]), f["sha256"]] for f in built["files"]])
    out.print(f"checked: {built['check']}", highlight=False)
    out.print(f"written to {target}")


def finished_export(client: Client, model_id: str, format: str) -> dict[str, Any]:
    """Ask for an export and wait until it is built and checked; one that exists already is not built again."""
    made = client.post(f"/models/custom/{model_id}/exports", {"format": format})
    return _wait(client, f"/exports/{made['id']}", made, f"exporting {format}")
