"""`anneal demo`: the whole road on the bundled sample, with one table at the end."""

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
CHECKED = ("max_difference", "equal_greedy_tokens")
LEAST_RIGHT = 0.8
STEPS = 300
"""Enough for the sample; the default for a model of this size is 400."""


def demo(json: Json = False) -> None:
    """Walk the whole road: upload the sample, train LoRA on seedling, evaluate, export Torch and ONNX, chat."""
    started = time.monotonic()
    with platform() as client:
        result = walk(client)
    result["seconds"] = round(time.monotonic() - started, 1)
    print_json(result) if json else show(result)
    if (right := result["evaluation"]["scores"]["exact_match"]) < LEAST_RIGHT:
        raise CommandError(
            f"Only {right:.0%} of the held-out answers are exactly right; {LEAST_RIGHT:.0%} were expected."
        )


def walk(client: Client) -> dict[str, Any]:
    """Every step of the road; what it made and measured."""
    step("1/5  upload the sample and its held-out rows")
    with tempfile.TemporaryDirectory() as folder:
        sample, held_out = (fetch(client, name, Path(folder)) for name in (SAMPLE, HELD_OUT))
        dataset = send(client, sample, {"name": "triage"})
        unseen = send(client, held_out, {"name": "triage-heldout", "heldout": "true"})
        prompt = first_prompt(held_out)
    step("2/5  train LoRA on seedling")
    request = {"dataset": dataset["id"], "base": BASE, "method": "lora", "name": "triage", "max_steps": STEPS}
    job = follow(client, client.post("/training/jobs", request)["id"])
    model_id = job["model_id"]
    step("3/5  evaluate on the held-out rows, base beside tuned")
    evaluation = finished_evaluation(client, model_id, {"dataset": unseen["id"], "split": "validation"})
    step("4/5  export Torch and ONNX, checked")
    exports = {format: finished_export(client, model_id, format) for format in FORMATS}
    step("5/5  ask both models a question that neither has seen")
    answers = {name: ask(client, model, prompt) for name, model in (("base", BASE), ("tuned", model_id))}
    return {
        "dataset": dataset,
        "job": job,
        "model": client.get(f"/models/custom/{model_id}"),
        "evaluation": evaluation,
        "exports": exports,
        "chat": {"prompt": prompt, **answers},
    }


def step(text: str) -> None:
    """Say what happens now."""
    err.print(f"[bold]{text}[/]")


def fetch(client: Client, name: str, folder: Path) -> Path:
    """A bundled sample as a file."""
    for _ in client.download(f"/datasets/samples/{name}", folder / name):
        pass
    return folder / name


def first_prompt(held_out: Path) -> list[dict[str, str]]:
    """The messages of the first held-out row, without its answer."""
    with held_out.open() as file:
        messages: list[dict[str, str]] = jsonlib.loads(file.readline())["messages"]
    return messages[:-1]


def ask(client: Client, model: str, messages: list[dict[str, str]]) -> str:
    """The greedy answer."""
    body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": 80}
    return str(client.post("/v1/chat/completions", body)["choices"][0]["message"]["content"])


def show(result: dict[str, Any]) -> None:
    """The summary."""
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
        rows.append(["", ", ".join(f"{name.replace('_', ' ')} {number(check[name])}" for name in CHECKED)])
    rows.append(["asked", chat["prompt"][-1]["content"]])
    rows.append(["base answers", chat["base"]])
    rows.append(["tuned answers", chat["tuned"]])
    rows.append(["took", duration(result["seconds"])])
    table(["Anneal demo", ""], rows)
    out.print(f"\nEverything stays in {home()}. Open it with [bold]make up[/], then:")
    out.print(f'  anneal chat {job["model_id"]} "…"      anneal models      anneal jobs show {job["id"]}')


def number(value: Any) -> str:
    """A score, a difference or a flag in few characters."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
