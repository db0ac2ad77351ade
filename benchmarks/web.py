"""The browser app in headless Chromium: what it weighs, how soon it is ready, and whether it stays smooth.

    python benchmarks/web.py [--quick]

Weight: the script and style files that index.html names, as gzip sends them. Ready: from the navigation to the
dashboard's figures, empty cache, real platform on this machine. Frames: gaps between animation frames on the job
monitor with 50,000 points on each chart and 10 updates a second, and while a log of 100,000 lines scrolls; beside them
an empty page, which says what this machine's browser can do at best, and `busy`, the share of the time in which the
page's main thread worked: it tells how much is left where the machine has other work too. Needs `npm ci` in
services/gateway/web.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "services" / "gateway" / "web" / "dist"
AIMS = {"initial_kb": 150.0, "ready_s": 1.0, "chart_p95_ms": 20.0, "log_p95_ms": 20.0}
READY = "Anneal is ready at "


def initial_kb() -> float:
    """kB of the files that index.html names, compressed as they lie beside each other."""
    html = (DIST / "index.html").read_text()
    names = sorted(set(re.findall(r"[\w-]+\.(?:js|css)(?=\")", html)))
    packed = [DIST / f"{name}.gz" for name in names]
    sizes = [path.stat().st_size if path.exists() else (DIST / path.stem).stat().st_size for path in packed]
    return sum(sizes) / 1000


def p95(gaps: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(gaps, n=20)[-1]


def measure(home: Path, seconds: int, starts: int) -> dict[str, Any]:
    """What the browser found with a platform of its own."""
    # Without warm engines: their imports would take the processor from the browser that is measured.
    env = {**os.environ, "ANNEAL_HOME": str(home), "ANNEAL_WARM_ENGINES": "false"}
    command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        try:
            url = next(line.removeprefix(READY).strip() for line in served.stdout if line.startswith(READY))
            key = (home / "api-key").read_text().strip()
            browser = ["node", str(ROOT / "benchmarks" / "web_browser.cjs"), url, key, str(seconds), str(starts)]
            done = subprocess.run(browser, stdout=subprocess.PIPE, text=True, check=True)
        finally:
            served.terminate()
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a table, and as the last line the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer starts, shorter watching")
    quick = parser.parse_args().quick
    seconds, starts = (4, 3) if quick else (15, 9)
    with tempfile.TemporaryDirectory() as home:
        found = measure(Path(home), seconds, starts)
    result = {
        "initial_kb": initial_kb(),
        "dashboard_kb": statistics.median(start["bytes"] for start in found["starts"]) / 1000,
        "ready_s": statistics.median(start["ready"] for start in found["starts"]) / 1000,
        "idle_p95_ms": p95(found["idle"]),
        "chart_p50_ms": statistics.median(found["chart"]["gaps"]),
        "chart_p95_ms": p95(found["chart"]["gaps"]),
        "chart_busy": found["chart"]["busy"],
        "log_p50_ms": statistics.median(found["log"]["gaps"]),
        "log_p95_ms": p95(found["log"]["gaps"]),
        "log_busy": found["log"]["busy"],
    }
    for name, value in result.items():
        aim = f"aim <= {AIMS[name]:g}" if name in AIMS else ""
        print(f"{name:16} {value:10.1f}  {aim}" if value >= 10 else f"{name:16} {value:10.3f}  {aim}")
    rounded = {name: round(value, 3) for name, value in result.items()}
    print("RESULT", json.dumps({**rounded, "aims": AIMS, "cores": os.cpu_count(), "machine": platform.platform()}))


if __name__ == "__main__":
    main()
