"""kill -9 in mid-training, of the engine and of everything: the job ends as if nothing had happened."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.conftest import Embedded

SAMPLE = Path(__file__).parents[2] / "services/dataset/samples/triage.jsonl"
SETTINGS = {
    "method": "lora",
    "max_steps": 24,  # on a fast machine too it must not end before it is killed
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
    """The training loss of each step, with what was repeated after a rewind taken once."""
    records = platform.get(f"/training/jobs/{job}/metrics")["records"]
    return {record["step"]: record["loss"] for record in records if record["kind"] == "metric"}


def past_a_checkpoint(job: dict[str, Any]) -> bool:
    return bool(job["checkpoints"]) and job["progress"]["step"] > job["checkpoints"][-1]["step"]


def ended(job: dict[str, Any]) -> bool:
    return job["state"] in ("succeeded", "failed", "cancelled")


def engine_pids(platform: Embedded) -> list[int]:
    """Processes that work in the platform's scratch folder: its training engines."""
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
def undisturbed(one_laptop: Embedded) -> dict[int, float]:
    job = submit(one_laptop)
    assert one_laptop.until(f"/training/jobs/{job}", ended)["state"] == "succeeded"
    return losses(one_laptop, job)


def test_a_killed_engine_is_resumed_from_its_checkpoint(laptop: Embedded, undisturbed: dict[int, float]) -> None:
    job = submit(laptop)
    laptop.until(f"/training/jobs/{job}", past_a_checkpoint)
    for pid in engine_pids(laptop):
        os.kill(pid, signal.SIGKILL)
    assert laptop.until(f"/training/jobs/{job}", ended)["state"] == "succeeded"
    assert losses(laptop, job) == undisturbed
    kinds = [record["kind"] for record in laptop.get(f"/training/jobs/{job}/records")["records"]]
    assert "rewind" in kinds


def test_a_killed_platform_goes_on_after_its_restart(laptop: Embedded, undisturbed: dict[int, float]) -> None:
    job = submit(laptop)
    laptop.until(f"/training/jobs/{job}", past_a_checkpoint)
    orphans = engine_pids(laptop)
    laptop.kill()
    laptop.start()
    assert not set(orphans) & set(engine_pids(laptop))
    assert laptop.until(f"/training/jobs/{job}", ended)["state"] == "succeeded"
    assert losses(laptop, job) == undisturbed


def test_sigterm_checkpoints_and_the_next_start_goes_on(laptop: Embedded, undisturbed: dict[int, float]) -> None:
    job = submit(laptop)
    laptop.until(f"/training/jobs/{job}", lambda found: found["progress"]["step"] >= 2)
    assert laptop.stop() == 0
    laptop.start()
    done = laptop.until(f"/training/jobs/{job}", ended)
    assert (done["state"], done["attempts"]) == ("succeeded", 1)
    assert losses(laptop, job) == undisturbed
