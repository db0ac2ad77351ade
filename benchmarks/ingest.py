"""Ingest from an uploaded chat JSONL to token shards: MB/s and peak memory, compared with `datasets`.

    python benchmarks/ingest.py [--quick] [--megabytes N] [--peer-megabytes N]

Ours validates and normalizes every row, removes duplicates, writes Parquet shards and tokenizes them with the trained
spans: the code that a job runs, two processes for tokenizing. The peer loads the file with `load_dataset` and maps it
with the tokenizer's chat template and batch call in two processes; it validates nothing and marks no trained spans.

Rates refer to the bytes of the file that each side reads. Memory is the peak proportional set size (PSS) of the
process and its children, in total and above the imported libraries. The token ids of the rows that both sides read
must be identical. One row in ten is not ASCII. The tokenizer is seedling's.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SEEDLING = ROOT / "services/training/seedling"
PROCESSES = 2
DISTINCT_ROWS = 30_000
"""Rows that are generated; the rest are variations, because generating a gigabyte takes longer than measuring it."""


def main() -> None:
    """Measure each side in its own process, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="24 MB and 8 MB")
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--peer-megabytes", type=int, default=150)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return print(
            json.dumps({"ours": measure_ours, "datasets": measure_peer}[arguments.worker[0]](Path(arguments.worker[1])))
        )
    sizes = {
        "ours": 24 if arguments.quick else arguments.megabytes,
        "datasets": 8 if arguments.quick else arguments.peer_megabytes,
    }
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
        rows = write_rows(Path(folder), sizes)
        found = {name: run(name, Path(folder) / name) for name in sizes}
    for name, row in found.items():
        print(
            f"{name:10}{row['megabytes']:7.0f} MB in {row['seconds']:6.1f} s  {row['mb_per_s']:6.2f} MB/s  "
            f"{row['mb_per_cpu_s']:6.2f} MB per CPU-second  peak {row['peak_mb']:5.0f} MB, "
            f"{row['above_libraries_mb']:.0f} above the libraries  {row['parts']}"
        )
    same = found["ours"].pop("digests")[: rows["datasets"]] == found["datasets"].pop("digests")
    ratios = {unit: round(found["ours"][unit] / found["datasets"][unit], 2) for unit in ("mb_per_s", "mb_per_cpu_s")}
    print(f"ratio of ours to datasets: {ratios}; token ids {'identical' if same else 'DIFFERENT'}")
    conditions = {"cores": os.cpu_count(), "load_average": [round(load, 2) for load in os.getloadavg()]}
    print("RESULT " + json.dumps({**found, "ratios": ratios, "identical": same, **conditions}))
    return None


def write_rows(folder: Path, megabytes: dict[str, int]) -> dict[str, int]:
    """Write `<folder>/<name>/rows.jsonl` of each size, all with the same first rows; returns the rows in each."""
    files, counts = {}, dict.fromkeys(megabytes, 0)
    for name in megabytes:
        (folder / name).mkdir()
        files[name] = (folder / name / "rows.jsonl").open("w", encoding="utf-8")
    for line in repeat_with_variation(list(itertools.islice(make_rows(), DISTINCT_ROWS))):
        growing = [name for name, file in files.items() if file.tell() < megabytes[name] * 10**6]
        if not growing:
            break
        for name in growing:
            files[name].write(line)
            counts[name] += 1
    for file in files.values():
        file.close()
    return counts


def repeat_with_variation(lines: list[str]) -> Iterator[str]:
    """The lines, then again and again with a number before the first content, so that no row is a duplicate."""
    yield from lines
    for round in itertools.count(1):
        yield from (line.replace('"content": "', f'"content": "{round} ', 1) for line in lines)


