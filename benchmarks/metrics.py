"""CPU time for reporting the metrics of every training step, as a share of the step.

python benchmarks/metrics.py [--quick]

seedling (4.7M parameters, LoRA and full, fp32, one thread) takes every step twice over the same rows, with and without
reporting metrics to a pipe that another process reads, in alternating order. CPU time is measured in two ways: within
the reporting itself, and as the difference of the two steps, which is mostly noise. The target is a share below 1 %.
"""

import argparse
import io
import json
import os
import platform
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

SEEDLING = Path(__file__).resolve().parent.parent / "services/training/seedling"
TARGET_SHARE, WARMUP_STEPS = 0.01, 3
ROWS_BY_TOKENS = {900: 8, 2048: 18}
"""Rows per step, by its approximate tokens."""


def main() -> None:
    """Measure, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 pairs of steps of each kind instead of 60")
    pairs = 10 if parser.parse_args().quick else 60
    kinds = [(method, tokens) for method in ("lora", "full") for tokens in ROWS_BY_TOKENS]
    found = {f"{method}, {tokens} tokens": measure(method, tokens, pairs) for method, tokens in kinds}
    for name, row in found.items():
        print(
            f"{name:20} step {row['step_ms']:7.1f} ms   reporting {row['telling_us']:5.0f} us = {row['share']:.3%}   "
            f"difference with and without {row['difference']:+.2%}"
        )
    hardware = f"{platform.machine()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
    print("RESULT", json.dumps({"kinds": found, "aim": TARGET_SHARE, "hardware": hardware}))


def measure(method: str, tokens: int, pairs: int) -> dict[str, float]:
    """Medians over pairs of steps, with and without reporting."""
    from services.training.engine import train
    from services.training.engine.interrupts import Interrupts
    from services.training.engine.loop.metrics import report_step
    from services.training.engine.loop.prepare import prepare
    from services.training.engine.spec import TrainingSpec
    from shared.engine.process.malloc import retain_freed_memory
    from shared.engine.process.protocol import Commands, Reporter

    retain_freed_memory()
    seconds: dict[str, list[float]] = {"reported": [], "unreported": []}
    reporting = list[float]()
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(["cat"], stdin=-1, stdout=-3) as reader:
        assert reader.stdin
        spec = TrainingSpec.of(make_spec(Path(folder), method, ROWS_BY_TOKENS[tokens]))
        run = prepare(spec, Reporter(reader.stdin.fileno()), Interrupts(Commands(io.BytesIO())))
        for number in range(pairs + WARMUP_STEPS):
            for mode in sorted(seconds, reverse=number % 2 == 0):
                run.state.step = number
                started = time.process_time()
                counted, metrics = train.optimizer_step(run)
                taken = time.process_time()
                if mode == "reported":
                    report_step(run, counted, **metrics)
                    reporting.append(time.process_time() - taken)
                seconds[mode].append(time.process_time() - started)
        reader.stdin.close()
    reported, unreported = (seconds[mode][WARMUP_STEPS:] for mode in ("reported", "unreported"))
    report, step = statistics.median(reporting[WARMUP_STEPS:]), statistics.median(unreported)
    return {
        "step_ms": round(step * 1e3, 2),
        "telling_us": round(report * 1e6, 1),
        "share": round(report / step, 6),
        "difference": round(statistics.median(a / b for a, b in zip(reported, unreported, strict=True)) - 1, 4),
    }


def make_spec(folder: Path, method: str, rows: int) -> dict[str, Any]:
    """A training spec over rows of made-up words, the same on every run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = random.Random(0)

    def words() -> str:
        return " ".join(chance.choices(("conform", "pertain", "insist", "refer", "product"), k=chance.randint(8, 40)))

    turns = [[{"role": "user", "content": words()}, {"role": "assistant", "content": words()}] for _ in range(400)]
    table = {"row_id": range(400), "source": ["made"] * 400, "row": [json.dumps({"messages": turn}) for turn in turns]}
    pq.write_table(pa.table(table), folder / "rows.parquet")
    return {
        "workdir": str(folder),
        "model": {"path": str(SEEDLING)},
        "dataset": {"train": [str(folder / "rows.parquet")]},
        "hyperparameters": {
            "method": method,
            "dtype": "fp32",
            "threads": 1,
            "batch_size": rows,
            "max_steps": 1000,
            "learning_rate": 1e-4,
            "micro_batch_tokens": 4096,
        },
        "output": str(folder / "model"),
        "checkpoints": str(folder / "checkpoints"),
    }


if __name__ == "__main__":
    main()
