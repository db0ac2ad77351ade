"""What its limits add to the start of an engine: a fork that confines itself and exits, beside one that only exits.

python benchmarks/limits.py

Both forks alternate in one process without threads, as a forkserver is. The limits are those of an evaluation.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from shared.engine.process.limits import confine
from shared.runtime.processes.limits import DefaultLimits, Limits

RUNS, TARGET_MS = 300, 30.0


def fork_once(limits: dict[str, Any] | None) -> float:
    """Milliseconds until a fork has exited; None for no limits."""
    started = time.perf_counter()
    if (pid := os.fork()) == 0:
        if limits:
            confine(limits)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    """Measure, then print the table and the RESULT line."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for name in ("blobs", "scratch"):
            (Path(folder) / name).mkdir()
        defaults, resolving = DefaultLimits(home=Path(folder)), time.perf_counter()
        limits = defaults.resolve(Limits(), Path(folder) / "scratch", uses_gpu=False)
        resolved_ms = 1000 * (time.perf_counter() - resolving)
        pairs = [(fork_once(None), fork_once(limits)) for _ in range(RUNS)]
    plain, confined = (statistics.median(column) for column in zip(*pairs, strict=True))
    p95 = statistics.quantiles([after - before for before, after in pairs], n=20)[-1]
    added = confined - plain + resolved_ms
    print(
        f"added to the start of an engine: p50 {added:.1f} ms, p95 {p95 + resolved_ms:.1f} ms (limit {TARGET_MS:g} ms)"
    )
    result = {"added_p50_ms": round(added, 2), "added_p95_ms": round(p95 + resolved_ms, 2), "runs": RUNS}
    hardware = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    print("RESULT " + json.dumps({**result, "hardware": hardware}))


if __name__ == "__main__":
    main()
