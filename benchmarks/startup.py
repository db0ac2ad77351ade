"""Startup time of `anneal up` until /readyz, and memory at rest of the services and of the forkserver.

python benchmarks/startup.py [--quick]

The baseline is a process that only imports torch and transformers, the lower bound for any tool that imports them at
startup. Runs alternate; one uncounted run of each warms the page cache.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

READY = "Anneal is ready at "
PRELOAD_TIMEOUT_S = 120.0


def pss_mb(pid: int) -> float:
    """Proportional set size in MB: a shared page counts by the share of this process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def children(pid: int) -> list[int]:
    """The process's direct children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def settled_pss_mb(pid: int) -> float:
    """PSS of a process in MB once it no longer changes, that is, after its imports."""
    last, deadline = -1.0, time.monotonic() + PRELOAD_TIMEOUT_S
    while (now := pss_mb(pid)) != last and time.monotonic() < deadline:
        last = now
        time.sleep(2.0)
    return now


def start_once(home: Path, *, measure_memory: bool) -> dict[str, float]:
    """Seconds from exec to a 200 of /readyz; with `measure_memory` also the memory of services and forkserver."""
    env = {**os.environ, "ANNEAL_HOME": str(home)}
    started = time.monotonic()
    command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.removeprefix(READY).strip() for line in process.stdout if line.startswith(READY))
        httpx.get(f"{url}/readyz").raise_for_status()
        found = {"ready_s": time.monotonic() - started}
        if measure_memory:
            (forkserver,) = children(process.pid)
            found["warm_parent_mb"] = settled_pss_mb(forkserver)
            found["services_mb"] = pss_mb(process.pid)
        process.terminate()
    return found


def import_once() -> float:
    """Seconds to start Python and import torch and transformers."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch, transformers.modeling_utils"], check=True)
    return time.monotonic() - started


def main() -> None:
    """Measure, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 runs instead of 9")
    runs = 3 if parser.parse_args().quick else 9
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        start_once(home, measure_memory=False)
        import_once()
        pairs = [(start_once(home, measure_memory=False)["ready_s"], import_once()) for _ in range(runs)]
        memory_mb = start_once(home, measure_memory=True)
    ready, imported = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{'anneal up → /readyz':34}{ready:8.2f} s   (target: under 2 s)")
    print(f"{'importing torch and transformers':34}{imported:8.2f} s   ({imported / ready:.1f} x)")
    print(f"{'all six services':34}{memory_mb['services_mb']:8.0f} MB")
    print(f"{'forkserver':34}{memory_mb['warm_parent_mb']:8.0f} MB")
    result = {
        "ready_s": round(ready, 3),
        "import_s": round(imported, 3),
        "ratio": round(imported / ready, 2),
        "services_mb": round(memory_mb["services_mb"]),
        "warm_parent_mb": round(memory_mb["warm_parent_mb"]),
        "runs": runs,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
