"""Cost of tracing and metrics: request latency and training throughput with and without them.

python benchmarks/telemetry.py [--quick]

Three platforms run at once. One exports spans to a collector and is scraped at the interval of deploy/observability,
one does neither, and a control does neither, too: its difference to the second is the error of the measurement.
Requests visit the platforms in rotating order, and differences are taken within a round. The same job trains on two
platforms at the same time, one thread each. Throughput (tokens/s) is compared step by step over the same rows; CPU time
is that of service and engine together. The limit is a cost of 2 %. Counting requests cannot be turned off, so its cost
is measured separately.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from shared.runtime.telemetry.http_metrics import Requests
from shared.runtime.telemetry.metrics import Metrics

READY = "Anneal is ready at "
SAMPLE = Path(__file__).parents[1] / "services/dataset/samples/triage.jsonl"
JOB = {"method": "lora", "eval_every": 10_000, "checkpoint_every": 10_000, "dtype": "fp32", "threads": 1}
FINAL = ("succeeded", "failed", "cancelled")
SCRAPE_INTERVAL_S = 15.0
WARMUP_ROUNDS = 20


class DiscardingCollector(BaseHTTPRequestHandler):
    """A collector that discards the spans it receives."""

    received = 0

    def do_POST(self) -> None:
        """Receive an export."""
        DiscardingCollector.received += len(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def collector() -> Iterator[str]:
    """The address of a collector for spans."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), DiscardingCollector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class JobCost(NamedTuple):
    """CPU seconds of service and engine, and the throughput of each step."""

    cpu_seconds: float
    tokens_per_second: list[float]


@dataclass
class Platform:
    """A running platform, a client of it, and a dataset on it."""

    pid: int
    client: httpx.Client
    dataset: str = ""

    def upload(self) -> None:
        """Upload the dataset that is read and trained on."""
        files = {"file": (SAMPLE.name, SAMPLE.read_bytes())}
        self.dataset = self.client.post("/datasets/upload", files=files).raise_for_status().json()["id"]

    def train(self, steps: int, seed: int) -> JobCost:
        """Run a job to its end."""
        before = cpu_seconds(self.pid)
        body = {**JOB, "dataset": self.dataset, "max_steps": steps, "seed": seed}
        job = self.client.post("/training/jobs", json=body).raise_for_status().json()["id"]
        while (ended := self.client.get(f"/training/jobs/{job}").json())["state"] not in FINAL:
            time.sleep(0.5)
        assert ended["state"] == "succeeded", ended["detail"]
        spent = cpu_seconds(self.pid) - before
        records = self.client.get(f"/training/jobs/{job}/metrics").raise_for_status().json()["records"]
        return JobCost(spent, [record["tokens_per_second"] for record in records if "tokens_per_second" in record])


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its descendants, finished ones included (proc(5): stat fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(cpu_seconds(int(child)) for child in children)


@contextmanager
def run_platform(home: Path, **settings: str) -> Iterator[Platform]:
    """A platform with its own home folder, until the end of the block."""
    env = {**os.environ, "ANNEAL_HOME": str(home), **settings}
    command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.removeprefix(READY).strip() for line in process.stdout if line.startswith(READY))
        headers = {"Authorization": f"Bearer {(home / 'api-key').read_text().strip()}"}
        try:
            yield Platform(process.pid, httpx.Client(base_url=url, headers=headers, timeout=120))
        finally:
            process.terminate()


