"""Every panel of every dashboard and every alert, evaluated by a real Prometheus against a town that has worked."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.town import servers, town
from tests.journeys.conftest import Platform
from tests.observability.prometheus import SHIPPED, Prometheus, prometheus

SAMPLE = Path(__file__).parents[2] / "services/dataset/samples/triage.jsonl"
GRAFANA = {"$__rate_interval": "30s", "$__range": "10m", "$room": ".*", "$kind": ".*"}
"""What Grafana puts in for its variables where all is chosen."""
NEEDS_GPU = "anneal_gpu_"
"""No machine of these tests has a GPU: such expressions must only be understood."""
PATIENCE = 90


def panels() -> Iterator[tuple[str, str]]:
    """(dashboard / panel, expression) of every query, with Grafana's variables put in."""
    for file in sorted(SHIPPED.glob("grafana/dashboards/*.json")):
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"]
                for name, value in GRAFANA.items():
                    expression = expression.replace(name, value)
                yield f"{file.stem} / {panel['title']}", expression


def walk(platform: Platform) -> None:
    """The road in its shortest form, and a job that fails."""
    dataset = platform.upload(SAMPLE.name, SAMPLE.read_bytes(), name="triage").json()
    request = {"dataset": dataset["id"], "max_steps": 6, "eval_every": 3, "after": ["evaluate", "deploy"]}
    job = platform.post("/training/jobs", request)
    ended = platform.until(f"/training/jobs/{job['id']}", lambda j: j["state"] in ("succeeded", "failed"))
    assert ended["state"] == "succeeded", ended["detail"]
    platform.until("/evaluations", lambda page: all(run["state"] == "succeeded" for run in page["items"]))
    ask = {"model": ended["model_id"], "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
    platform.post("/v1/chat/completions", ask)
    doomed = platform.post("/training/jobs", {**request, "max_length": 8, "after": []})
    failed = platform.until(f"/training/jobs/{doomed['id']}", lambda j: j["state"] in ("succeeded", "failed"))
    assert failed["cause"] == "nothing_to_train"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has watched a town walk the road."""
    folder = tmp_path_factory.mktemp("observability")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ANNEAL_WARM_ENGINES", "false")
        environment.setenv("ANNEAL_METRICS_TOKEN", token := "scrapes-and-nothing-else")
        with (
            servers(folder / "servers") as addresses,
            town(folder / "home", addresses) as up,
            prometheus(folder / "prometheus", up.rooms, token) as watching,
        ):
            walk(Platform(up.url, up.key))
            yield watching


def empty(watching: Prometheus, expressions: dict[str, str]) -> dict[str, str]:
    return {name: expression for name, expression in expressions.items() if not watching.query(expression)}


def test_no_panel_is_empty(measured: Prometheus) -> None:
    waiting = {f"{name}: {query}": query for name, query in panels() if NEEDS_GPU not in query}
    assert len(waiting) > 30
    deadline = time.monotonic() + PATIENCE
    while (waiting := empty(measured, waiting)) and time.monotonic() < deadline:
        time.sleep(1)  # one scrape
    assert not waiting, "\n".join(waiting)


def test_panels_for_gpus_are_understood(measured: Prometheus) -> None:
    queries = [query for _, query in panels() if NEEDS_GPU in query]
    assert queries
    assert [measured.query(query) for query in queries] == [[]] * len(queries)


def test_every_alert_is_evaluated_and_asks_for_what_exists(measured: Prometheus) -> None:
    deadline = time.monotonic() + PATIENCE
    rules: list[dict[str, Any]] = measured.rules()
    while any(rule["health"] == "unknown" for rule in rules) and time.monotonic() < deadline:
        time.sleep(1)
        rules = measured.rules()
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
    asked = {name for rule in rules for name in re.findall(r"\banneal_[a-z_]+\b|\bup\b", rule["query"])}
    assert {name for name in asked - measured.names() if NEEDS_GPU not in name} == set()


def test_a_healthy_town_raises_no_alarm(measured: Prometheus) -> None:
    assert [rule["name"] for rule in measured.rules() if rule["state"] == "firing"] == []


def test_what_we_ship_is_valid() -> None:
    assert shutil.which("promtool"), "install Debian's package prometheus"
    for command in (["check", "rules", "alerts.yml"], ["check", "config", "--syntax-only", "prometheus.yml"]):
        done = subprocess.run(["promtool", *command], cwd=SHIPPED, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
