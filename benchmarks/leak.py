"""Memory leaks of loading and unloading models: memory of the engine after 50 and after 500 cycles.

    python benchmarks/leak.py [--quick]

A cycle loads a model (weights and a first token) and unloads it. "base" loads and unloads seedling and an adapter of
it. "adapter" loads and unloads adapters only, over a base model that stays loaded. Both run on the transformers engine;
after `make vllm`, adapters also run on vLLM. Memory is the proportional set size (PSS) of the engine's processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported, as in our engines

from serving_engines import Setup, make_seedling, open_engines, vllm_command

FIRST, LAST = 50, 500


def main() -> None:
    """Measure, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="150 cycles, transformers only: under a minute")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
        result = asyncio.run(measure(Path(folder), 150 if quick else LAST, "" if quick else vllm_command()))
    print(f"{'':24}{f'{FIRST} cycles':>12}{'all cycles':>12}{'per cycle':>12}")
    for name, found in result.items():
        print(f"{name:24}{found['first_mb']:9.1f} MB{found['last_mb']:9.1f} MB{found['kb_per_cycle']:9.2f} kB")
    print("RESULT " + json.dumps({"cycles": LAST if not quick else 150, **result}))


async def measure(folder: Path, last: int, vllm: str) -> dict[str, Any]:
    """Memory by engine and kind of model."""
    async with open_engines(folder, make_seedling(folder / "seedling"), vllm) as setup:
        measured = {
            "transformers, base": await _measure_cycles(setup, "transformers", last, keep_base=False),
            "transformers, adapter": await _measure_cycles(setup, "transformers", last, keep_base=True),
        }
        if vllm:
            measured["vLLM, adapter"] = await _measure_cycles(setup, "vLLM", last, keep_base=True)
    return measured


async def _measure_cycles(setup: Setup, name: str, last: int, *, keep_base: bool) -> dict[str, float]:
    engine = setup.engines[name]
    if keep_base:
        await engine.load(setup.base)
    memory_mb: dict[int, float] = {}
    for cycle in range(1, last + 1):
        adapter = setup.adapters[cycle % len(setup.adapters)]
        for model in (adapter,) if keep_base else (setup.base, adapter):
            await engine.load(model)
        for model in (adapter,) if keep_base else (setup.base, adapter):
            await engine.unload(model.uri)
        if cycle in (FIRST, last):
            await asyncio.sleep(1)  # other threads and processes free memory later
            memory_mb[cycle] = descendants_pss(os.getpid()) / 1e6
    first_mb, last_mb = memory_mb[FIRST], memory_mb[last]
    kb_per_cycle = (last_mb - first_mb) * 1000 / (last - FIRST)
    return {"first_mb": round(first_mb, 1), "last_mb": round(last_mb, 1), "kb_per_cycle": round(kb_per_cycle, 2)}


def descendants_pss(parent: int) -> int:
    """Bytes (PSS) of all descendants of a process."""
    return sum(_pss(pid) + descendants_pss(pid) for pid in _children(parent))


def _children(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
