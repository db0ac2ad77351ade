"""`anneal up` → /readyz, and what the platform weighs at rest: the services and the warm parent apart.

python benchmarks/startup.py [--quick]

The peer is a process that only imports torch and transformers: what any tool that does so at start cannot be faster
than. Runs are interleaved; a first, uncounted run of each warms the page cache.
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
WARM_SECONDS = 120.0


def proportional_mb(pid: int) -> float:
    """Proportional set size in MB: shared pages count by their share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def children(pid: int) -> list[int]:
    """The process's direct children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def settled(pid: int) -> float:
    """PSS of a process in MB once its imports are over: when it no longer changes."""
    last, deadline = -1.0, time.monotonic() + WARM_SECONDS
    while (now := proportional_mb(pid)) != last and time.monotonic() < deadline:
        last = now
        time.sleep(2.0)
    return now


def start_once(home: Path, *, weigh: bool) -> dict[str, float]:
    """Seconds from exec to a 200 of /readyz; with `weigh`, the memory of the services and of the warm parent."""
    env = {**os.environ, "ANNEAL_HOME": str(home)}
    started = time.monotonic()
    command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.removeprefix(READY).strip() for line in process.stdout if line.startswith(READY))
        httpx.get(f"{url}/readyz").raise_for_status()
        found = {"ready_s": time.monotonic() - started}
        if weigh:
            (warm,) = children(process.pid)
            found["warm_parent_mb"] = settled(warm)
            found["services_mb"] = proportional_mb(process.pid)
        process.terminate()
    return found


def import_once() -> float:
    """Seconds to start Python and import torch and transformers."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch, transformers.modeling_utils"], check=True)
    return time.monotonic() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 runs instead of 9")
    runs = 3 if parser.parse_args().quick else 9
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        start_once(home, weigh=False)
        import_once()
        pairs = [(start_once(home, weigh=False)["ready_s"], import_once()) for _ in range(runs)]
        weight = start_once(home, weigh=True)
    ready, imported = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{'anneal up → /readyz':34}{ready:8.2f} s   (aim: under 2 s)")
    print(f"{'importing torch and transformers':34}{imported:8.2f} s   ({imported / ready:.1f} x)")
    print(f"{'services, all six rooms':34}{weight['services_mb']:8.0f} MB")
    print(f"{'warm parent':34}{weight['warm_parent_mb']:8.0f} MB")
    result = {
        "ready_s": round(ready, 3),
        "import_s": round(imported, 3),
        "ratio": round(imported / ready, 2),
        "services_mb": round(weight["services_mb"]),
        "warm_parent_mb": round(weight["warm_parent_mb"]),
        "runs": runs,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
