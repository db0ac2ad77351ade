"""Every panel shows something of a real run, and every alert is evaluated and silent while all is well."""

import time
from pathlib import Path

import pytest
import yaml

from tests.observability.conftest import Run, await_scrape
from tests.observability.prometheus import promtool
from tests.observability.queries import FOLDER, Query, alerts, queries

GPU = "this machine has no GPU"
EMPTY = {"GPU memory": GPU, "GPU use": GPU}
"""Panels that may be empty, and why; their syntax is checked all the same."""
HAS_GPU = Path("/proc/driver/nvidia/gpus").exists()
ELSEWHERE = {"AnnealDiskFills": "tells of the disk of the machine that runs the tests"}
ON_A_LAPTOP = {"AnnealRoomMissing": "the one process has the gateway's name alone"}


@pytest.mark.parametrize("query", queries(), ids=str)
def test_the_panel_shows_something(run: Run, query: Query) -> None:
    expression = query.asked(round(run.until - run.since), run.prometheus.values_of)
    found = (
        [(labels, value) for labels, value in run.prometheus.ask(expression, run.until) if value == value]
        if query.instant
        else run.prometheus.ask_over(expression, run.since, run.until)
    )
    for labels, value in found[:3]:
        print(f"{query}: {labels} {value:g}")
    if query.panel not in EMPTY or HAS_GPU:
        assert found, expression


@pytest.mark.parametrize("name", alerts())
def test_the_alert_is_evaluated_and_silent_while_all_is_well(run: Run, name: str) -> None:
    run.prometheus.ask(alerts()[name])
    (rule,) = (rule for rule in run.prometheus.alerts() if rule["name"] == name)
    assert (rule["health"], rule.get("lastError", "")) == ("ok", "")
    if name not in ELSEWHERE and (run.distributed or name not in ON_A_LAPTOP):
        assert rule["state"] != "firing", rule  # pending: a busy machine may miss a scrape, and that is no alarm yet


def test_prometheus_reaches_every_process_with_our_configuration(run: Run) -> None:
    await_scrape(run.prometheus, time.time(), run.targets)  # on a busy machine one may miss a second
    assert len(run.prometheus.targets()) == run.targets
    promtool("check", "config", run.config)


def test_what_was_counted_is_what_was_done(run: Run) -> None:
    """Not only something: the figures of this run."""

    def value(expression: str) -> float:
        ((_, found),) = run.prometheus.ask(expression, run.until)
        return found

    assert value('max(anneal_jobs{kind="training", state="succeeded"})') == 1
    assert value('max(anneal_jobs_failed{kind="training", cause="nothing_to_train"})') == 1
    assert value('max(anneal_jobs{kind="evaluation", state="succeeded"})') == 1
    assert value('sum(anneal_events_published_total{type="training.succeeded.v1"})') >= 1, "at least once"
    assert value('sum(anneal_events_handled_total{type="training.succeeded.v1"})') >= 4
    assert value('sum(anneal_gateway_requests_total{route="/v1/chat/completions", status="200"})') == 4
    assert value('sum(anneal_inference_tokens_total{kind="answer"})') >= 4
    assert value("sum(anneal_training_tokens_total)") > 1000


def test_alerts_fire_when_something_is_wrong() -> None:
    promtool("check", "rules", FOLDER / "alerts.yml")
    scenarios = Path(__file__).parent / "alerts.yml"
    (told,) = (
        test["promql_expr_test"][0]["exp_samples"]
        for test in yaml.safe_load(scenarios.read_text())["tests"]
        if test["name"] == "everything is wrong"
    )
    assert {sample["labels"].split('"')[1] for sample in told} == set(alerts())
    print(promtool("test", "rules", scenarios))
