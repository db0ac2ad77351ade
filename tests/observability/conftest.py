"""What operators see, on a real Prometheus and real servers: a lane of its own, `make test-observability`."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local_cluster import missing, servers, town
from tests.observability.prometheus import Prometheus, configuration, prometheus
from tests.workflows.conftest import ROOT, Embedded, Platform

TOKEN = "for-prometheus-alone"
REPLICAS = 2
Targets = dict[str, list[tuple[str, str]]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """They need a town."""
    if config.getoption("platform") == "cluster":
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="needs real servers and Prometheus: make test-observability"))


@dataclass(frozen=True)
class Run:
    """A platform that did its work, and what Prometheus saw of it between two moments (seconds since 1970)."""

    prometheus: Prometheus
    config: Path
    since: float
    until: float
    distributed: bool
    targets: int
    """Addresses that it was told to scrape."""


@pytest.fixture(scope="session", params=["embedded", "cluster"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The main road in one process, and on servers, under the eyes of a Prometheus server."""
    folder = tmp_path_factory.mktemp("observability")
    distributed = request.param == "cluster"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANNEAL_METRICS_TOKEN", TOKEN)
        patch.setenv("ANNEAL_WARM_ENGINES", "false")
        with (on_servers if distributed else on_a_laptop)(folder) as (platform, targets):
            config = configuration(folder, TOKEN, targets)
            with prometheus(folder / "prometheus", config) as server:
                count = sum(map(len, targets.values()))
                await_scrape(server, time.time(), count)
                since = time.time()
                walk(platform)
                await_scrape(server, time.time(), count)
                yield Run(server, config, since, time.time(), distributed, count)


@contextmanager
def on_a_laptop(folder: Path) -> Iterator[tuple[Platform, Targets]]:
    """One process, which the gateway's job scrapes."""
    platform = Embedded(folder / "home")
    platform.start()
    try:
        yield platform, {"gateway": [("gateway", platform.http.base_url.netloc.decode())]}
    finally:
        assert platform.stop() == 0


@contextmanager
def on_servers(folder: Path) -> Iterator[tuple[Platform, Targets]]:
    """Two replicas of each room."""
    assert not missing(), f"not installed: {missing()}"
    with servers(folder / "servers") as addresses, town(folder / "home", addresses, replicas=REPLICAS) as up:
        found = {name: [(name, one.url.removeprefix("http://")) for one in rooms] for name, rooms in up.rooms.items()}
        gateways = found.pop("gateway")
        yield Platform(up.url, up.key), {"gateway": gateways, "rooms": [one for each in found.values() for one in each]}


def await_scrape(server: Prometheus, moment: float, targets: int) -> None:
    """Wait until each of so many targets was scraped twice after `moment`: rates then know what happened before."""
    deadline = time.monotonic() + 120
    for after in (moment, None):
        after = after or time.time()
        while sum(at > after for _, at in server.ask("timestamp(up == 1)")) < targets:
            assert time.monotonic() < deadline, server.targets()
            time.sleep(0.1)


def ended(work: dict[str, Any]) -> bool:
    return work["state"] in ("succeeded", "failed", "cancelled")


def walk(platform: Platform) -> None:
    """Upload, train, evaluate, export, chat; and a job that fails."""
    sample = ROOT / "services" / "dataset" / "samples" / "triage.jsonl"
    rows = sample.read_bytes().splitlines(keepends=True)[:60]
    uploaded = platform.upload(sample.name, b"".join(rows), name="triage")
    assert uploaded.is_success, uploaded.text
    dataset = uploaded.json()
    asked = {"dataset": dataset["id"], "method": "lora", "max_steps": 8, "after": ["deploy"]}
    job = platform.until(f"/training/jobs/{platform.post('/training/jobs', asked)['id']}", ended)
    assert job["state"] == "succeeded", job["detail"]
    model = job["model_id"]
    doomed = platform.post("/training/jobs", {**asked, "max_length": 8, "after": []})
    assert platform.until(f"/training/jobs/{doomed['id']}", ended)["cause"] == "nothing_to_train"
    evaluation = platform.post(f"/models/custom/{model}/evaluate", {"rows": 2, "max_new_tokens": 8})
    assert platform.until(f"/evaluations/{evaluation['id']}", ended)["state"] == "succeeded"
    export = platform.post(f"/models/custom/{model}/exports", {"format": "adapter"})
    assert platform.until(f"/exports/{export['id']}", ended)["state"] == "succeeded"
    message = json.loads(rows[0])["messages"][0]
    for _ in range(4):  # a little apart, so that more than one scrape sees them grow
        platform.post("/v1/chat/completions", {"model": model, "messages": [message], "max_tokens": 16})
        time.sleep(1.5)
