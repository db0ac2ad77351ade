"""Dashboards and alerts use existing metrics, and the guide documents every alert."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import services.gateway.app
from deploy.embedded import BUILDERS
from shared.runtime.resources import open_resources
from shared.runtime.service import web_app
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Described
from tests.observability.queries import alerts, panels, queries
from tests.unit.deploy.files import ROOT, objects

GUIDE = (ROOT / "docs" / "guides" / "observability.md").read_text()
TITLES = {"platform", "events", "training", "serving"}
NOT_OURS = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[list[Described]]:
    """The metrics of all services in one process."""
    async with open_resources(Settings(home=tmp_path, warm_engines=False)) as resources:
        backends = [await build(resources) for build in BUILDERS]
        await services.gateway.app.build(resources, {each.name: web_app(each, resources) for each in backends})
        yield resources.metrics.catalogue


def test_metric_names_follow_prometheus_conventions(catalogue: list[Described]) -> None:
    for metric in catalogue:
        assert metric.name.endswith("_total") == (metric.type == "counter"), metric
        assert metric.type != "histogram" or metric.name.endswith("_seconds"), metric
        assert re.fullmatch(r"anneal_[a-z_]+", metric.name), metric


def names_in(expression: str) -> Iterator[str]:
    """Yield the metric names in an expression."""
    bare = re.sub(r'"[^"]*"|by \([^)]*\)', "", expression)
    yield from re.findall(r"\b(?:anneal_|process_)\w+|\bup\b", bare)


def test_panels_alerts_and_autoscaling_use_existing_metrics(catalogue: list[Described]) -> None:
    known = NOT_OURS | {each.name + suffix for each in catalogue for suffix in SUFFIXES[each.type]}
    scaling = [trigger["metadata"]["query"] for trigger in objects("ScaledObject")["training"]["spec"]["triggers"]]
    for expression in [*(query.expression for query in queries()), *alerts().values(), *scaling]:
        found = set(names_in(expression))
        assert found, expression
        assert found <= known, expression


def test_every_panel_has_a_description_and_a_unit() -> None:
    assert {dashboard for dashboard, _ in panels()} == TITLES
    for dashboard, panel in panels():
        assert panel["description"].endswith("."), (dashboard, panel["title"])
        assert panel["fieldConfig"]["defaults"]["unit"], (dashboard, panel["title"])


def test_guide_documents_every_alert() -> None:
    assert re.findall(r"^\| (Anneal\w+) \| .+ \| .+ \|$", GUIDE, re.M) == list(alerts())
