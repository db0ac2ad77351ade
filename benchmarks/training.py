"""Training speed: useful tokens per CPU-second of our loop beside Trainer, TRL, LLaMA-Factory, and the ceiling.

    python benchmarks/training.py [--quick] [--mixes …] [--methods full,lora] [--dtypes fp32,bf16] [--seeds N]
                                  [--rounds N] [--tokens N] [--size 5M|93M] [--gsm8k PATH]

The whole takes hours; each mix, method and precision is a measurement of its own, to be asked for one by one.

All train the same Llama of 5M or 93M parameters (random weights, one thread, AdamW, constant rate; every weight, or
LoRA of rank 16 on all linear layers) in the same precision once over the same rows, in as many optimizer steps, in
turns; the table has medians over the rounds and each one's loss on held-out rows afterwards, and how far ours is above
it, seed by seed: mean and standard deviation. The ceiling is what the floating-point operations of the useful tokens
would take at the rate of a large matrix product in that precision, measured in the same turns.

TRL and LLaMA-Factory live in environments of their own, made on first use; the latter runs by its own entry point,
without its default of computing activations twice (gradient checkpointing), which nobody here needs.

Mixes are fixed here: row lengths in tokens, 36 to 512, of which the last 30 to 50 % are trained; GSM8K's questions and
answers are taken where --gsm8k names its train.jsonl.
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
"""Tokens of its rows on average."""
OURS = ("ours", "ceiling")
PEERS = {
    "Trainer": TRL,
    "Trainer group_by_length": TRL,
    "TRL": TRL,
    "TRL packing bfd": TRL,
    "LLaMA-Factory": LLAMAFACTORY,
    "LLaMA-Factory neat_packing": LLAMAFACTORY,
}
"""Contestants, and where each runs."""


def main() -> None:
    """Measure, print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one mix, one seed, few rows: under two minutes")
    parser.add_argument("--mixes", type=names, default=[*MIXES])
    parser.add_argument("--methods", type=names, default=["full", "lora"])
    parser.add_argument("--dtypes", type=names, default=["fp32", "bf16"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=20_000, help="of the rows, about")
    parser.add_argument("--size", choices=("5M", "93M"), default="5M")
    parser.add_argument("--gsm8k", type=Path)
    asked = parser.parse_args()
    if asked.quick:
        asked.mixes, asked.methods, asked.dtypes, asked.seeds, asked.tokens = ["skewed"], ["full"], ["fp32"], 1, 4000
        asked.rounds = 1
    results: dict[str, Any] = {}
    mixes = [*asked.mixes, *(["gsm8k"] if asked.gsm8k else [])]
    for mix, method, dtype in itertools.product(mixes, asked.methods, asked.dtypes):
        name = f"{mix}, {method}, {dtype}"
        job = {"method": method, "dtype": dtype, "size": asked.size}
        make = partial(gsm8k_rows, asked.gsm8k) if mix == "gsm8k" else partial(make_rows, mix)
        figures = [turns(make, seed, asked.tokens, asked.rounds, job) for seed in range(asked.seeds)]
        results[name] = summary(figures)
        print_table(f"{name}: {asked.size}-parameter Llama", results[name])
    print("RESULT " + json.dumps({"unit": "useful tokens per CPU-second", "mixes": results, "hardware": hardware()}))


def names(text: str) -> list[str]:
    """A comma-separated list."""
    return text.split(",")


Make = Callable[[int, int], list[dict[str, Any]]]
"""Rows of a mix, by seed, with about so many tokens."""


def turns(make: Make, seed: int, tokens: int, rounds: int, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Every contestant once a round, one after the other; each figure is {name, tokens_per_cpu_s, loss, ...}."""
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
        job = {**job, "folder": folder, "seed": seed, "train": make(seed, tokens), "held_out": make(-1, 3000)}
        Path(folder, "job.json").write_text(json.dumps(job), "utf-8")
        here = worker(sys.executable, folder)
        there = {peer.name: worker(str(environment(peer)), folder) for peer in (TRL, LLAMAFACTORY)}
        try:
            order = [(here, "ours"), *((there[peer.name], name) for name, peer in PEERS.items()), (here, "ceiling")]
            return [ask(process, name) for _ in range(rounds) for process, name in order]
        finally:
            for process in (here, *there.values()):
                process.stdin.close()
                process.wait()


def make_rows(mix: str, seed: int, tokens: int) -> list[dict[str, Any]]:
    """Conversations of made-up words, frequent ones more often (Zipf), so that there is something to learn."""
    chance = random.Random(f"{mix}/{seed}")
    weights = [1 / (rank + 3) for rank in range(VOCABULARY)]
    rows: list[dict[str, Any]] = []
    while tokens > 0:
        whole = int(min(LONGEST, max(SHORTEST, MIXES[mix](chance))))
        tokens, length = tokens - whole, whole - 9  # the template's own tokens
        words = [f"w{i}" for i in chance.choices(range(VOCABULARY), weights, k=length)]
        asked = int(length * chance.uniform(0.5, 0.7))
        said = {"user": words[:asked], "assistant": words[asked:]}
        rows.append({"messages": [{"role": role, "content": " ".join(text)} for role, text in said.items()]})
    return rows


def gsm8k_rows(path: Path, seed: int, tokens: int) -> list[dict[str, Any]]:
    """Questions and answers, their words as numbers, since the tokenizer here knows made-up words alone."""
    lines = path.read_text("utf-8").splitlines()
    chosen = random.Random(f"gsm8k/{seed}").sample(lines, tokens // GSM8K_ROW)

    def words(text: str) -> str:
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


def worker(python: str, folder: str) -> subprocess.Popen[str]:
    """A process that has the libraries loaded and measures when asked."""
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


def ask(process: Any, name: str) -> dict[str, Any]:
    """One contestant's figure of one round."""
    process.stdin.write(name + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{name} ended early; ANNEAL_BENCH_DEBUG=1 shows why")
    return {"name": name, **json.loads(line)}


def summary(seeds: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians by contestant, our ratio to each, and our loss above theirs."""
    by_name = {name: [f for figures in seeds for f in figures if f["name"] == name] for name in (*OURS, *PEERS)}
    medians: dict[str, Any] = {
        name: {
            "tokens_per_cpu_s": round(median(f["tokens_per_cpu_s"] for f in mine), 1),
            "held_out_loss": round(median(f["loss"] for f in mine), 4) if mine[0]["loss"] is not None else None,
            "peak_mb": round(max(f["peak_mb"] for f in mine)),
            "tokens": mine[0]["tokens"],
            "tokens_per_step": mine[0]["tokens_per_step"],
        }
        for name, mine in by_name.items()
    }
    ours = medians["ours"]["tokens_per_cpu_s"]
    return {
        "contestants": medians,
        "ratio_of_ours": {name: round(ours / medians[name]["tokens_per_cpu_s"], 3) for name in (*PEERS, "ceiling")},
        "loss_above": {name: above(seeds, name) for name in PEERS},
        "gflops_matrix_product": round(median(f["gflops"] for f in by_name["ceiling"]), 1),
    }


def above(seeds: list[list[dict[str, Any]]], peer: str) -> dict[str, float]:
    """How much higher our held-out loss is than a peer's after the same rows, over the seeds."""

    def loss(figures: list[dict[str, Any]], name: str) -> float:
        return median(figure["loss"] for figure in figures if figure["name"] == name)

    found = [loss(figures, "ours") - loss(figures, peer) for figures in seeds]
    return {"mean": round(mean(found), 4), "sd": round(stdev(found), 4) if len(found) > 1 else 0.0}


def print_table(title: str, result: dict[str, Any]) -> None:
    """The medians of a mix, best first."""
    print(f"\n{title}, 1 thread; matrix product {result['gflops_matrix_product']} GFLOP/s")
    print(
        f"{'':26}{'tokens/CPU-s':>13}{'ours is':>9}{'loss':>9}{'above':>17}{'tokens':>9}{'per step':>10}{'peak MB':>9}"
    )
    for name, row in sorted(result["contestants"].items(), key=lambda item: -item[1]["tokens_per_cpu_s"]):
        ratio = result["ratio_of_ours"].get(name)
        loss = "" if row["held_out_loss"] is None else f"{row['held_out_loss']:.3f}"
        beyond = result["loss_above"].get(name)
        beyond = f"{beyond['mean']:+.3f} ± {beyond['sd']:.3f}" if beyond else ""
        print(
            f"{name:26}{row['tokens_per_cpu_s']:13,.0f}{f'{ratio:.2f}x' if ratio else '':>9}{loss:>9}{beyond:>17}"
            f"{row['tokens']:9,}{row['tokens_per_step']:10,.0f}{row['peak_mb']:9,}"
        )


def hardware() -> dict[str, Any]:
    """What this ran on."""
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
