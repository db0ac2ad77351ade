"""On a real run, every panel shows data, and no alert fires while the platform is healthy."""

import time
from pathlib import Path

import pytest
import yaml

from tests.observability.conftest import Run, await_scrape
from tests.observability.prometheus import promtool
from tests.observability.queries import FOLDER, Query, alerts, queries

GPU = "this machine has no GPU"
MAY_BE_EMPTY = {"GPU memory": GPU, "GPU utilization": GPU}
"""Panels that may be empty, and why; their queries must still be valid."""
HAS_GPU = Path("/proc/driver/nvidia/gpus").exists()
MAY_FIRE = {"AnnealDiskFills": "depends on the disk of the machine that runs the tests"}
MAY_FIRE_EMBEDDED = {"AnnealRoomMissing": "the embedded process has only the service name of the gateway"}


@pytest.mark.parametrize("query", queries(), ids=str)
def test_panel_shows_data(run: Run, query: Query) -> None:
    expression = query.interpolate(round(run.until - run.since), run.prometheus.values_of)
    found = (
        [(labels, value) for labels, value in run.prometheus.query(expression, run.until) if value == value]
        if query.instant
        else run.prometheus.query_range(expression, run.since, run.until)
    )
    for labels, value in found[:3]:
        print(f"{query}: {labels} {value:g}")
    if query.panel not in MAY_BE_EMPTY or HAS_GPU:
        assert found, expression


@pytest.mark.parametrize("name", alerts())
def test_alert_does_not_fire_on_a_healthy_platform(run: Run, name: str) -> None:
    run.prometheus.query(alerts()[name])
    (rule,) = (rule for rule in run.prometheus.alerts() if rule["name"] == name)
    assert (rule["health"], rule.get("lastError", "")) == ("ok", "")
    if name not in MAY_FIRE and (run.distributed or name not in MAY_FIRE_EMBEDDED):
        assert rule["state"] != "firing", rule  # "pending" is allowed: a busy machine may miss a scrape


def test_prometheus_scrapes_every_process(run: Run) -> None:
    await_scrape(run.prometheus, time.time(), run.targets)  # a busy machine may miss a scrape
    assert len(run.prometheus.targets()) == run.targets
    promtool("check", "config", run.config)


def test_metrics_equal_the_work_of_the_run(run: Run) -> None:
    """The metrics have the exact values of this run."""

    def value(expression: str) -> float:
        ((_, found),) = run.prometheus.query(expression, run.until)
        return found

    assert value('max(anneal_jobs{kind="training", state="succeeded"})') == 1
    assert value('max(anneal_jobs_failed{kind="training", cause="nothing_to_train"})') == 1
    assert value('max(anneal_jobs{kind="evaluation", state="succeeded"})') == 1
    assert value('sum(anneal_events_published_total{type="training.succeeded.v1"})') >= 1, "at least once"
    assert value('sum(anneal_events_handled_total{type="training.succeeded.v1"})') >= 4
    assert value('sum(anneal_gateway_requests_total{route="/v1/chat/completions", status="200"})') == 4
    assert value('sum(anneal_inference_tokens_total{kind="answer"})') >= 4
    assert value("sum(anneal_training_tokens_total)") > 1000


def test_alerts_fire_in_the_failure_scenario() -> None:
    promtool("check", "rules", FOLDER / "alerts.yml")
    scenarios = Path(__file__).parent / "alerts.yml"
    (expected,) = (
        test["promql_expr_test"][0]["exp_samples"]
        for test in yaml.safe_load(scenarios.read_text())["tests"]
        if test["name"] == "everything is wrong"
    )
    assert {sample["labels"].split('"')[1] for sample in expected} == set(alerts())
    print(promtool("test", "rules", scenarios))
