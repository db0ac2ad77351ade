"""`anneal demo`: the whole workflow on the bundled sample, with a summary of scores and answers."""

import json as jsonlib
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from anneal.connection import home
from cli.background import is_running, platform
from cli.client import Client
from cli.commands.datasets import send
from cli.commands.jobs import follow
from cli.commands.models import find_base_model
from cli.commands.results import SCORE_COLUMNS, finished_evaluation, finished_export, score_rows
from cli.errors import CommandError
from cli.output import Json, duration, err, out, plain, print_json, size, table

SAMPLE, HELD_OUT = "triage.jsonl", "triage-heldout.jsonl"
BASE = "seedling"
SHOWN_CHECKS = ("max_difference", "equal_greedy_tokens")
SHOWN_SCORES = ("exact_match", "json_valid", "json_fields", "token_f1", "perplexity")
MIN_EXACT_MATCH = 0.8
MAX_SHOWN = 200
"""Characters of an answer."""
SEEDLING = {"max_steps": 300}
"""Enough for the sample; the default for this model size is 400."""
PRETRAINED = {"max_steps": 100, "batch_size": 4, "learning_rate": 1e-3, "eval_every": 50}
"""Minutes on a CPU for a model of 135M parameters, which learns the sample's form and rules from few rows."""


def demo(
    base: Annotated[
        str, typer.Option(help="Base model: a folder on this machine, or a name or id as listed by `anneal models`.")
    ] = BASE,
    json: Json = False,
) -> None:
    """Run the whole workflow on sample data: upload, train, evaluate, export, chat.

    Fine-tunes seedling, the bundled base model, or another base model with LoRA in a few minutes.
    Uses the running platform, or starts one for the duration of the demo.
    """
    started = time.monotonic()
    stays = is_running()
    with platform() as client:
        result = run_workflow(client, find_base(client, base)) | {"url": client.url if stays else None}
    result["seconds"] = round(time.monotonic() - started, 1)
    print_json(result) if json else show(result)
    score = result["evaluation"]["scores"]["exact_match"]
    expected = MIN_EXACT_MATCH if base == BASE else result["evaluation"]["base_intervals"]["exact_match"][1]
    if score < expected:
        raise CommandError(
            f"Only {score:.0%} of the held-out answers match exactly; at least {expected:.0%} were expected."
        )


def find_base(client: Client, base: str) -> dict[str, Any]:
    """Return the base model with this name or id, or in this folder, which is registered if it is not yet."""
    if listed := find_base_model(client, base):
        if not listed["usable"] and listed["availability"] != "preparing":
            raise CommandError(f"{base} is {listed['availability']}. Add it first: anneal models add {base}")
        return listed
    folder = Path(base).expanduser().resolve()
    if not folder.is_dir():
        raise CommandError(f"{base!r} is neither a folder nor a base model that `anneal models` lists.")
    for added in client.get("/models/base", limit=200)["items"]:
        if (added["source"], added["origin"], added["state"]) == ("path", str(folder), "succeeded"):
            return dict(added)
    print_step(f"     Register {folder}")
    return dict(client.post("/models/base", {"path": str(folder)}))


