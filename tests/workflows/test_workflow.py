"""The end-to-end workflow over HTTP: upload, train, evaluate, export, chat. `make demo` runs it at full length."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.workflows.conftest import Platform

SAMPLES = Path(__file__).parents[2] / "services/dataset/samples"


def has_ended(work: dict[str, Any]) -> bool:
    return work["state"] in ("succeeded", "failed", "cancelled")


def test_upload_to_chat(platform: Platform) -> None:
    run_workflow(platform)


def run_workflow(platform: Platform, on_submit: Callable[[str], None] | None = None, **settings: Any) -> dict[str, Any]:
    """Run the workflow with `settings` for the training job and return the job; `on_submit` gets its id."""
    sample, held_out = (SAMPLES / name for name in ("triage.jsonl", "triage-heldout.jsonl"))
    dataset = platform.upload(sample.name, sample.read_bytes(), name="triage").json()
    unseen = platform.upload(held_out.name, held_out.read_bytes(), name="unseen", heldout="true").json()
    assert (dataset["state"], dataset["rows"], unseen["report"]["splits"]["validation"]) == ("ready", 240, 40)

    platform.until("/v1/models", lambda models: models["data"])  # seedling is being published
    request = {"dataset": dataset["id"], "method": "lora", "max_steps": 36, "eval_every": 18, "threads": 1}
    request |= {"after": ["export_torch"], **settings}
    job = platform.post("/training/jobs", request)
    assert "learning_rate" in job["defaulted"]
    if on_submit:
        on_submit(job["id"])
    job = platform.until(f"/training/jobs/{job['id']}", has_ended)
    assert job["state"] == "succeeded", job["detail"]
    losses = [evaluation["loss"] for evaluation in job["evaluations"]]
    assert losses[-1] < losses[0] / 2
    model = job["model_id"]

    run = platform.post(f"/models/custom/{model}/evaluate", {"dataset": unseen["id"], "rows": 12})
    run = platform.until(f"/evaluations/{run['id']}", has_ended)
    assert run["state"] == "succeeded", run["detail"]
    assert run["scores"]["perplexity"] < run["base_scores"]["perplexity"] / 2
    assert run["scores"]["bleu"] > run["base_scores"]["bleu"]

    (export,) = platform.get("/exports", model_id=model)["items"]
    export = platform.until(f"/exports/{export['id']}", has_ended)
    assert export["check"]["passed"], export
    download = platform.http.get(f"/models/custom/{model}/export", params={"format": "torch"})
    assert hashlib.sha256(download.content).hexdigest() == export["archive"]["sha256"]
    assert "model.safetensors" in {Path(name).name for name in zipfile.ZipFile(io.BytesIO(download.content)).namelist()}

    messages = json.loads(held_out.read_text().splitlines()[0])["messages"][:1]
    question = {"messages": messages, "temperature": 0, "max_tokens": 60}
    tuned = platform.post("/v1/chat/completions", {**question, "model": model})["choices"][0]["message"]["content"]
    base = platform.post("/v1/chat/completions", {**question, "model": "seedling"})["choices"][0]["message"]["content"]
    assert '"topic"' in tuned
    assert '"topic"' not in base
    return dict(job)
