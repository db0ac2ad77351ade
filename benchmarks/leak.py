"""Does loading and unloading leak? Memory of the engine after 50 and after 500 cycles.

    python benchmarks/leak.py [--quick]

One cycle loads a model (weights, a first token) and unloads it. "base": seedling itself, and an adapter over it, both
out of memory again at the cycle's end. "adapter": adapters of a base that stays. On the transformers engine, and with
`make vllm` adapters on vLLM. Memory is what the processes hold by themselves and their share of the rest (PSS).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: as for our engines

from serving_engines import Bench, bench, make_seedling, vllm_command

FIRST, LAST = 50, 500


def main() -> None:
    """Measure, print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="150 cycles, transformers alone: under a minute")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
        result = asyncio.run(measure(Path(folder), 150 if quick else LAST, "" if quick else vllm_command()))
    print(f"{'':24}{f'after {FIRST}':>12}{'after':>12}{'per cycle':>12}")
    for name, found in result.items():
        print(f"{name:24}{found['first_mb']:9.1f} MB{found['last_mb']:9.1f} MB{found['kb_per_cycle']:9.2f} kB")
    print("RESULT " + json.dumps({"cycles": LAST if not quick else 150, **result}))


async def measure(folder: Path, last: int, vllm: str) -> dict[str, Any]:
    """Memory by what was loaded where."""
    async with bench(folder, make_seedling(folder / "seedling"), vllm) as found:
        measured = {
            "transformers, base": await _cycles(found, "transformers", last, keep=False),
            "transformers, adapter": await _cycles(found, "transformers", last, keep=True),
        }
        if vllm:
            measured["vLLM, adapter"] = await _cycles(found, "vLLM", last, keep=True)
    return measured


async def _cycles(found: Bench, name: str, last: int, *, keep: bool) -> dict[str, float]:
    engine = found.engines[name]
    if keep:
        await engine.load(found.base)
    held: dict[int, float] = {}
    for cycle in range(1, last + 1):
        adapter = found.adapters[cycle % len(found.adapters)]
        for model in (adapter,) if keep else (found.base, adapter):
            await engine.load(model)
        for model in (adapter,) if keep else (found.base, adapter):
            await engine.unload(model.uri)
        if cycle in (FIRST, last):
            await asyncio.sleep(1)  # for what is freed by another thread or process
            held[cycle] = memory(os.getpid()) / 1e6
    grown = (held[last] - held[FIRST]) * 1000 / (last - FIRST)
    return {"first_mb": round(held[FIRST], 1), "last_mb": round(held[last], 1), "kb_per_cycle": round(grown, 2)}


def memory(parent: int) -> int:
    """Bytes (PSS) of all that a process started, itself left out."""
    return sum(_pss(pid) + memory(pid) for pid in _children(parent))


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
