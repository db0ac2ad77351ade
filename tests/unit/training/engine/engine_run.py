"""Runs the training engine in the test process on a tiny model and records its messages."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from accelerate.state import AcceleratorState

from services.training.engine import train
from shared.engine.process.protocol import Commands, Reporter

WORDS = ("order", "train", "leave", "answer", "reason", "invoice", "status", "morning", "reply", "need", "today")


def chat_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Generate rows of one question and its answer, which is the first and the last word of the question."""
    rng = random.Random(seed)
    questions = [[rng.choice(WORDS) for _ in range(rng.randint(1, 12))] for _ in range(count)]
    return [
        {"messages": [{"role": "user", "content": " ".join(w)}, {"role": "assistant", "content": f"{w[0]} {w[-1]}"}]}
        for w in questions
    ]


def write_shard(path: Path, rows: list[dict[str, Any]]) -> str:
    """Write a Parquet shard in the dataset service's format; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "row_id": pa.array(range(len(rows)), pa.int64()),
        "source": [f"upload.jsonl:{i + 1}" for i in range(len(rows))],
        "row": [json.dumps(row) for row in rows],
    }
    pq.write_table(pa.table(columns), path)
    return str(path)


def make_spec(
    folder: Path, model: Path, *, rows: int = 20, form: str = "messages", **hyperparameters: Any
) -> dict[str, Any]:
    """Return the spec of a run of 10 steps with an evaluation and a checkpoint every 5."""
    defaults = {"method": "lora", "max_steps": 10, "batch_size": 6, "learning_rate": 6e-3, "warmup_steps": 2}
    schedule = {"eval_every": 5, "checkpoint_every": 5, "threads": 1, "seed": 3, "dtype": "fp32"}
    return {
        "job_id": "job_1",
        "token": 1,
        "workdir": str(folder / "work"),
        "model": {"path": str(model), "kind": "full", "base": None, "name": "tiny"},
        "dataset": {
            "train": [write_shard(folder / "train.parquet", chat_rows(rows))],
            "validation": [write_shard(folder / "validation.parquet", chat_rows(8, seed=1))],
            "form": form,
        },
        "hyperparameters": {**defaults, **schedule, **hyperparameters},
        "resume_from": None,
        "output": str(folder / "output"),
        "checkpoints": str(folder / "checkpoints"),
    }


class RecordingReporter(Reporter):
    """Records messages instead of writing them; after a given step, sends SIGTERM, raises SimulatedCrash, or acts."""

    def __init__(
        self,
        *,
        sigterm_at: int | None = None,
        crash_at: int | None = None,
        act_at: tuple[int, Callable[[], Any]] | None = None,
    ) -> None:
        super().__init__(-1)
        self.sigterm_at, self.crash_at, self.act_at = sigterm_at, crash_at, act_at
        self.messages: list[dict[str, Any]] = []

    def emit(self, kind: str, **data: Any) -> None:
        """Record a message; send SIGTERM, raise SimulatedCrash or act at the configured step."""
        self.messages.append({"kind": kind, **data})
        if kind == "metric" and self.act_at and data["step"] == self.act_at[0]:
            self.act_at[1]()
        if kind == "metric" and data["step"] == self.sigterm_at:
            os.kill(os.getpid(), signal.SIGTERM)
        if kind == "metric" and data["step"] == self.crash_at:
            raise SimulatedCrash

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of one kind."""
        return [message for message in self.messages if message["kind"] == kind]

    def losses(self) -> dict[int, float]:
        """Return the training loss by step."""
        return {message["step"]: message["loss"] for message in self.of_kind("metric")}


class SimulatedCrash(Exception):
    """Stands for the death of a process: like a kill, it leaves the files of the run as they are."""


def run_and_copy(folder: Path, spec: dict[str, Any]) -> tuple[dict[str, Any], RecordingReporter, dict[str, Any]]:
    """Run to the end, and copy at step 8 what a kill would leave; returns also the spec that resumes from the copy."""
    left = folder / "left"
    result, reporter = run(spec, RecordingReporter(act_at=(8, lambda: shutil.copytree(spec["checkpoints"], left))))
    moved = {"workdir": str(folder / "resumed"), "output": str(folder / "resumed-output"), "checkpoints": str(left)}
    return result, reporter, {**spec, **moved, "resume_from": str(left / "step-00000005")}


def run(
    spec: dict[str, Any], reporter: RecordingReporter | None = None, commands: bytes = b""
) -> tuple[dict[str, Any], RecordingReporter]:
    """Run the engine; return its result and its reporter. `commands` are lines it can read from the start."""
    reporter = reporter or RecordingReporter()
    handler = signal.getsignal(signal.SIGTERM)
    AcceleratorState._reset_state(reset_partial_state=True)  # accelerate fixes the precision once per process
    try:
        return train.main(spec, reporter, Commands(io.BytesIO(commands))), reporter
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        signal.signal(signal.SIGTERM, handler)
