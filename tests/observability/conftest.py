"""The dashboards' and alerts' own tests: on real servers and a real Prometheus; `make test-observability` runs them."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """They need a town."""
    if config.getoption("platform") == "town":
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="needs real servers and Prometheus: make test-observability"))
