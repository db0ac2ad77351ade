"""Training throughput: useful tokens per CPU-second of our loop, of Trainer, TRL and LLaMA-Factory, and the ceiling.

    python benchmarks/training.py [--quick] [--mixes …] [--methods full,lora] [--dtypes fp32,bf16] [--seeds N]
                                  [--rounds N] [--tokens N] [--size 5M|93M] [--gsm8k PATH] [--model FOLDER]
                                  [--step-tokens N] [--peers …] [--first-seed N]

The full run takes hours. Each mix, method and precision is a separate measurement and can be run alone.

All candidates train the same Llama of 5M or 93M parameters (random weights, one thread, AdamW, constant learning rate;
full, or LoRA of rank 16 on all linear layers) in the same precision for one epoch over the same rows, with the same
number of optimizer steps, by turns. The table shows medians over the rounds: throughput, its ratio to ours, the loss on
held-out rows, and how far our loss is above it (mean and standard deviation over the seeds). The ceiling is the time
that the floating-point operations of the useful tokens take at the rate of a large matrix product in that precision,
measured in the same turns.

TRL and LLaMA-Factory run in their own environments, created on first use. LLaMA-Factory runs by its own entry point,
without gradient checkpointing (its default), which no candidate needs here.

A mix is a distribution of row lengths from 36 to 512 tokens, of which the last 30 to 50 % are trained. With --gsm8k,
the questions and answers of GSM8K's train.jsonl are one more mix; with --model, the folder of a pretrained model, they
are the only one, and unchanged. The frozen weights under adapters are then bf16 in bf16 for every candidate.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from peers import LLAMAFACTORY, TRL, environment

ROOT = Path(__file__).resolve().parent.parent

MIXES: dict[str, Callable[[random.Random], float]] = {
    "skewed": lambda chance: chance.lognormvariate(4.7, 0.8),
    "short": lambda chance: chance.uniform(36, 128),
    "long": lambda chance: chance.uniform(256, 512),
}
SHORTEST, LONGEST, VOCABULARY = 36, 512, 3000
GSM8K_ROW = 190
"""Mean tokens per row."""
HELD_OUT_TOKENS = 3000
OURS = ("ours", "ceiling")
PEERS = {
    "Trainer": TRL,
    "Trainer group_by_length": TRL,
    "TRL": TRL,
    "TRL packing bfd": TRL,
    "LLaMA-Factory": LLAMAFACTORY,
    "LLaMA-Factory neat_packing": LLAMAFACTORY,
}
"""Peers by name, and the environment that each runs in."""


def main() -> None:
    """Measure, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one mix, one seed, few rows: under two minutes")
    parser.add_argument("--mixes", type=split_names, default=[*MIXES])
    parser.add_argument("--methods", type=split_names, default=["full", "lora"])
    parser.add_argument("--dtypes", type=split_names, default=["fp32", "bf16"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=20_000, help="approximate tokens of all rows")
    parser.add_argument("--size", choices=("5M", "93M"), default="5M")
    parser.add_argument("--gsm8k", type=Path)
    parser.add_argument("--model", type=Path, help="a pretrained model's folder, instead of --size; needs --gsm8k")
    parser.add_argument("--step-tokens", type=int, default=2048)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--peers", type=split_names, default=[*PEERS])
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.mixes, arguments.methods, arguments.dtypes, arguments.seeds, arguments.tokens = (
            ["skewed"],
            ["full"],
            ["fp32"],
            1,
            4000,
        )
        arguments.rounds = 1
    results: dict[str, Any] = {}
    mixes = [*([] if arguments.model else arguments.mixes), *(["gsm8k"] if arguments.gsm8k else [])]
    common = {
        "size": arguments.size,
        "model": str(arguments.model.resolve()) if arguments.model else None,
        "step_tokens": arguments.step_tokens,
        "learning_rate": arguments.learning_rate,
        "peers": arguments.peers,
    }
    for mix, method, dtype in itertools.product(mixes, arguments.methods, arguments.dtypes):
        name = f"{mix}, {method}, {dtype}"
        job = {"method": method, "dtype": dtype, **common}
        make = partial(gsm8k_rows, arguments.gsm8k, not arguments.model) if mix == "gsm8k" else partial(make_rows, mix)
        measurements = [
            measure_by_turns(make, arguments.first_seed + seed, arguments.tokens, arguments.rounds, job)
            for seed in range(arguments.seeds)
        ]
        results[name] = summarize(measurements)
        title = arguments.model.name if arguments.model else f"{arguments.size}-parameter Llama"
        print_table(f"{name}: {title}", results[name])
    print("RESULT " + json.dumps({"unit": "useful tokens per CPU-second", "mixes": results, "hardware": hardware()}))


def split_names(text: str) -> list[str]:
    """Split a comma-separated list."""
    return text.split(",")


Make = Callable[[int, int], list[dict[str, Any]]]
"""Makes the rows of a mix from a seed and an approximate number of tokens."""


def measure_by_turns(make: Make, seed: int, tokens: int, rounds: int, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Run every candidate once per round; each measurement is {name, tokens_per_cpu_s, loss, ...}."""
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
        job = {
            **job,
            "folder": folder,
            "seed": seed,
            "train": make(seed, tokens),
            "held_out": make(-1, HELD_OUT_TOKENS),
        }
        Path(folder, "job.json").write_text(json.dumps(job), "utf-8")
        own = start_worker(sys.executable, folder)
        used = {PEERS[name] for name in job["peers"]}
        workers = {peer.name: start_worker(str(environment(peer)), folder) for peer in used}
        try:
            order = [(own, "ours"), *((workers[PEERS[name].name], name) for name in job["peers"]), (own, "ceiling")]
            return [measure(process, name) for _ in range(rounds) for process, name in order]
        finally:
            for process in (own, *workers.values()):
                process.stdin.close()
                process.wait()


def make_rows(mix: str, seed: int, tokens: int) -> list[dict[str, Any]]:
    """Conversations of made-up words with a Zipf distribution, so that there is something to learn."""
    chance = random.Random(f"{mix}/{seed}")
    weights = [1 / (rank + 3) for rank in range(VOCABULARY)]
    rows: list[dict[str, Any]] = []
    while tokens > 0:
        total = int(min(LONGEST, max(SHORTEST, MIXES[mix](chance))))
        tokens, length = tokens - total, total - 9  # the template's own tokens
        words = [f"w{i}" for i in chance.choices(range(VOCABULARY), weights, k=length)]
        question = int(length * chance.uniform(0.5, 0.7))
        turns = {"user": words[:question], "assistant": words[question:]}
        rows.append({"messages": [{"role": role, "content": " ".join(text)} for role, text in turns.items()]})
    return rows


def gsm8k_rows(path: Path, made_up: bool, seed: int, tokens: int) -> list[dict[str, Any]]:
    """GSM8K's questions and answers; `made_up`: each word replaced by a made-up word that the tokenizer knows."""
    lines = path.read_text("utf-8").splitlines()
    chosen = random.Random(f"gsm8k/{seed}").sample(lines, tokens // GSM8K_ROW)

    def words(text: str) -> str:
        if not made_up:
            return text
        return " ".join(f"w{zlib.crc32(word.encode()) % VOCABULARY}" for word in re.findall(r"\w+|[^\w\s]", text))

    pairs = [json.loads(line) for line in chosen]
    return [
        {
            "messages": [
                {"role": "user", "content": words(pair["question"])},
                {"role": "assistant", "content": words(pair["answer"])},
            ]
        }
        for pair in pairs
    ]


def start_worker(python: str, folder: str) -> subprocess.Popen[str]:
    """Start a process that loads the libraries once and measures on request."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    settings |= {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT), "HF_DATASETS_CACHE": f"{folder}/cache"}
    return subprocess.Popen(
        [python, str(Path(__file__).with_name("training_worker.py")), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if "ANNEAL_BENCH_DEBUG" not in os.environ else None,
        text=True,
        env=settings,
    )


def measure(process: Any, name: str) -> dict[str, Any]:
    """Measure one candidate once."""
    process.stdin.write(name + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{name} exited early; ANNEAL_BENCH_DEBUG=1 shows its error output")
    return {"name": name, **json.loads(line)}


def summarize(seeds: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians by candidate, the ratio of ours to each, and our loss above theirs."""
    by_name = {
        name: [m for measurements in seeds for m in measurements if m["name"] == name]
        for name in {m["name"]: 0 for m in seeds[0]}
    }
    medians: dict[str, Any] = {
        name: {
            "tokens_per_cpu_s": round(median(m["tokens_per_cpu_s"] for m in own), 1),
            "held_out_loss": round(median(m["loss"] for m in own), 4) if own[0]["loss"] is not None else None,
            "peak_mb": round(max(m["peak_mb"] for m in own)),
            "tokens": own[0]["tokens"],
            "tokens_per_step": own[0]["tokens_per_step"],
        }
        for name, own in by_name.items()
    }
    ours = medians["ours"]["tokens_per_cpu_s"]
    return {
        "contestants": medians,
        "ratio_of_ours": {
            name: round(ours / medians[name]["tokens_per_cpu_s"], 3) for name in medians if name != "ours"
        },
        "loss_above": {name: loss_above(seeds, name) for name in medians if name not in OURS},
        "gflops_matrix_product": round(median(m["gflops"] for m in by_name["ceiling"]), 1),
    }


def loss_above(seeds: list[list[dict[str, Any]]], peer: str) -> dict[str, float]:
    """How far our held-out loss is above a peer's after the same rows: mean and standard deviation over the seeds."""

    def loss(measurements: list[dict[str, Any]], name: str) -> float:
        return median(each["loss"] for each in measurements if each["name"] == name)

    found = [loss(measurements, "ours") - loss(measurements, peer) for measurements in seeds]
    return {"mean": round(mean(found), 4), "sd": round(stdev(found), 4) if len(found) > 1 else 0.0}


def print_table(title: str, result: dict[str, Any]) -> None:
    """Print the medians of a mix, fastest first."""
    print(f"\n{title}, 1 thread; matrix product {result['gflops_matrix_product']} GFLOP/s")
    columns = f"{'tokens/CPU-s':>13}{'ratio':>9}{'loss':>9}{'loss difference':>17}"
    print(f"{'':26}{columns}{'tokens':>9}{'per step':>10}{'peak MB':>9}")
    for name, row in sorted(result["contestants"].items(), key=lambda item: -item[1]["tokens_per_cpu_s"]):
        ratio = result["ratio_of_ours"].get(name)
        loss = "" if row["held_out_loss"] is None else f"{row['held_out_loss']:.3f}"
        above = result["loss_above"].get(name)
        above = f"{above['mean']:+.3f} ± {above['sd']:.3f}" if above else ""
        print(
            f"{name:26}{row['tokens_per_cpu_s']:13,.0f}{f'{ratio:.2f}x' if ratio else '':>9}{loss:>9}{above:>17}"
            f"{row['tokens']:9,}{row['tokens_per_step']:10,.0f}{row['peak_mb']:9,}"
        )


def hardware() -> dict[str, Any]:
    """The machine and its load."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    load = [round(value, 2) for value in os.getloadavg()]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_average": load,
        "platform": platform.platform(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
