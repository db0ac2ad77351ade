"""Kills training runs with SIGKILL at random moments and compares what became of them with undisturbed ones.

    python -m tests.chaos.kills [--kills 20] [--methods full,lora,qlora] [--layouts packed,padded] [--compile]

Every run is a process of its own, as the platform starts it; after each kill it goes on from its last checkpoint. In
fp32 on one thread, the losses of every step and the delivered weights must be equal to the last bit. CI runs a few of
the same in tests/unit/training/engine/test_resume.py.
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
MORE: dict[str, Any] = {}
"""Settings of all runs beside their own."""


def main() -> None:
    """One line per method and layout; fails at the first difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--methods", default="full,lora,qlora")
    parser.add_argument("--layouts", default="packed,padded")
    parser.add_argument("--compile", action="store_true", help="from step 6 on by compiled layers, without dropout")
    asked = parser.parse_args()
    if asked.compile:
        MORE.update(compile=True, lora={})
    from tests.support.tiny_model import make_tiny_model

    with tempfile.TemporaryDirectory(prefix="anneal-kills-") as folder:
        model = make_tiny_model(Path(folder) / "model")
        for method in asked.methods.split(","):
            for layout in asked.layouts.split(","):
                began, chance = time.monotonic(), random.Random(f"{method}/{layout}")
                kills = compare(Path(folder), model, method, layout, asked.kills, chance)
                print(f"{method:6}{layout:8}{kills} kills: equal  ({time.monotonic() - began:.0f} s)", flush=True)


def compare(folder: Path, model: Path, method: str, layout: str, kills: int, chance: random.Random) -> int:
    """Kill `kills` times, several times in one run; raises SystemExit naming the first difference."""
    whole = folder / f"{method}-{layout}"
    wanted, done = finish(whole, model, method, layout), 0
    while done < kills:
        run = folder / f"{method}-{layout}-{done}"
        moments = [chance.randrange(1, 40) for _ in range(min(2, kills - done))]
        for attempt, moment in enumerate(moments):
            done += killed(go(run, model, method, layout, attempt, moment))
        if finish(run, model, method, layout, len(moments)) != wanted:
            raise SystemExit(f"{method}, {layout}: killed at messages {moments}, and it ended otherwise")
    return done


def killed(status: int) -> bool:
    """Whether the run was ended by the signal; one that was quicker ended by itself."""
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def finish(folder: Path, model: Path, method: str, layout: str, attempt: int = 0) -> tuple[dict[int, float], bytes]:
    """Let the run end: its losses by step (a repeated step counts once, as it was last), and its weights."""
    if status := go(folder, model, method, layout, attempt, None):
        raise SystemExit(f"the run ended with status {status}")
    messages = [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]
    losses = {message["step"]: message["loss"] for message in messages if message["kind"] == "metric"}
    return losses, next((folder / "output").glob("*.safetensors")).read_bytes()


def go(folder: Path, model: Path, method: str, layout: str, attempt: int, kill_at: int | None) -> int:
    """One attempt in a process of its own, killed when it has said `kill_at` messages; its wait status."""
    sys.stdout.flush()
    if pid := os.fork():
        return os.waitpid(pid, 0)[1]
    try:
        train(folder, model, method, layout, attempt, kill_at)
        os._exit(0)
    finally:
        os._exit(1)


def train(folder: Path, model: Path, method: str, layout: str, attempt: int, kill_at: int | None) -> None:
    """The engine, from the last checkpoint if there is one."""
    from services.training.engine.model import loading as models
    from tests.unit.training.engine.engine_run import Journal, make_spec, run

    class Doomed(Journal):
        def emit(self, kind: str, **data: Any) -> None:
            super().emit(kind, **data)
            with (folder / "messages.jsonl").open("a") as file:
                file.write(json.dumps({"kind": kind, **data}) + "\n")
            if len(self.messages) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    if layout == "padded":
        models.packs_exactly = lambda model: False
    folder.mkdir(exist_ok=True)
    lora = {} if method == "full" else {"lora": {"dropout": 0.1}}
    rhythm = {"max_steps": STEPS, "eval_every": 4, "checkpoint_every": 3, "micro_batch_tokens": 96}
    spec = make_spec(folder, model, method=method, **{**rhythm, **lora, **MORE})
    checkpoints = sorted((folder / "checkpoints").glob("step-*"))
    spec |= {"resume_from": str(checkpoints[-1]) if checkpoints else None, "workdir": str(folder / f"work-{attempt}")}
    (folder / f"work-{attempt}").mkdir()
    run(spec, Doomed())


if __name__ == "__main__":
    main()