def run_workflow(client: Client, base: dict[str, Any]) -> dict[str, Any]:
    """Run every step on a base model and return the resources and scores."""
    bundled = base["name"] == BASE
    print_step("1/5  Upload the sample and its held-out rows")
    with tempfile.TemporaryDirectory() as folder:
        sample, held_out = (download_sample(client, name, Path(folder)) for name in (SAMPLE, HELD_OUT))
        dataset = send(client, sample, {"name": "triage"})
        unseen = send(client, held_out, {"name": "triage-heldout", "heldout": "true"})
        prompt = first_prompt(held_out)
    print_step(f"2/5  Fine-tune {base['name']} with LoRA")
    request = {"dataset": dataset["id"], "base": base["id"], "method": "lora", "name": "triage"}
    job = follow(client, client.post("/training/jobs", request | (SEEDLING if bundled else PRETRAINED))["id"])
    model_id = job["model_id"]
    print_step("3/5  Evaluate the base model and the tuned model on held-out rows")
    evaluation = finished_evaluation(client, model_id, {"dataset": unseen["id"], "split": "validation"})
    formats = ("torch", "onnx") if bundled else ("torch", "adapter")
    print_step(f"4/5  Export and verify: {', '.join(formats)}")
    exports = {format: finished_export(client, model_id, format) for format in formats}
    print_step("5/5  Ask both models a question that is not in the training data")
    answers = {name: ask(client, model, prompt) for name, model in (("base", base["id"]), ("tuned", model_id))}
    return {
        "base": base,
        "dataset": dataset,
        "job": job,
        "usage": training_usage(client, job),
        "model": client.get(f"/models/custom/{model_id}"),
        "evaluation": evaluation,
        "exports": exports,
        "chat": {"prompt": prompt, **answers},
    }


def training_usage(client: Client, job: dict[str, Any]) -> dict[str, float]:
    """Return the job's duration in seconds and the engine's highest resident memory in bytes."""
    records = client.get(f"/training/jobs/{job['id']}/metrics")["records"]
    started, finished = (datetime.fromisoformat(job[moment]) for moment in ("started_at", "finished_at"))
    peak = max((record["memory_mb"] for record in records if record.get("memory_mb")), default=0.0)
    return {"seconds": (finished - started).total_seconds(), "peak_memory": peak * 1e6}


def print_step(text: str) -> None:
    """Print the step that starts now."""
    err.print(text, style="bold")


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
    """Print the summary: training, exports, scores with intervals, and answers to held-out prompts."""
    job, evaluation, metrics, usage = result["job"], result["evaluation"], result["model"]["metrics"], result["usage"]
    rows: list[list[str]] = [
        ["base model", job["base_name"]],
        ["training loss", f"{metrics['train_loss_first']:.3f} → {metrics['train_loss_last']:.3f}"],
        ["validation loss", f"{metrics['validation_loss_first']:.3f} → {metrics['validation_loss_best']:.3f}"],
        ["training", f"{duration(usage['seconds'])}, peak memory {size(usage['peak_memory'])}"],
    ]
    for format, export in result["exports"].items():
        archive, check = export["archive"], export["check"]
        rows.append([f"{format} export", f"{archive['name']}, {size(archive['size'])}"])
        rows.append(["", f"sha256 {archive['sha256'][:16]}…"])
        rows.append(["", ", ".join(f"{name.replace('_', ' ')} {plain(check[name])}" for name in SHOWN_CHECKS)])
    rows.append(["whole demo", duration(result["seconds"])])
    out.print()
    table(["Anneal demo", ""], rows)
    out.print(f"\nScores on {evaluation['evaluated']} held-out rows", style="bold")
    table(SCORE_COLUMNS, [row for row in score_rows(evaluation) if row[0] in SHOWN_SCORES])
    chat = result["chat"]
    for sample in [chat, *(sample for sample in evaluation["samples"] if sample["prompt"] != chat["prompt"])]:
        answers = {name: sample[name] for name in ("reference", "base", "tuned") if name in sample}
        texts = {"question": sample["prompt"][-1]["content"], **answers}
        table(["", ""], [[name, shortened(text)] for name, text in texts.items()])
    where = result["url"] or f"{home()}; `anneal up` starts the platform again"
    out.print(f"\nEverything is kept in {where}. To go on:")
    out.print(f'  anneal chat {job["model_id"]} "…"\n  anneal models\n  anneal jobs show {job["id"]}')


def shortened(answer: str) -> str:
    """Cut an answer to MAX_SHOWN characters."""
    return answer if len(answer) <= MAX_SHOWN else f"{answer[:MAX_SHOWN]} …"
