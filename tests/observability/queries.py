"""The queries of the dashboards and alerts, as Grafana and Prometheus send them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "observability"
DASHBOARDS = sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))
SCRAPE_INTERVAL = 1
MAX_DATA_POINTS = 1000
"""Data points of a panel."""
VARIABLE = re.compile(r"label_values\((?P<metric>\w+), *(?P<label>\w+)\)")


@dataclass(frozen=True)
class Query:
    """One query of a panel, before its variables are replaced.

    `variables` maps each dashboard variable to the query that lists its values.
    """

    dashboard: str
    panel: str
    expression: str
    instant: bool
    variables: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}"

    def interpolate(self, range_s: int, values_of: Callable[[str, str], list[str]]) -> str:
        """Return the expression as Grafana sends it for a range of `range_s` seconds, with every variable set to "All".

        `values_of(metric, label)` lists a label's values.
        """
        filled = self.expression
        for name, value in built_in(range_s).items():
            filled = filled.replace(name, value)
        for name, query in self.variables.items():
            found = VARIABLE.fullmatch(query)
            assert found, query
            values = [re.escape(value) for value in values_of(found["metric"], found["label"])]
            assert values, f"{self}: ${name} has no values"
            filled = filled.replace(f"${name}", f"({'|'.join(values)})".replace("\\", "\\\\"))
        assert "$" not in filled, filled
        return filled


def built_in(range_s: int) -> dict[str, str]:
    """Return Grafana's built-in variables; the rate interval is max(step + scrape interval, 4 x scrape interval)."""
    rate = max(range_s // MAX_DATA_POINTS + SCRAPE_INTERVAL, 4 * SCRAPE_INTERVAL)
    return {"$__rate_interval": f"{rate}s", "$__range": f"{range_s}s"}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every panel with the name of its dashboard."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield path.stem, panel


def queries() -> list[Query]:
    """Return every query of every panel."""
    variables = {
        path.stem: {v["name"]: v["query"]["query"] for v in json.loads(path.read_text())["templating"]["list"]}
        for path in DASHBOARDS
    }
    return [
        Query(dashboard, panel["title"], target["expr"], target.get("instant", False), variables[dashboard])
        for dashboard, panel in panels()
        for target in panel["targets"]
    ]


def alerts() -> dict[str, str]:
    """Every alert's expression."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
