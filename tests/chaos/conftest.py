"""Chaos tests on real servers, one to two minutes each: `make test-cluster`."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests of this folder unless they run on a local cluster."""
    if config.getoption("platform") == "cluster":
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="needs real servers: make test-cluster"))
