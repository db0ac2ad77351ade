"""Throughput of a model with one request and with sixteen, base model and adapter, beside its peers; for serving.py.

Each peer runs in its own process with its own defaults, and all take turns: transformers' `generate` (all prompts in
one left-padded batch), llama.cpp's server in f16 and q8_0 (`make llama-cpp`), vLLM on the CPU (`make vllm`).
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import torch
from serving_engines import (
    REQUESTS,
    ROOT,
    Measurement,
    PlainTransformers,
    Setup,
    generate_concurrently,
    make_seedling,
    open_engines,
    parameters_in,
    prompts,
    vllm_command,
)
from transformers import AutoModelForCausalLM, AutoTokenizer

from services.export.engine.gguf.writer import write_model
from shared.engine.text.template import ChatTemplate

LLAMA_CPP = ROOT / ".venv-llama-cpp/bin/python"
COUNTS, ROUNDS = (1, REQUESTS), 2
Candidate = Callable[[int, int], Awaitable[Measurement]]
"""Answers this many requests at once, with this many tokens each."""

_plain: PlainTransformers


async def measure(folder: Path, quick: bool, model: Path, limit: int) -> dict[str, Any]:
    """Median tokens per second of each candidate with one request and sixteen, our ratios to them, and the limits."""
    path = make_seedling(folder / "model", model)
    async with open_engines(folder / "ours", path, "" if quick else vllm_command(), adapters=1) as setup:
        with ExitStack() as peers:
            candidates = {**_engines(setup), "generate": peers.enter_context(_generate(path))}
            for kind in ("f16", "q8_0") if LLAMA_CPP.exists() else ():
                candidates[f"llama.cpp, {kind}"] = peers.enter_context(_llama_cpp(path, kind, folder))
            found = {count: await _by_turns(candidates, count, limit, 1 if quick else ROUNDS) for count in COUNTS}
    limits = dict(zip(COUNTS, _limits(path), strict=True))
    return {f"{count} requests": {**found[count], "limit_by_hardware": limits[count]} for count in COUNTS}


async def _by_turns(candidates: dict[str, Candidate], count: int, limit: int, rounds: int) -> dict[str, Any]:
    for candidate in candidates.values():
        await candidate(count, 4)
    turns: list[dict[str, Measurement]] = [{} for _ in range(rounds)]
    for turn in turns:
        for name, candidate in candidates.items():
            turn[name] = await candidate(count, limit)
            print(f"{count} x {limit} tokens, {name}: {turn[name].rate:.1f} tokens/s", file=sys.stderr, flush=True)
    assert all(each.tokens == count * limit for turn in turns for each in turn.values())

    def ratio(ours: str, peer: str) -> float:
        return round(statistics.median(turn[ours].rate / turn[peer].rate for turn in turns), 2)

    equal = min(sum(a == b for a, b in zip(turn["base"].texts, turn["generate"].texts, strict=True)) for turn in turns)
    return {
        "tokens_per_second": {
            name: round(statistics.median(turn[name].rate for turn in turns), 1) for name in candidates
        },
        "ratio_of_base_to": {peer: ratio("base", peer) for peer in candidates if peer not in ("base", "adapter")},
        "ratio_of_adapter_to_base": ratio("adapter", "base"),
        "answers_equal_to_generate": f"{equal} of {count}",
    }


def _engines(setup: Setup) -> dict[str, Candidate]:
    def candidate(engine: str, model: Any) -> Candidate:
        return lambda count, limit: generate_concurrently(setup.engines[engine], [model] * count, limit)

    ours = {"base": candidate("transformers", setup.base), "adapter": candidate("transformers", setup.adapters[0])}
    return ours | ({"vLLM": candidate("vLLM", setup.base)} if "vLLM" in setup.engines else {})


@contextmanager
def _generate(path: Path) -> Iterator[Candidate]:
    """transformers in a process with torch's own way of waiting, which is faster than ours on idle cores."""
    ours = os.environ.pop("OMP_WAIT_POLICY", None)
    with ProcessPoolExecutor(1, get_context("spawn"), _load, (path,)) as pool:
        pool.submit(int).result()  # started without the variable
        if ours is not None:
            os.environ["OMP_WAIT_POLICY"] = ours

        async def candidate(count: int, limit: int) -> Measurement:
            return await asyncio.get_running_loop().run_in_executor(pool, _answer, count, limit)

        yield candidate


def _load(path: Path) -> None:
    global _plain
    _plain = PlainTransformers(path)


def _answer(count: int, limit: int) -> Measurement:
    return _plain.generate_batch_padded(count, limit)


@contextmanager
def _llama_cpp(path: Path, kind: str, folder: Path) -> Iterator[Candidate]:
    """llama.cpp's server over a GGUF file that our export writes."""
    tokenizer, file, socket = AutoTokenizer.from_pretrained(path), folder / f"{kind}.gguf", folder / f"{kind}.sock"
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    write_model(file, model, tokenizer, ChatTemplate.of(tokenizer), kind, "model", lambda: None)
    spec = {"model": str(file), "socket": str(socket), "threads": torch.get_num_threads(), "slots": REQUESTS}
    command = [str(LLAMA_CPP), "-I", str(Path(__file__).with_name("serving_llama_cpp.py")), json.dumps(spec)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as server:
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline() == b"started\n"

        async def candidate(count: int, limit: int) -> Measurement:
            settings = {"n_predict": limit, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
            bodies = [{"prompt": tokenizer(prompt).input_ids, **settings} for prompt in prompts()[:count]]
            transport = httpx.AsyncHTTPTransport(uds=str(socket))
            async with httpx.AsyncClient(transport=transport, base_url="http://llama", timeout=600) as client:
                started = time.perf_counter()
                answers = await asyncio.gather(*(client.post("/completion", json=body) for body in bodies))
                seconds = time.perf_counter() - started
            found = [answer.raise_for_status().json() for answer in answers]
            return Measurement(seconds, sum(each["tokens_predicted"] for each in found), [e["content"] for e in found])

        try:
            yield candidate
        finally:
            server.stdin.close()


def _limits(path: Path) -> list[float]:
    """Tokens per second in fp32 if a step only read all weights once; for sixteen, if it only multiplied at full rate.

    Both are measured here: a sum over a gigabyte, and a product of two large matrices.
    """
    parameters, block = parameters_in(path), torch.ones(1 << 28)
    square = torch.ones(2048, 2048)
    reading = min(_seconds(block.sum) for _ in range(5)) / block.nbytes
    multiplying = min(_seconds(lambda: square @ square) for _ in range(5)) / (2 * 2048**3)
    step = max(parameters * 4 * reading, REQUESTS * parameters * 2 * multiplying)
    return [round(1 / (parameters * 4 * reading), 1), round(REQUESTS / step, 1)]


def _seconds(compute: Callable[[], Any]) -> float:
    started = time.perf_counter()
    compute()
    return time.perf_counter() - started
