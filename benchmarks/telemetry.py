"""What tracing and metrics cost: the gateway's latency and training's throughput, with and without them.

python benchmarks/telemetry.py [--quick]

Two platforms run at once. One exports spans to a collector and is scraped every second; the other does neither.
Requests go to them in turn, pairs of jobs too, each pair in the other order. The peer is the same platform with
telemetry off; the limit is a cost of 2 %. Counting itself cannot be turned off: its price is measured alone.
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
from contextlib import ExitStack, contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from shared.runtime.http_metrics import Requests
from shared.runtime.metrics import Metrics

READY = "Anneal is ready at "
SAMPLE = Path(__file__).parents[1] / "services/dataset/samples/triage.jsonl"
JOB = {"method": "lora", "eval_every": 10_000, "checkpoint_every": 10_000, "dtype": "fp32", "threads": 1}
FINAL = ("succeeded", "failed", "cancelled")
SCRAPE_SECONDS = 1.0


class Sink(BaseHTTPRequestHandler):
    """A collector that throws away what it gets."""

    received = 0

    def do_POST(self) -> None:
        """Take an export."""
        Sink.received += len(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def collector() -> Iterator[str]:
    """Where spans can go."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def running(home: Path, **settings: str) -> Iterator[httpx.Client]:
    """A platform of its own, and a client of it."""
    env = {**os.environ, "ANNEAL_HOME": str(home), **settings}
    command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.removeprefix(READY).strip() for line in process.stdout if line.startswith(READY))
        headers = {"Authorization": f"Bearer {(home / 'api-key').read_text().strip()}"}
        try:
            yield httpx.Client(base_url=url, headers=headers, timeout=120)
        finally:
            process.terminate()


@contextmanager
def scraping(client: httpx.Client) -> Iterator[None]:
    """Ask for the metrics every second, as Prometheus would at its fastest."""
    ended = threading.Event()

    def scrape() -> None:
        while not ended.wait(SCRAPE_SECONDS):
            client.get("/metrics").raise_for_status()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def latency(clients: dict[str, httpx.Client], dataset: dict[str, str], requests: int) -> dict[str, float]:
    """Median seconds of GET /datasets/{id} through gateway and room, the platforms in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in clients}
    for round in range(requests + 20):
        for name in sorted(clients, reverse=bool(round % 2)):
            started = time.perf_counter()
            clients[name].get(f"/datasets/{dataset[name]}").raise_for_status()
            if round >= 20:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def speed(client: httpx.Client, dataset: str, steps: int, seed: int) -> float:
    """Tokens per second between a job's first step and its last, by the times of its records (half a second fine)."""
    body = {**JOB, "dataset": dataset, "max_steps": steps, "seed": seed}
    job = client.post("/training/jobs", json=body).raise_for_status().json()["id"]
    while (ended := client.get(f"/training/jobs/{job}").json())["state"] not in FINAL:
        time.sleep(0.5)
    assert ended["state"] == "succeeded", ended["detail"]
    records = client.get(f"/training/jobs/{job}/metrics").json()["records"]
    first, *_, last = (record for record in records if record["kind"] == "metric")
    took = datetime.fromisoformat(last["time"]) - datetime.fromisoformat(first["time"])
    return float((last["tokens"] - first["tokens"]) / took.total_seconds())


def counting(times: int = 20_000) -> float:
    """Seconds that counting one request costs."""
    requests = Requests(Metrics(), "anneal_http", "Requests")
    scope = {"type": "http", "method": "GET"}
    started = time.perf_counter()
    for _ in range(times):
        requests.observe("dataset", scope, "/datasets/{id}", 200, 0.01)
    return (time.perf_counter() - started) / times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer requests and jobs; under a minute")
    quick = parser.parse_args().quick
    requests, pairs, steps = (300, 1, 100) if quick else (1000, 4, 400)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoint = stack.enter_context(collector())
        clients = {
            "off": stack.enter_context(running(folder / "off")),
            "on": stack.enter_context(running(folder / "on", ANNEAL_OTLP_ENDPOINT=endpoint)),
        }
        dataset = {
            name: client.post("/datasets/upload", files={"file": (SAMPLE.name, SAMPLE.read_bytes())}).json()["id"]
            for name, client in clients.items()
        }
        stack.enter_context(scraping(clients["on"]))
        for name, client in clients.items():
            speed(client, dataset[name], 10, 0)  # tokenises, warms
        found = latency(clients, dataset, requests)
        order = [sorted(clients, reverse=bool(pair % 2)) for pair in range(pairs)]
        rates = [
            {name: speed(clients[name], dataset[name], steps, pair) for name in order[pair]} for pair in range(pairs)
        ]
    slower = statistics.median(pair["off"] / pair["on"] - 1 for pair in rates)
    added = found["on"] - found["off"]
    print(f"{'gateway → room, median':30}{found['off'] * 1e3:9.2f} ms off {found['on'] * 1e3:9.2f} ms on")
    print(f"{'  added':30}{added * 1e6:9.0f} µs      {added / found['off']:9.1%}   (aim: under 2 %)")
    print(f"{'  of it counting, off too':30}{counting() * 1e6:9.1f} µs")
    print(f"{'training, median':30}{statistics.median(p['off'] for p in rates):9.0f} tokens/s off")
    print(f"{'  slower by':30}{slower:9.1%}   (aim: under 2 %)")
    print(f"{'spans sent':30}{Sink.received / 1e6:9.2f} MB")
    result = {
        "latency_off_ms": round(found["off"] * 1e3, 3),
        "latency_on_ms": round(found["on"] * 1e3, 3),
        "latency_cost": round(added / found["off"], 4),
        "training_cost": round(slower, 4),
        "training_pairs": [{name: round(rate) for name, rate in pair.items()} for pair in rates],
        "limit": 0.02,
        "requests": requests,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
