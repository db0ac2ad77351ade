"""What serving costs: mixed adapters, the wait after training, batching, and the gateway.

    python benchmarks/serving.py [--quick] [--only mixed,tuned,batch,gateway]

mixed: 16 requests to a base, and 16 to eight adapters of it (rank 16, all linear layers) in turns on one engine;
    seedling, a model with wide layers, and with `make vllm` seedling on vLLM. Beside it what the adapters' share of the
    floating-point operations allows. The adapters' updates are too small to change a token, so the work is equal.
tuned: from a job's end to the first text of its model, on the whole platform over HTTP, the base in memory.
batch: 16 requests at once against `generate` one by one, at its faster number of threads; equal greedy tokens counted.
    The limit is 16: a step for all that costs what a step for one does. Beside it transformers' continuous batching.
gateway: what ours and LiteLLM's proxy add to a request before the same upstream (serving_gateway.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: as for our engines

import serving_gateway
import serving_tuned
import torch
from serving_engines import (
    ADAPTERS,
    REQUESTS,
    Bench,
    Figure,
    Plain,
    bench,
    make_seedling,
    make_wide,
    parameters_in,
    together,
    vllm_command,
)
from training import hardware

AIMS = {"mixed": 0.95, "first_token_s": 2.0, "adapter_load_ms": 300.0, "batch": 5.0, "of_litellm": 0.25}
BATCHED = "generate_batch"
SECTIONS = ("mixed", "tuned", "batch", "gateway")


def main() -> None:
    """Measure, print and end with the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, seedling on transformers alone")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[*SECTIONS])
    asked = parser.parse_args()
    sections: dict[str, Callable[[Path, bool], dict[str, Any]]] = {
        "mixed": lambda folder, quick: asyncio.run(measure_mixed(folder, quick)),
        "tuned": lambda folder, quick: serving_tuned.measure(folder, 3 if quick else 10),
        "batch": lambda folder, quick: asyncio.run(measure_batch(folder, quick)),
        "gateway": lambda folder, quick: serving_gateway.measure(folder, 150 if quick else 1000),
    }
    results: dict[str, Any] = {}
    for name in asked.only:
        with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
            results[name] = sections[name](Path(folder), asked.quick)
        print(name, json.dumps(results[name], indent=2), flush=True)
    print("RESULT " + json.dumps({**results, "aims": AIMS, "hardware": hardware()}))


async def measure_mixed(folder: Path, quick: bool) -> dict[str, Any]:
    """By engine and model: tokens per second of the base alone and of its adapters, and their ratio."""
    rounds, limit = (2, 64) if quick else (5, 128)
    async with bench(folder / "small", make_seedling(folder / "seedling"), "" if quick else vllm_command()) as small:
        found = {f"{name}, seedling": await _mixed(small, name, rounds, limit) for name in small.engines}
    if not quick:
        async with bench(folder / "wide", make_wide(folder / "base")) as wide:
            found["transformers, 2 wide layers"] = await _mixed(wide, "transformers", 3, limit)
    return found


async def _mixed(found: Bench, name: str, rounds: int, limit: int) -> dict[str, Any]:
    """Base and adapters in turns; the ratio is the median of the rounds'."""
    engine = found.engines[name]
    alone = [found.base] * REQUESTS
    mixed = [found.adapters[number % ADAPTERS] for number in range(REQUESTS)]
    await together(engine, alone, 4), await together(engine, mixed, 4)
    figures = [(await together(engine, alone, limit), await together(engine, mixed, limit)) for _ in range(rounds)]
    assert all(a.tokens == b.tokens == REQUESTS * limit for a, b in figures)
    own = parameters_in(str(found.adapters[0].ref["path"]))
    return {
        **_rates({"base": [a for a, _ in figures], "mixed": [b for _, b in figures]}),
        "ratio": round(statistics.median(b.rate / a.rate for a, b in figures), 3),
        "limit_by_operations": round(found.base.parameters / (found.base.parameters + own), 3),
    }


async def measure_batch(folder: Path, quick: bool) -> dict[str, Any]:
    """Tokens per second of ours, of `generate` with one thread and with all, and of `generate_batch`, in turns."""
    rounds, limit = (1, 128) if quick else (3, 128)
    path = make_seedling(folder / "seedling")
    every = torch.get_num_threads()
    async with bench(folder / "small", path) as small:
        plain, paged = Plain(path), Plain(path)  # the latter's attention becomes another one

        async def peer(threads: int, answer: Callable[[int], Figure] = plain.all) -> Figure:
            torch.set_num_threads(threads)
            return await asyncio.to_thread(answer, limit)

        contestants: dict[str, Callable[[], Awaitable[Figure]]] = {
            "ours": lambda: together(small.engines["transformers"], [small.base] * REQUESTS, limit),
            "generate, 1 thread": lambda: peer(1),
            f"generate, {every} threads": lambda: peer(every),
            BATCHED: lambda: peer(every, paged.together),
        }
        await contestants["ours"](), await contestants[BATCHED]()
        taken = [{name: await go() for name, go in contestants.items()} for _ in range(rounds)]
    rates = _rates({name: [turn[name] for turn in taken] for name in contestants})
    best = max((name for name in contestants if name.startswith("generate,")), key=lambda name: rates[name])
    equal = min(sum(a == b for a, b in zip(turn["ours"].texts, turn[best].texts, strict=True)) for turn in taken)

    def ratio(peer: str) -> float:
        return round(statistics.median(turn["ours"].rate / turn[peer].rate for turn in taken), 2)

    compared = {"ratio": ratio(best), "limit": REQUESTS, f"ratio to {BATCHED}": ratio(BATCHED)}
    return {**rates, **compared, "equal_answers": f"{equal} of {REQUESTS}"}


def _rates(figures: dict[str, list[Figure]]) -> dict[str, Any]:
    """Median tokens per second by contestant."""
    return {name: round(statistics.median(figure.rate for figure in mine), 1) for name, mine in figures.items()}


if __name__ == "__main__":
    main()
