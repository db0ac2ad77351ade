"""The queries of our dashboards and alerts as Grafana and Prometheus would ask them."""

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
WIDTH = 1000
"""Points that a panel has room for."""
VARIABLE = re.compile(r"label_values\((?P<metric>\w+), *(?P<label>\w+)\)")


@dataclass(frozen=True)
class Query:
    """One query of one panel, its variables not yet replaced.

    `variables` has the dashboard's own: their names, and the queries that list their values.
    """

    dashboard: str
    panel: str
    expression: str
    instant: bool
    variables: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}"

    def asked(self, shown: int, values_of: Callable[[str, str], list[str]]) -> str:
        """As Grafana sends it for `shown` seconds with every variable on "All".

        `values_of(metric, label)` lists a label's values.
        """
        filled = self.expression
        for name, value in built_in(shown).items():
            filled = filled.replace(name, value)
        for name, query in self.variables.items():
            found = VARIABLE.fullmatch(query)
            assert found, query
            values = [re.escape(value) for value in values_of(found["metric"], found["label"])]
            assert values, f"{self}: ${name} has no values"
            filled = filled.replace(f"${name}", f"({'|'.join(values)})".replace("\\", "\\\\"))
        assert "$" not in filled, filled
        return filled


def built_in(shown: int) -> dict[str, str]:
    """Grafana's own variables: a rate looks back over four scrapes at least, else a point and a scrape."""
    rate = max(shown // WIDTH + SCRAPE_INTERVAL, 4 * SCRAPE_INTERVAL)
    return {"$__rate_interval": f"{rate}s", "$__range": f"{shown}s"}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel with its dashboard's name."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield path.stem, panel


def queries() -> list[Query]:
    """Every query of every panel."""
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