def make_rows() -> Iterator[str]:
    """Conversations of two to six turns over 20,000 made-up words with a Zipf distribution."""
    chance = random.Random(0)
    parts = [a + b for a in "bcdfghlmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "ing", "on", "ea")]
    words = list({"".join(chance.choices(parts, k=chance.randint(1, 4))) for _ in range(24_000)})[:20_000]
    weights = list(running_sums(1 / (rank + 3) for rank in range(len(words))))
    marks, non_ascii = (", ", ". ", " ", " ", " ", " ", " "), (" — ", " naïve café ", "’s ", " 你好 ", " Größe ")
    number = 0
    while True:
        number += 1
        turns = []
        for turn in range(2 * chance.randint(1, 3)):
            chosen = chance.choices(words, cum_weights=weights, k=chance.randint(15, 120))
            separators = chance.choices(marks, k=len(chosen))
            if number % 10 == 0:
                separators[chance.randrange(len(separators))] = chance.choice(non_ascii)
            text = "".join(a + b for a, b in zip(chosen, separators, strict=True))
            turns.append({"role": ("user", "assistant")[turn % 2], "content": f"{text}{chance.randint(0, 5000)}."})
        yield json.dumps({"messages": turns}, ensure_ascii=False) + "\n"


def running_sums(values: Iterator[float]) -> Iterator[float]:
    """Running sums."""
    total = 0.0
    for value in values:
        total += value
        yield total


def run(name: str, folder: Path) -> dict[str, Any]:
    """Measure one side in a new process."""
    command = [sys.executable, __file__, "--worker", name, str(folder)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_ours(folder: Path) -> dict[str, Any]:
    """Validate, then tokenize; the former in a child process, since the two services run separate engines."""
    from services.dataset.engine import validate
    from shared.engine.process.protocol import Commands, Reporter

    upload, out = folder / "rows.jsonl", folder / "out"
    out.mkdir()
    options = {"mapping": None, "validation_share": 0.0, "max_bad_share": 0.0, "seed": 0, "heldout": False}
    spec = {"path": str(upload), "name": upload.name, "out": str(out), "options": options}
    reporter, commands = Reporter(os.open(os.devnull, os.O_WRONLY)), Commands(io.BytesIO())
    with ResourceUsage() as validation:
        child = multiprocessing.get_context("fork").Process(target=validate.main, args=(spec, reporter, commands))
        child.start()
        child.join()

    import torch

    from services.training.engine.data import tokenization
    from services.training.engine.data.token_store import Table
    from services.training.engine.interrupts import Interrupts
    from services.training.engine.spec import Data
    from shared.engine.text.tokenizer import load_tokenizer

    torch.set_num_threads(PROCESSES)
    with ResourceUsage() as tokens:
        dataset = Data(train=sorted(map(str, out.glob("train-*.parquet"))))
        tokenizer = load_tokenizer({"path": str(SEEDLING), "kind": "full", "base": None})
        made = tokenization.tokenize_dataset(dataset, tokenizer, 2048, folder, reporter, Interrupts(commands))
    table = Table.open(made, "train")
    digests = [digest(table.ids(row, 1 << 30).tolist()) for row in range(len(table.samples))]
    return {**summarize(upload, validated=validation, tokenized=tokens), "digests": digests}


def measure_peer(folder: Path) -> dict[str, Any]:
    """Load with `load_dataset`, then tokenize with `map`."""
    import datasets
    from transformers import AutoTokenizer

    tokenizer, upload = AutoTokenizer.from_pretrained(SEEDLING), folder / "rows.jsonl"
    datasets.disable_progress_bars()

    def encode(batch: dict[str, Any]) -> dict[str, Any]:
        texts = tokenizer.apply_chat_template(batch["messages"], tokenize=False)
        return {"input_ids": tokenizer(texts, add_special_tokens=False)["input_ids"]}

    with ResourceUsage() as loading:
        rows = datasets.load_dataset("json", data_files=str(upload), split="train", cache_dir=str(folder / "cache"))
    with ResourceUsage() as mapping:
        encoded = rows.map(encode, batched=True, num_proc=PROCESSES, remove_columns=rows.column_names)
    digests = [digest(row["input_ids"]) for row in encoded]
    return {**summarize(upload, loaded=loading, mapped=mapping), "digests": digests}


def digest(ids: list[int]) -> str:
    """A digest of a row's token ids."""
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:16]


def summarize(upload: Path, **parts: ResourceUsage) -> dict[str, Any]:
    """The columns of the table."""
    megabytes = upload.stat().st_size / 1e6
    seconds, cpu_seconds = (sum(getattr(part, name) for part in parts.values()) for name in ("seconds", "cpu_seconds"))
    return {
        "megabytes": round(megabytes, 1),
        "seconds": round(seconds, 2),
        "mb_per_s": round(megabytes / seconds, 2),
        "mb_per_cpu_s": round(megabytes / cpu_seconds, 2),
        "peak_mb": round(max(part.peak for part in parts.values())),
        "above_libraries_mb": round(max(part.peak - part.before for part in parts.values())),
        "parts": {f"{name}_s": round(part.seconds, 1) for name, part in parts.items()},
    }


class ResourceUsage:
    """Wall time of the block, and CPU time and peak PSS (MB) of this process and its children."""

    def __enter__(self) -> ResourceUsage:
        self.before = self.peak = _total_pss_mb()
        self._started_times, self._started_at = os.times(), time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._started_at
        self._stopped.set()
        self._thread.join()
        self.cpu_seconds = sum(os.times()[:4]) - sum(self._started_times[:4])

    def _watch(self) -> None:
        while not self._stopped.wait(0.2):
            self.peak = max(self.peak, _total_pss_mb())


def _total_pss_mb() -> float:
    return sum(map(_pss_mb, _process_tree(os.getpid())))


def _process_tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _process_tree(int(child)))]


def _pss_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1000


if __name__ == "__main__":
    main()
