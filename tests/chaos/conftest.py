"""The storm's own tests: on real servers, a minute or two each; `make test-cluster` runs them."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """They need a town."""
    if config.getoption("platform") == "cluster":
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="needs real servers: make test-cluster"))
