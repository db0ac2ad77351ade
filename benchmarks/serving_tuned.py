"""Time from the end of training to the first text of the tuned model, over HTTP, with the base model in memory."""

from __future__ import annotations

import json
import statistics
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from start import run_platform, wait_until

ROWS = Path(__file__).resolve().parent.parent / "services/dataset/samples/triage.jsonl"
JOB = {"method": "lora", "max_steps": 8, "after": ["deploy"]}
ASK = {"messages": [{"role": "user", "content": "My card was charged twice"}], "max_tokens": 8, "stream": True}


def measure(folder: Path, jobs: int) -> dict[str, Any]:
    """Seconds from a job's `finished_at` to the first text of its model, and the load time of its adapter."""
    with run_platform(folder / "home") as http:
        dataset = http.post("/datasets/upload", files={"file": ROWS.open("rb")}).raise_for_status().json()["id"]
        wait_until(lambda: http.get("/v1/models").json()["data"], bool)  # until seedling is published
        time_of_first_text(http, "seedling")
        _train_and_ask(http, dataset)
        waits, loads = zip(*(_train_and_ask(http, dataset) for _ in range(jobs)), strict=True)
    return {
        "first_token_s": round(statistics.median(waits), 3),
        "worst_s": round(max(waits), 3),
        "adapter_load_ms": round(1000 * statistics.median(loads), 1),
        "jobs": jobs,
    }


def _train_and_ask(http: httpx.Client, dataset: str) -> tuple[float, float]:
    id = http.post("/training/jobs", json={**JOB, "dataset": dataset}).raise_for_status().json()["id"]
    job = wait_until(lambda: http.get(f"/training/jobs/{id}").json(), lambda j: j["state"] in ("succeeded", "failed"))
    assert job["state"] == "succeeded", job
    wait = time_of_first_text(http, job["model_id"]) - datetime.fromisoformat(job["finished_at"]).timestamp()
    return wait, _load_seconds(http, job["model_id"])


def time_of_first_text(http: httpx.Client, model: str) -> float:
    """Send a request; the time at which its first text arrives, in seconds since the epoch."""
    at = None
    with http.stream("POST", "/v1/chat/completions", json={**ASK, "model": model}) as response:
        assert response.status_code == 200, response.read()
        for line in response.iter_lines():
            if at is None and line.startswith("data: {") and _has_text(json.loads(line[6:])):
                at = time.time()
    assert at is not None
    return at


def _has_text(chunk: dict[str, Any]) -> bool:
    return any(choice["delta"].get("content") or choice["finish_reason"] for choice in chunk["choices"])


def _load_seconds(http: httpx.Client, model: str) -> float:
    """Load and warmup time of the deployment that the job requested."""

    def deployment() -> dict[str, Any]:
        items = http.get("/deployments", params={"limit": 200}).json()["items"]
        return next((item for item in items if item["model_id"] == model), {"state": "none"})

    return float(wait_until(deployment, lambda found: found["state"] == "ready")["load_seconds"])
