"""Latency that a gateway adds to a request: ours and LiteLLM's proxy, compared with no gateway.

The upstream answers at once and always the same, so any difference is the gateway's. Both gateways run as one process,
check a key and look up the upstream of a model; ours also exports spans to a collector. Requests run one at a time, in
random order within a round, and differences are taken within a round.

    python benchmarks/serving_gateway.py OTHER_CHECKOUT

compares this checkout's gateway with that of another revision instead.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from peers import LITELLM, environment
from telemetry import collector

from deploy.servers import free_port

HERE = Path(__file__).resolve().parent
KEY = f"sk-{secrets.token_hex(32)}"
READY_TIMEOUT_S = 120.0
WARMUP_ROUNDS, ROUNDS = 20, 1000
BODY = {"model": "upstream", "messages": [{"role": "user", "content": "My card was charged twice. What now?"}]}


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Added milliseconds by kind of answer and gateway, and the latency of the upstream alone."""
    with ExitStack() as stack:
        clients = start_candidates(folder, stack)
        return {kind: _added_latency(clients, rounds, stream=kind == "sse") for kind in ("json", "sse")}


def main(other: Path) -> None:
    """Print the added latency of both revisions' gateways."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        upstream = _start_upstream(stack)
        trees = {"ours": HERE.parent, "other": other}
        urls = {name: _start_gateway(Path(folder) / name, upstream, stack, tree) for name, tree in trees.items()}
        clients = _clients({"direct": upstream, **urls}, stack)
        for kind in ("json", "sse"):
            print(kind, json.dumps(_added_latency(clients, ROUNDS, stream=kind == "sse")))


def start_candidates(folder: Path, stack: ExitStack) -> dict[str, httpx.Client]:
    """Start the upstream, our gateway and LiteLLM's proxy until the stack ends; returns a client of each."""
    upstream = _start_upstream(stack)
    gateway = _start_gateway(folder / "gateway", upstream, stack, HERE.parent)
    litellm = stack.enter_context(
        _server(_litellm_command(folder, upstream), {"LITELLM_LOG": "ERROR"}, "/health/liveliness")
    )
    return _clients({"direct": upstream, "ours": gateway, "litellm": litellm}, stack)


def _start_upstream(stack: ExitStack) -> str:
    return stack.enter_context(_server([sys.executable, str(HERE / "serving_upstream.py")], {}, "/healthz"))


def _start_gateway(home: Path, upstream: str, stack: ExitStack, tree: Path) -> str:
    settings = {
        "ANNEAL_HOME": str(home),
        "ANNEAL_SERVICES": f"inference={upstream}",
        "ANNEAL_OPERATOR_KEY": KEY,
        "ANNEAL_OTLP_ENDPOINT": stack.enter_context(collector()),
    }
    return stack.enter_context(_server([sys.executable, "-m", "services.gateway"], settings, "/healthz", tree))


def _clients(urls: Mapping[str, str], stack: ExitStack) -> dict[str, httpx.Client]:
    headers = {"Authorization": f"Bearer {KEY}"}
    return {name: stack.enter_context(httpx.Client(base_url=url, headers=headers)) for name, url in urls.items()}


def _litellm_command(folder: Path, upstream: str) -> list[str]:
    parameters = {"model": "openai/upstream", "api_base": f"{upstream}/v1", "api_key": KEY}
    settings = {
        "model_list": [{"model_name": "upstream", "litellm_params": parameters}],
        "general_settings": {"master_key": KEY},
    }
    config = folder / "litellm.yaml"
    config.write_text(json.dumps(settings))
    return [str(environment(LITELLM).parent / "litellm"), "--config", str(config), "--num_workers", "1"]


@contextmanager
def _server(
    command: Sequence[str], settings: Mapping[str, str], path: str, folder: Path | None = None
) -> Iterator[str]:
    """Run a server process in `folder`; yields its address once it answers at `path`."""
    port = free_port()
    ours = "litellm" not in command[0]
    with subprocess.Popen(
        [*command] if ours else [*command, "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **settings, "ANNEAL_PORT": str(port)},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if "ANNEAL_BENCH_DEBUG" not in os.environ else None,
    ) as process:
        try:
            yield _wait_until_ready(f"http://127.0.0.1:{port}", path, process)
        finally:
            process.terminate()


def _wait_until_ready(url: str, path: str, process: Any) -> str:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url + path).is_success:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{process.args} does not answer; ANNEAL_BENCH_DEBUG=1 shows why")


def _added_latency(clients: Mapping[str, httpx.Client], rounds: int, *, stream: bool) -> dict[str, Any]:
    chance, taken = random.Random(0), {name: list[float]() for name in clients}
    for number in range(WARMUP_ROUNDS + rounds):
        for name in chance.sample(sorted(clients), len(clients)):
            seconds = _time_request(clients[name], stream=stream)
            if number >= WARMUP_ROUNDS:
                taken[name].append(seconds)
    direct = taken.pop("direct")
    found = {
        name: _quantiles([one - other for one, other in zip(mine, direct, strict=True)]) for name, mine in taken.items()
    }
    return {"direct": _quantiles(direct), **found, "rounds": rounds}


def _time_request(client: httpx.Client, *, stream: bool) -> float:
    """Seconds from the request to the last byte of its answer."""
    started = time.perf_counter()
    response = client.post("/v1/chat/completions", json={**BODY, "stream": stream})
    seconds = time.perf_counter() - started
    assert response.is_success, response.text
    assert not stream or response.text.rstrip().endswith("[DONE]"), response.text
    return seconds


def _quantiles(seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": round(1000 * statistics.median(seconds), 3), "p99_ms": round(1000 * cuts[98], 3)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
