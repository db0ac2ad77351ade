"""What each fast path of training on a CPU gains: the same step with all of them, and with each switched off alone.

    python benchmarks/fast_paths.py MODEL --gsm8k PATH [--methods lora,full] [--dtypes bf16,fp32] [--rows N]
                                    [--rounds N] [--longest N] [--paths …] [--tokenize]

MODEL is a folder, such as one that `python -m tests.support.smollm2` made. A step trains on questions and answers of
GSM8K. Steps with and without a path alternate in one process, over the same rows; the figure is the median of the
CPU time without the path divided by the time with it. One thread.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import torch  # noqa: E402
from accelerate.state import AcceleratorState  # noqa: E402
from training import hardware  # noqa: E402

from services.training.engine import train  # noqa: E402
from services.training.engine.attention import cpu  # noqa: E402
from services.training.engine.data import batches  # noqa: E402
from services.training.engine.data.tokenization import tokenize_dataset  # noqa: E402
from services.training.engine.interrupts import Interrupts  # noqa: E402
from services.training.engine.loop.prepare import prepare  # noqa: E402
from services.training.engine.loop.state import Run  # noqa: E402
from services.training.engine.spec import Data, TrainingSpec  # noqa: E402
from shared.engine.process import malloc  # noqa: E402
from shared.engine.process.protocol import Commands, null_reporter  # noqa: E402
from shared.engine.text import bpe_cache, rendering  # noqa: E402
from shared.engine.text.bpe_cache import CachedBpeTokenizer  # noqa: E402
from shared.engine.text.tokenizer import load_tokenizer  # noqa: E402


@contextmanager
def padded(run: Run) -> Iterator[None]:
    """Rows padded instead of packed."""
    before, run.settings = run.settings, run.settings.model_copy(update={"layout": "padded"})
    try:
        yield
    finally:
        run.settings = before


@contextmanager
def without_entries(*tables: dict[Any, Any]) -> Iterator[None]:
    """Empty tables: their fast path is not used for any precision."""
    saved = [dict(table) for table in tables]
    for table in tables:
        table.clear()
    try:
        yield
    finally:
        for table, entries in zip(tables, saved, strict=True):
            table.update(entries)


@contextmanager
def all_logits(_: Run) -> Iterator[None]:
    """Logits of every token, not only of the trained ones."""
    pack = batches._pack

    def pack_all(samples: Any) -> Any:
        everything = [replace(sample, trained=torch.ones_like(sample.trained)) for sample in samples]
        inputs, targets = pack(everything)
        trained = torch.cat([sample.trained[1:] for sample in samples])
        return inputs, targets.masked_fill(~trained, -100)

    batches._pack = pack_all
    try:
        yield
    finally:
        batches._pack = pack


@contextmanager
def original_layers(run: Run, suffix: str) -> Iterator[None]:
    """The libraries' own layers of one type."""
    changed = [m for m in run.model.modules() if hasattr(m, "original_forward") and type(m).__name__.endswith(suffix)]
    fused = [type(module) for module in changed]
    for module in changed:
        module.__class__ = type(module).__mro__[1]
    try:
        yield
    finally:
        for module, kind in zip(changed, fused, strict=True):
            module.__class__ = kind


@contextmanager
def returned_memory(_: Run) -> Iterator[None]:
    """glibc's settings from before `retain_freed_memory`."""
    malloc._set_malloc_options((malloc._MMAP_MAX, 65536), (malloc._TRIM_THRESHOLD, 1 << 17), (malloc._TOP_PAD, 1 << 17))
    try:
        yield
    finally:
        malloc.retain_freed_memory()


PATHS: dict[str, Callable[[Run], Any]] = {
    "packed rows": padded,
    "blocked attention": lambda _: without_entries(cpu.BLOCKED_FROM_TOKENS),
    "fused norms": lambda run: original_layers(run, "RMSNorm"),
    "fused adapters": lambda run: original_layers(run, "Linear"),
    "logits of trained tokens": all_logits,
    "retained memory": returned_memory,
}