@contextmanager
def scrape_periodically(client: httpx.Client) -> Iterator[None]:
    """Read /metrics at an interval within the block, as Prometheus does."""
    ended = threading.Event()

    def scrape() -> None:
        while not ended.wait(SCRAPE_INTERVAL_S):
            client.get("/metrics").raise_for_status()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def measure_latency(platforms: dict[str, Platform], rounds: int) -> dict[str, list[float]]:
    """Seconds of GET /datasets/{id} through gateway and service, one request per platform in each round."""
    seconds: dict[str, list[float]] = {name: [] for name in platforms}
    for round in range(WARMUP_ROUNDS + rounds):
        turn = round % len(platforms)
        for name in [*platforms][turn:] + [*platforms][:turn]:
            started = time.perf_counter()
            platforms[name].client.get(f"/datasets/{platforms[name].dataset}").raise_for_status()
            if round >= WARMUP_ROUNDS:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def median_added(seconds: dict[str, list[float]], name: str) -> float:
    """Median of the seconds that `name` takes more than `off` within a round."""
    return statistics.median(ours - off for ours, off in zip(seconds[name], seconds["off"], strict=True))


def compare_jobs(platforms: dict[str, Platform], name: str, steps: int, seed: int) -> tuple[float, float]:
    """Run the same job on `name` and on `off` at the same time; returns what `name` costs more, as shares.

    These are the throughput lost (median over the steps) and the CPU time added.
    """
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(platforms[one].train, steps, seed) for one in ("off", name)]
        off, on = (job.result() for job in jobs)
    lost = [1 - a / b for a, b in zip(on.tokens_per_second, off.tokens_per_second, strict=True)]
    return statistics.median(lost), on.cpu_seconds / off.cpu_seconds - 1


def count_cost(times: int = 20_000) -> float:
    """Seconds for counting one request."""
    requests = Requests(Metrics(), "anneal_http", "Requests")
    scope = {"type": "http", "method": "GET"}
    started = time.perf_counter()
    for _ in range(times):
        requests.observe("dataset", scope, "/datasets/{id}", 200, 0.01)
    return (time.perf_counter() - started) / times


def main() -> None:
    """Measure, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer requests and jobs; under a minute")
    quick = parser.parse_args().quick
    rounds, pairs, steps = (500, 1, 20) if quick else (4000, 5, 60)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoint = stack.enter_context(collector())
        platforms = {
            "off": stack.enter_context(run_platform(folder / "off")),
            "on": stack.enter_context(run_platform(folder / "on", ANNEAL_OTLP_ENDPOINT=endpoint)),
            "control": stack.enter_context(run_platform(folder / "control")),
        }
        stack.enter_context(scrape_periodically(platforms["on"].client))
        for one in platforms.values():
            one.upload()
            one.train(5, 0)  # tokenizes and warms up
        seconds = measure_latency(platforms, rounds)
        jobs = {
            name: [compare_jobs(platforms, name, steps, pair) for pair in range(pairs)] for name in ("on", "control")
        }
    off = statistics.median(seconds["off"])
    cost = {name: median_added(seconds, name) / off for name in ("on", "control")}
    slower, more_cpu = (
        {name: statistics.median(pair[part] for pair in found) for name, found in jobs.items()} for part in (0, 1)
    )
    print(f"gateway → service, median {off * 1e3:.2f} ms; of it counting (on all three) {count_cost() * 1e6:.1f} µs")
    print(f"{'':26}{'on':>10}{'control':>10}")
    print(f"{'latency added':26}{cost['on']:10.1%}{cost['control']:10.1%}   (limit: 2 %)")
    print(f"{'training throughput lost':26}{slower['on']:10.1%}{slower['control']:10.1%}   (limit: 2 %)")
    print(f"{'training CPU time added':26}{more_cpu['on']:10.1%}{more_cpu['control']:10.1%}   (limit: 2 %)")
    print(f"{DiscardingCollector.received / 1e6:.2f} MB of spans")
    result = {
        "latency_off_ms": round(off * 1e3, 3),
        "latency_added_us": {name: round(share * off * 1e6) for name, share in cost.items()},
        "latency_cost": {name: round(share, 4) for name, share in cost.items()},
        "training_slower": {name: round(share, 4) for name, share in slower.items()},
        "training_cpu": {name: round(share, 4) for name, share in more_cpu.items()},
        "training_pairs": {
            name: [[round(share, 4) for share in pair] for pair in found] for name, found in jobs.items()
        },
        "limit": 0.02,
        "rounds": rounds,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
