"""`anneal demo`: the whole workflow on the bundled sample, with a summary table."""

import json as jsonlib
import tempfile
import time
from pathlib import Path
from typing import Any

from cli.background import platform
from cli.client import Client, CommandError, home
from cli.commands.datasets import send
from cli.commands.jobs import follow
from cli.commands.results import finished_evaluation, finished_export, score_rows
from cli.output import Json, duration, err, out, print_json, size, table

SAMPLE, HELD_OUT = "triage.jsonl", "triage-heldout.jsonl"
BASE = "seedling"
FORMATS = ("torch", "onnx")
SHOWN_CHECKS = ("max_difference", "equal_greedy_tokens")
MIN_EXACT_MATCH = 0.8
STEPS = 300
"""Enough for the sample; the default for this model size is 400."""


def demo(json: Json = False) -> None:
    """Run the whole workflow on sample data: upload, train, evaluate, export, chat.

    Fine-tunes seedling, the bundled base model, with LoRA in about three minutes.
    Uses the running platform, or starts one for the duration of the demo.
    """
    started = time.monotonic()
    with platform() as client:
        result = run_workflow(client)
    result["seconds"] = round(time.monotonic() - started, 1)
    print_json(result) if json else show(result)
    if (score := result["evaluation"]["scores"]["exact_match"]) < MIN_EXACT_MATCH:
        raise CommandError(
            f"Only {score:.0%} of the held-out answers match exactly; at least {MIN_EXACT_MATCH:.0%} were expected."
        )


def run_workflow(client: Client) -> dict[str, Any]:
    """Run every step and return the resources and scores."""
    print_step("1/5  Upload the sample and its held-out rows")
    with tempfile.TemporaryDirectory() as folder:
        sample, held_out = (download_sample(client, name, Path(folder)) for name in (SAMPLE, HELD_OUT))
        dataset = send(client, sample, {"name": "triage"})
        unseen = send(client, held_out, {"name": "triage-heldout", "heldout": "true"})
        prompt = first_prompt(held_out)
    print_step("2/5  Fine-tune seedling with LoRA")
    request = {"dataset": dataset["id"], "base": BASE, "method": "lora", "name": "triage", "max_steps": STEPS}
    job = follow(client, client.post("/training/jobs", request)["id"])
    model_id = job["model_id"]
    print_step("3/5  Evaluate the base model and the tuned model on held-out rows")
    evaluation = finished_evaluation(client, model_id, {"dataset": unseen["id"], "split": "validation"})
    print_step("4/5  Export to Torch and ONNX, and verify both")
    exports = {format: finished_export(client, model_id, format) for format in FORMATS}
    print_step("5/5  Ask both models a question that is not in the training data")
    answers = {name: ask(client, model, prompt) for name, model in (("base", BASE), ("tuned", model_id))}
    return {
        "dataset": dataset,
        "job": job,
        "model": client.get(f"/models/custom/{model_id}"),
        "evaluation": evaluation,
        "exports": exports,
        "chat": {"prompt": prompt, **answers},
    }


def print_step(text: str) -> None:
    """Print the step that starts now."""
    err.print(f"[bold]{text}[/]")


def download_sample(client: Client, name: str, folder: Path) -> Path:
    """Download a bundled sample file."""
    for _ in client.download(f"/datasets/samples/{name}", folder / name):
        pass
    return folder / name


def first_prompt(held_out: Path) -> list[dict[str, str]]:
    """Return the messages of the first held-out row, without the answer."""
    with held_out.open() as file:
        messages: list[dict[str, str]] = jsonlib.loads(file.readline())["messages"]
    return messages[:-1]


def ask(client: Client, model: str, messages: list[dict[str, str]]) -> str:
    """Return the greedy answer of a model."""
    body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": 80}
    return str(client.post("/v1/chat/completions", body)["choices"][0]["message"]["content"])


def show(result: dict[str, Any]) -> None:
    """Print the summary table."""
    job, evaluation, chat = result["job"], result["evaluation"], result["chat"]
    metrics = result["model"]["metrics"]
    out.print()
    rows: list[list[str]] = [
        ["training loss", f"{metrics['train_loss_first']:.3f} → {metrics['train_loss_last']:.3f}"],
        ["validation loss", f"{metrics['validation_loss_first']:.3f} → {metrics['validation_loss_best']:.3f}"],
    ]
    for name, base, tuned, _ in score_rows(evaluation):
        rows.append([f"{name} on held-out rows", f"base {number(base)} → tuned {number(tuned)}"])
    for format, export in result["exports"].items():
        archive, check = export["archive"], export["check"]
        rows.append([f"{format} export", f"{archive['name']}, {size(archive['size'])}"])
        rows.append(["", f"sha256 {archive['sha256']}"])
        rows.append(["", ", ".join(f"{name.replace('_', ' ')} {number(check[name])}" for name in SHOWN_CHECKS)])
    rows.append(["question", chat["prompt"][-1]["content"]])
    rows.append(["base model", chat["base"]])
    rows.append(["tuned model", chat["tuned"]])
    rows.append(["duration", duration(result["seconds"])])
    table(["Anneal demo", ""], rows)
    out.print(f"\nThe data is kept in {home()}. Start the platform with [bold]anneal up[/], then try:")
    out.print(f'  anneal chat {job["model_id"]} "…"\n  anneal models\n  anneal jobs show {job["id"]}')


def number(value: Any) -> str:
    """Format a score with four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