def main() -> None:
    """Measure every path and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--gsm8k", type=Path, required=True)
    parser.add_argument("--methods", default="lora,full")
    parser.add_argument("--dtypes", default="bf16,fp32")
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--longest", type=int, help="only questions with answers of at most so many characters")
    parser.add_argument("--paths", default=",".join(PATHS))
    parser.add_argument("--tokenize", action="store_true", help="measure tokenizing all rows instead")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.tokenize:
        return tokenize(arguments)
    results: dict[str, Any] = {}
    for method in arguments.methods.split(","):
        for dtype in arguments.dtypes.split(","):
            with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
                results[f"{method}, {dtype}"] = measure(Path(folder), method, dtype, arguments)
    print("RESULT " + json.dumps({"model": arguments.model.name, "gain": results, "hardware": hardware()}))
    return None


def tokenize(arguments: argparse.Namespace) -> None:
    """Print the CPU-seconds of tokenizing all rows, with every look-up and without each."""
    without: dict[str, list[tuple[Any, str, Any]]] = {
        "all look-ups": [],
        "without batches": [(bpe_cache, "_ends_at_spaces", lambda _: False)],
        "without words": [(CachedBpeTokenizer, "of", lambda _: None)],
        "without templates": [(rendering, "compile_for_opaque_contents", lambda *_: None)],
    }
    without["without any"] = without["without words"] + without["without templates"]
    interrupts = Interrupts(Commands(io.BytesIO()))
    for name, patches in without.items():
        with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder, ExitStack() as stack:
            for patched in patches:
                stack.enter_context(patch.object(*patched))
            shard, rows = write_rows(Path(folder), arguments)
            tokenizer = load_tokenizer({"path": str(arguments.model), "kind": "full", "base": None})
            started = time.process_time()
            tokenize_dataset(Data(train=[shard]), tokenizer, 2048, Path(folder), null_reporter(), interrupts)
            print(f"{name:20}{time.process_time() - started:8.2f} CPU-seconds for {rows} rows", flush=True)


def measure(folder: Path, method: str, dtype: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The gain of each path for a method and precision."""
    run = make_run(folder, method, dtype, arguments)
    step(run)
    paths = {name: PATHS[name] for name in arguments.paths.split(",")}
    if method == "full":
        paths.pop("fused adapters", None)
    found: dict[str, list[float]] = {name: [] for name in paths}
    seconds = []
    for _ in range(arguments.rounds):
        names = list(paths.items())
        for pair in (names[i : i + 2] for i in range(0, len(names), 2)):
            seconds.append(step(run))
            for name, switch_off in pair:
                with switch_off(run):
                    found[name].append(step(run) / seconds[-1])
    lengths = run.training.lengths
    print(
        f"{method}, {dtype}: {lengths.sum()} tokens in rows of {lengths.min()} to {lengths.max()}, "
        f"{median(seconds or [0]):.2f} CPU-seconds, {run.settings.layout}",
        flush=True,
    )
    for name, ratios in found.items():
        print(f"  {name:26}{median(ratios):6.3f}  ({', '.join(f'{ratio:.3f}' for ratio in ratios)})", flush=True)
    return {name: round(median(ratios), 3) for name, ratios in found.items()}


def make_run(folder: Path, method: str, dtype: str, arguments: argparse.Namespace) -> Run:
    """A run whose every step trains on the same rows."""
    shard, rows = write_rows(folder, arguments)
    AcceleratorState._reset_state()  # one process, several precisions
    hyperparameters = {
        "method": method,
        "max_steps": 10_000,
        "batch_size": rows,
        "learning_rate": 1e-5,
        "scheduler": "constant",
        "dtype": dtype,
        "threads": 1,
    }
    spec = {
        "workdir": str(folder),
        "model": {"path": str(arguments.model)},
        "dataset": {"train": [shard]},
        "hyperparameters": hyperparameters,
        "output": str(folder / "output"),
        "checkpoints": str(folder / "checkpoints"),
    }
    return prepare(TrainingSpec.of(spec), null_reporter(), Interrupts(Commands(io.BytesIO())))


def write_rows(folder: Path, arguments: argparse.Namespace) -> tuple[str, int]:
    """Write the rows of GSM8K to a shard; return its path and their number."""
    pairs = [json.loads(line) for line in arguments.gsm8k.read_text("utf-8").splitlines()]
    longest = arguments.longest or 10**6
    pairs = [pair for pair in pairs if len(pair["question"]) + len(pair["answer"]) <= longest][
        : None if arguments.tokenize else arguments.rows
    ]
    rows = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": pair["question"]},
                    {"role": "assistant", "content": pair["answer"]},
                ]
            }
        )
        for pair in pairs
    ]
    pq.write_table(
        pa.table({"row_id": range(len(rows)), "source": ["gsm8k"] * len(rows), "row": rows}), folder / "train.parquet"
    )
    return str(folder / "train.parquet"), len(rows)


def step(run: Run) -> float:
    """CPU-seconds of one optimizer step."""
    started = time.process_time()
    train.optimizer_step(run)
    return time.process_time() - started


if __name__ == "__main__":
    main()
