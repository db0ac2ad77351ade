"""The web app in headless Chromium: download size, time until ready, and smoothness.

    python benchmarks/web.py [--quick]

Size: the script and style files that index.html names, gzip-compressed. Ready: from navigation until the dashboard
shows its numbers, with an empty cache and a real platform on this machine. Frames: the time between animation frames
on the job monitor with 50,000 points per chart and 10 updates per second, while a log of 100,000 lines scrolls, and
while the pointer moves over the charts of five overlaid jobs with 50,000 points each. Lists: from navigation until the
rows of 2,000 jobs and 1,000 datasets are there, and the frames while their pages scroll. The baseline is an empty page,
the best that the browser can do on this machine. `busy` is the share of time in which the page's main thread works.
Needs `npm ci` in services/gateway/web.
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
TARGETS = {
    "initial_kb": 150.0,
    "ready_s": 1.0,
    "chart_p95_ms": 20.0,
    "log_p95_ms": 20.0,
    "overlay_p95_ms": 20.0,
    "jobs_ready_s": 1.0,
    "jobs_scroll_p95_ms": 20.0,
    "datasets_ready_s": 1.0,
    "datasets_scroll_p95_ms": 20.0,
}
JOBS, DATASETS = 2000, 1000
READY = "Anneal is ready at "


def initial_kb() -> float:
    """kB of the files that index.html names, as the compressed files in dist/."""
    html = (DIST / "index.html").read_text()
    names = sorted(set(re.findall(r"[\w-]+\.(?:js|css)(?=\")", html)))
    packed = [DIST / f"{name}.gz" for name in names]
    sizes = [path.stat().st_size if path.exists() else (DIST / path.stem).stat().st_size for path in packed]
    return sum(sizes) / 1000


def p95(gaps: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(gaps, n=20)[-1]


def measure(home: Path, seconds: int, starts: int) -> dict[str, Any]:
    """Start a platform and measure it in the browser."""
    # No forkserver preloading: its imports would take CPU time from the browser that is measured.
    env = {**os.environ, "ANNEAL_HOME": str(home), "ANNEAL_WARM_ENGINES": "false"}
    lists = [sys.executable, "-m", "tests.support.long_lists", str(home), str(JOBS), str(DATASETS)]
    subprocess.run(lists, cwd=ROOT, env=env, check=True)
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
    """Measure, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer starts, shorter measurements: under a minute")
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
        "overlay_p95_ms": p95(found["overlay"]["gaps"]),
        "overlay_busy": found["overlay"]["busy"],
    }
    for name, measured in found["lists"].items():
        result[f"{name}_ready_s"] = measured["ready"] / 1000
        result[f"{name}_scroll_p95_ms"] = p95(measured["scroll"]["gaps"])
    for name, value in result.items():
        target = f"target <= {TARGETS[name]:g}" if name in TARGETS else ""
        print(f"{name:23} {value:10.1f}  {target}" if value >= 10 else f"{name:23} {value:10.3f}  {target}")
    rounded = {name: round(value, 3) for name, value in result.items()}
    print("RESULT", json.dumps({**rounded, "aims": TARGETS, "cores": os.cpu_count(), "machine": platform.platform()}))


if __name__ == "__main__":
    main()
