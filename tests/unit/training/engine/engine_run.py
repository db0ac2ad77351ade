"""Runs the training engine in this process on a tiny model, and keeps what it says."""

from __future__ import annotations

import io
import json
import os
import random
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from accelerate.state import AcceleratorState

from services.training.engine import train
from shared.engine.process.protocol import Commands, Reporter

WORDS = ("order", "train", "leave", "answer", "reason", "invoice", "status", "morning", "reply", "need", "today")


def messages(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of one question and its answer: the first and the last word of what was said."""
    chance = random.Random(seed)
    said = [[chance.choice(WORDS) for _ in range(chance.randint(1, 12))] for _ in range(count)]
    return [
        {"messages": [{"role": "user", "content": " ".join(w)}, {"role": "assistant", "content": f"{w[0]} {w[-1]}"}]}
        for w in said
    ]


def write_shard(path: Path, rows: list[dict[str, Any]]) -> str:
    """A parquet shard as the dataset room writes it."""
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
    """A run of 10 steps with an evaluation and a checkpoint every 5."""
    defaults = {"method": "lora", "max_steps": 10, "batch_size": 6, "learning_rate": 6e-3, "warmup_steps": 2}
    rhythm = {"eval_every": 5, "checkpoint_every": 5, "threads": 1, "seed": 3, "dtype": "fp32"}
    return {
        "job_id": "job_1",
        "token": 1,
        "workdir": str(folder / "work"),
        "model": {"path": str(model), "kind": "full", "base": None, "name": "tiny"},
        "dataset": {
            "train": [write_shard(folder / "train.parquet", messages(rows))],
            "validation": [write_shard(folder / "validation.parquet", messages(8, seed=1))],
            "form": form,
        },
        "hyperparameters": {**defaults, **rhythm, **hyperparameters},
        "resume_from": None,
        "output": str(folder / "output"),
        "checkpoints": str(folder / "checkpoints"),
    }


class Journal(Reporter):
    """Keeps messages instead of writing them; asks the engine to stop, or falls over, behind a given step."""

    def __init__(self, *, sigterm_at: int | None = None, crash_at: int | None = None) -> None:
        super().__init__(-1)
        self.sigterm_at, self.crash_at = sigterm_at, crash_at
        self.messages: list[dict[str, Any]] = []

    def emit(self, kind: str, **data: Any) -> None:
        """Keep it; raises Crash where it was told to."""
        self.messages.append({"kind": kind, **data})
        if kind == "metric" and data["step"] == self.sigterm_at:
            os.kill(os.getpid(), signal.SIGTERM)
        if kind == "metric" and data["step"] == self.crash_at:
            raise Crash

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of a kind."""
        return [message for message in self.messages if message["kind"] == kind]

    def losses(self) -> dict[int, float]:
        """Training loss by step."""
        return {message["step"]: message["loss"] for message in self.of("metric")}


class Crash(Exception):
    """The end of a process in mid-training, as far as its files are concerned."""


def run(spec: dict[str, Any], journal: Journal | None = None, commands: bytes = b"") -> tuple[dict[str, Any], Journal]:
    """The result of a run and its messages; `commands` are lines that wait for the engine from the start."""
    journal = journal or Journal()
    handler = signal.getsignal(signal.SIGTERM)
    AcceleratorState._reset_state(reset_partial_state=True)  # a process has one precision, and tests want several
    try:
        return train.main(spec, journal, Commands(io.BytesIO(commands))), journal
    finally:
        signal.signal(signal.SIGTERM, handler)
