"""Dashboards, alerts and traces on a real Prometheus and real servers: `make test-observability`."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local_cluster import missing_programs, run_cluster, run_servers
from tests.observability.prometheus import Prometheus, configuration, prometheus
from tests.workflows.conftest import ROOT, Embedded, Platform

TOKEN = "for-prometheus-alone"
REPLICAS = 2
Targets = dict[str, list[tuple[str, str]]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests of this folder unless they run on a local cluster."""
    if config.getoption("platform") == "cluster":
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="needs real servers and Prometheus: make test-observability"))


@dataclass(frozen=True)
class Run:
    """A platform that ran a workflow, and the Prometheus server that scraped it from `since` to `until` (Unix time)."""

    prometheus: Prometheus
    config: Path
    since: float
    until: float
    distributed: bool
    targets: int
    """Number of scrape targets."""


@pytest.fixture(scope="session", params=["embedded", "cluster"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run the workflow on the embedded platform and on a local cluster, scraped by a Prometheus server."""
    folder = tmp_path_factory.mktemp("observability")
    distributed = request.param == "cluster"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANNEAL_METRICS_TOKEN", TOKEN)
        patch.setenv("ANNEAL_WARM_ENGINES", "false")
        with (on_local_cluster if distributed else on_embedded_platform)(folder) as (platform, targets):
            config = configuration(folder, TOKEN, targets)
            with prometheus(folder / "prometheus", config) as server:
                count = sum(map(len, targets.values()))
                await_scrape(server, time.time(), count)
                since = time.time()
                run_workflow(platform)
                await_scrape(server, time.time(), count)
                yield Run(server, config, since, time.time(), distributed, count)


@contextmanager
def on_embedded_platform(folder: Path) -> Iterator[tuple[Platform, Targets]]:
    """One process, scraped by the `gateway` job."""
    platform = Embedded(folder / "home")
    platform.start()
    try:
        yield platform, {"gateway": [("gateway", platform.http.base_url.netloc.decode())]}
    finally:
        assert platform.stop() == 0


@contextmanager
def on_local_cluster(folder: Path) -> Iterator[tuple[Platform, Targets]]:
    """Two replicas of each service."""
    assert not missing_programs(), f"not installed: {missing_programs()}"
    with (
        run_servers(folder / "servers") as addresses,
        run_cluster(folder / "home", addresses, replicas=REPLICAS) as cluster,
    ):
        found = {
            name: [(name, replica.url.removeprefix("http://")) for replica in replicas]
            for name, replicas in cluster.replicas.items()
        }
        targets = {"gateway": found.pop("gateway"), "rooms": [one for each in found.values() for one in each]}
        yield Platform(cluster.url, cluster.key), targets


def await_scrape(server: Prometheus, moment: float, targets: int) -> None:
    """Wait until every target was scraped twice after `moment`, so that rates cover everything before it."""
    deadline = time.monotonic() + 120
    for after in (moment, None):
        after = after or time.time()
        while sum(at > after for _, at in server.query("timestamp(up == 1)")) < targets:
            assert time.monotonic() < deadline, server.targets()
            time.sleep(0.1)


def ended(work: dict[str, Any]) -> bool:
    return work["state"] in ("succeeded", "failed", "cancelled")


def run_workflow(platform: Platform) -> None:
    """Upload, train, evaluate, export and chat, plus one job that fails."""
    sample = ROOT / "services" / "dataset" / "samples" / "triage.jsonl"
    rows = sample.read_bytes().splitlines(keepends=True)[:60]
    uploaded = platform.upload(sample.name, b"".join(rows), name="triage")
    assert uploaded.is_success, uploaded.text
    dataset = uploaded.json()
    request = {"dataset": dataset["id"], "method": "lora", "max_steps": 8, "after": ["deploy"]}
    job = platform.until(f"/training/jobs/{platform.post('/training/jobs', request)['id']}", ended)
    assert job["state"] == "succeeded", job["detail"]
    model = job["model_id"]
    failing = platform.post("/training/jobs", {**request, "max_length": 8, "after": []})
    assert platform.until(f"/training/jobs/{failing['id']}", ended)["cause"] == "nothing_to_train"
    evaluation = platform.post(f"/models/custom/{model}/evaluate", {"rows": 2, "max_new_tokens": 8})
    assert platform.until(f"/evaluations/{evaluation['id']}", ended)["state"] == "succeeded"
    export = platform.post(f"/models/custom/{model}/exports", {"format": "adapter"})
    assert platform.until(f"/exports/{export['id']}", ended)["state"] == "succeeded"
    message = json.loads(rows[0])["messages"][0]
    for _ in range(4):  # spread out, so that several scrapes see the counters increase
        platform.post("/v1/chat/completions", {"model": model, "messages": [message], "max_tokens": 16})
        time.sleep(1.5)
