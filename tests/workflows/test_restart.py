"""SIGKILL and SIGTERM of the platform during training: the job ends with the losses of an undisturbed run."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.conftest import Embedded

SAMPLE = Path(__file__).parents[2] / "services/dataset/samples/triage.jsonl"
SETTINGS = {
    "method": "lora",
    "max_steps": 24,  # long enough to be killed before it ends, on fast machines too
    "checkpoint_every": 6,
    "eval_every": 12,
    "dtype": "fp32",
    "threads": 1,
    "seed": 3,
}


def submit(platform: Embedded) -> str:
    dataset = platform.upload("triage.jsonl", SAMPLE.read_bytes(), name="triage").json()
    return str(platform.post("/training/jobs", {"dataset": dataset["id"], **SETTINGS})["id"])


def losses(platform: Embedded, job: str) -> dict[int, float]:
    """Return the training loss by step; a step repeated after a rewind counts once."""
    records = platform.get(f"/training/jobs/{job}/metrics")["records"]
    return {record["step"]: record["loss"] for record in records if record["kind"] == "metric"}


def is_past_a_checkpoint(job: dict[str, Any]) -> bool:
    return bool(job["checkpoints"]) and job["progress"]["step"] > job["checkpoints"][-1]["step"]


def has_ended(job: dict[str, Any]) -> bool:
    return job["state"] in ("succeeded", "failed", "cancelled")


def engine_pids(platform: Embedded) -> list[int]:
    """Return the processes whose working directory is in the platform's scratch folder: its engines."""
    scratch = str(platform.home / "scratch")
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(folder / "cwd").startswith(scratch):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def undisturbed(shared_platform: Embedded) -> dict[int, float]:
    job = submit(shared_platform)
    assert shared_platform.until(f"/training/jobs/{job}", has_ended)["state"] == "succeeded"
    return losses(shared_platform, job)


def test_killed_platform_resumes_jobs_after_restart(embedded: Embedded, undisturbed: dict[int, float]) -> None:
    job = submit(embedded)
    embedded.until(f"/training/jobs/{job}", is_past_a_checkpoint)
    orphans = engine_pids(embedded)
    embedded.kill()
    embedded.start()
    assert not set(orphans) & set(engine_pids(embedded))
    assert embedded.until(f"/training/jobs/{job}", has_ended)["state"] == "succeeded"
    assert losses(embedded, job) == undisturbed


def test_sigterm_checkpoints_and_the_next_start_resumes(embedded: Embedded, undisturbed: dict[int, float]) -> None:
    job = submit(embedded)
    embedded.until(f"/training/jobs/{job}", lambda found: found["progress"]["step"] >= 2)
    assert embedded.stop() == 0
    embedded.start()
    done = embedded.until(f"/training/jobs/{job}", has_ended)
    assert (done["state"], done["attempts"]) == ("succeeded", 1)
    assert losses(embedded, job) == undisturbed
