"""Serving: throughput of mixed adapters and of batching, time until a tuned model answers, latency of the gateway.

    python benchmarks/serving.py [--quick] [--only mixed,tuned,batch,gateway,peers] [--model FOLDER --tokens N]

mixed: 16 requests to a base model, and 16 to eight adapters of it (rank 16, all linear layers), alternating on one
    engine: seedling, a model with wide layers, and after `make vllm` seedling on vLLM. The limit is the share of
    floating-point operations that are not the adapters'. The adapters change no token, so the work is equal.
tuned: time from the end of a job to the first text of its model, over HTTP, with the base model in memory.
batch: 16 requests at once. The baseline is `generate`, one request after another, with one thread or all, whichever is
    faster; answers with equal greedy tokens are counted. The limit is 16: a step for all requests that costs as much as
    a step for one. The peer is transformers' continuous batching.
gateway: latency that our gateway and LiteLLM's proxy add to a request (serving_gateway.py).
peers: one request and sixteen, base model and adapter, beside `generate` on a batch, llama.cpp and vLLM
    (serving_peers.py); only if named by --only, for a real model: --only peers --model .models/smollm2 --tokens 48.
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

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported, as in our engines

import serving_gateway
import serving_peers
import serving_tuned
import torch
from serving_engines import (
    ADAPTERS,
    REQUESTS,
    SEEDLING,
    Measurement,
    PlainTransformers,
    Setup,
    generate_concurrently,
    make_seedling,
    make_wide,
    open_engines,
    parameters_in,
    vllm_command,
)
from training import hardware

TARGETS = {
    "mixed": 0.95,
    "first_token_s": 2.0,
    "adapter_load_ms": 300.0,
    "batch": 5.0,
    "of_litellm": 0.25,
    "generate": 1.5,
    "adapter": 0.9,
}
BATCHED = "generate_batch"
SECTIONS = ("mixed", "tuned", "batch", "gateway")


def main() -> None:
    """Measure, then print the results and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, only seedling on transformers")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[*SECTIONS])
    parser.add_argument("--model", type=Path, default=SEEDLING, help="instead of seedling, for mixed and batch")
    parser.add_argument("--tokens", type=int, default=128, help="tokens of each answer, for mixed and batch")
    arguments = parser.parse_args()
    model, tokens = arguments.model, arguments.tokens
    sections: dict[str, Callable[[Path, bool], dict[str, Any]]] = {
        "mixed": lambda folder, quick: asyncio.run(measure_mixed(folder, quick, model, tokens)),
        "tuned": lambda folder, quick: serving_tuned.measure(folder, 3 if quick else 10),
        "batch": lambda folder, quick: asyncio.run(measure_batch(folder, quick, model, tokens)),
        "peers": lambda folder, quick: asyncio.run(serving_peers.measure(folder, quick, model, tokens)),
        "gateway": lambda folder, quick: serving_gateway.measure(folder, 150 if quick else 1000),
    }
    results: dict[str, Any] = {}
    for name in arguments.only:
        with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
            results[name] = sections[name](Path(folder), arguments.quick)
        print(name, json.dumps(results[name], indent=2), flush=True)
    print("RESULT " + json.dumps({**results, "aims": TARGETS, "hardware": hardware()}))


async def measure_mixed(folder: Path, quick: bool, model: Path, limit: int) -> dict[str, Any]:
    """Tokens per second of the base model and of its adapters, and their ratio, by engine and model."""
    rounds = 2 if quick else 5
    async with open_engines(
        folder / "small", make_seedling(folder / "seedling", model), "" if quick else vllm_command()
    ) as small:
        found = {f"{name}, {model.name}": await _measure_mixed(small, name, rounds, limit) for name in small.engines}
    if not quick:
        async with open_engines(folder / "wide", make_wide(folder / "base")) as wide:
            found["transformers, 2 wide layers"] = await _measure_mixed(wide, "transformers", 3, limit)
    return found


async def _measure_mixed(setup: Setup, name: str, rounds: int, limit: int) -> dict[str, Any]:
    """Alternate between base model and adapters; the ratio is the median over the rounds."""
    engine = setup.engines[name]
    base = [setup.base] * REQUESTS
    mixed = [setup.adapters[number % ADAPTERS] for number in range(REQUESTS)]
    await generate_concurrently(engine, base, 4), await generate_concurrently(engine, mixed, 4)
    measurements = [
        (await generate_concurrently(engine, base, limit), await generate_concurrently(engine, mixed, limit))
        for _ in range(rounds)
    ]
    assert all(a.tokens == b.tokens == REQUESTS * limit for a, b in measurements)
    adapter_parameters = parameters_in(str(setup.adapters[0].ref["path"]))
    return {
        **_rates({"base": [a for a, _ in measurements], "mixed": [b for _, b in measurements]}),
        "ratio": round(statistics.median(b.rate / a.rate for a, b in measurements), 3),
        "limit_by_operations": round(setup.base.parameters / (setup.base.parameters + adapter_parameters), 3),
    }


async def measure_batch(folder: Path, quick: bool, model: Path, limit: int) -> dict[str, Any]:
    """Tokens per second of ours, of `generate` with one thread and with all, and of `generate_batch`, by turns."""
    rounds = 1 if quick else 3
    path = make_seedling(folder / "seedling", model)
    all_threads = torch.get_num_threads()
    async with open_engines(folder / "small", path) as small:
        plain, paged = PlainTransformers(path), PlainTransformers(path)  # continuous batching replaces the attention

        async def peer(
            threads: int, generate: Callable[[int], Measurement] = plain.generate_sequentially
        ) -> Measurement:
            torch.set_num_threads(threads)
            return await asyncio.to_thread(generate, limit)

        candidates: dict[str, Callable[[], Awaitable[Measurement]]] = {
            "ours": lambda: generate_concurrently(small.engines["transformers"], [small.base] * REQUESTS, limit),
            "generate, 1 thread": lambda: peer(1),
            f"generate, {all_threads} threads": lambda: peer(all_threads),
            BATCHED: lambda: peer(all_threads, paged.generate_continuous),
        }
        await candidates["ours"](), await candidates[BATCHED]()
        turns = [{name: await measure() for name, measure in candidates.items()} for _ in range(rounds)]
    rates = _rates({name: [turn[name] for turn in turns] for name in candidates})
    baseline = max((name for name in candidates if name.startswith("generate,")), key=lambda name: rates[name])
    equal = min(sum(a == b for a, b in zip(turn["ours"].texts, turn[baseline].texts, strict=True)) for turn in turns)

    def ratio(peer: str) -> float:
        return round(statistics.median(turn["ours"].rate / turn[peer].rate for turn in turns), 2)

    ratios = {"ratio": ratio(baseline), "limit": REQUESTS, f"ratio to {BATCHED}": ratio(BATCHED)}
    return {**rates, **ratios, "equal_answers": f"{equal} of {REQUESTS}"}


def _rates(measurements: dict[str, list[Measurement]]) -> dict[str, Any]:
    """Median tokens per second by candidate."""
    return {name: round(statistics.median(each.rate for each in own), 1) for name, own in measurements.items()}


if __name__ == "__main__":
    main()
