"""Kill training runs with SIGKILL at random moments and compare their results with undisturbed runs.

    python -m tests.chaos.kills [--kills 20] [--methods full,lora,qlora] [--layouts packed,padded]

Every run is its own process, as on the platform, and resumes from its last checkpoint after each kill. In fp32 on one
thread, the losses of every step and the delivered weights must be bit-identical. CI runs a few of these cases in
tests/unit/training/engine/test_resume.py.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STEPS = 12
"""Hyperparameters that the command line adds to every run."""


def main() -> None:
    """Print one line per method and layout; fails at the first difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="kills per method and layout (default: %(default)s)")
    parser.add_argument("--methods", default="full,lora,qlora")
    parser.add_argument("--layouts", default="packed,padded")
    options = parser.parse_args()
    from tests.support.tiny_model import make_tiny_model

    with tempfile.TemporaryDirectory(prefix="anneal-kills-") as folder:
        model = make_tiny_model(Path(folder) / "model")
        for method in options.methods.split(","):
            for layout in options.layouts.split(","):
                started, rng = time.monotonic(), random.Random(f"{method}/{layout}")
                kills = compare(Path(folder), model, method, layout, options.kills, rng)
                print(f"{method:6}{layout:8}{kills} kills: identical  ({time.monotonic() - started:.0f} s)", flush=True)


def compare(folder: Path, model: Path, method: str, layout: str, kills: int, rng: random.Random) -> int:
    """Kill `kills` times, up to twice per run, and return the number of kills; exits at the first difference."""
    undisturbed = folder / f"{method}-{layout}"
    expected, done = finish(undisturbed, model, method, layout), 0
    while done < kills:
        run = folder / f"{method}-{layout}-{done}"
        moments = [rng.randrange(1, 40) for _ in range(min(2, kills - done))]
        for attempt, moment in enumerate(moments):
            done += was_killed(run_attempt(run, model, method, layout, attempt, moment))
        if finish(run, model, method, layout, len(moments)) != expected:
            raise SystemExit(f"{method}, {layout}: killed at messages {moments}: the result differs")
    return done


def was_killed(status: int) -> bool:
    """Whether SIGKILL ended the run; a run that reported fewer messages ended by itself."""
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def finish(folder: Path, model: Path, method: str, layout: str, attempt: int = 0) -> tuple[dict[int, float], bytes]:
    """Run to the end and return the losses by step (the last one of a repeated step) and the weights."""
    if status := run_attempt(folder, model, method, layout, attempt, None):
        raise SystemExit(f"the run ended with status {status}")
    messages = [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]
    losses = {message["step"]: message["loss"] for message in messages if message["kind"] == "metric"}
    return losses, next((folder / "output").glob("*.safetensors")).read_bytes()


def run_attempt(folder: Path, model: Path, method: str, layout: str, attempt: int, kill_at: int | None) -> int:
    """Run one attempt in a forked process that kills itself after `kill_at` messages; returns its wait status."""
    sys.stdout.flush()
    if pid := os.fork():
        return os.waitpid(pid, 0)[1]
    try:
        train(folder, model, method, layout, attempt, kill_at)
        os._exit(0)
    finally:
        os._exit(1)


def train(folder: Path, model: Path, method: str, layout: str, attempt: int, kill_at: int | None) -> None:
    """Run the engine, from the last checkpoint if there is one."""
    from services.training.engine.model import trials as models
    from tests.unit.training.engine.engine_run import RecordingReporter, make_spec, run

    class KillingReporter(RecordingReporter):
        def emit(self, kind: str, **data: Any) -> None:
            super().emit(kind, **data)
            with (folder / "messages.jsonl").open("a") as file:
                file.write(json.dumps({"kind": kind, **data}) + "\n")
            if len(self.messages) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    if layout == "padded":
        models.exact_layouts = lambda *_, **__: {"padded"}
    folder.mkdir(exist_ok=True)
    lora = {} if method == "full" else {"lora": {"dropout": 0.1}}
    schedule = {"max_steps": STEPS, "eval_every": 4, "checkpoint_every": 3, "micro_batch_tokens": 96}
    spec = make_spec(folder, model, method=method, **{**schedule, **lora})
    checkpoints = sorted((folder / "checkpoints").glob("step-*"))
    spec |= {"resume_from": str(checkpoints[-1]) if checkpoints else None, "workdir": str(folder / f"work-{attempt}")}
    (folder / f"work-{attempt}").mkdir()
    run(spec, KillingReporter())


if __name__ == "__main__":
    main()
