"""Settings for all tests: order, no Hypothesis deadlines, and waiting torch threads sleep instead of spinning."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
for size in ("COLUMNS", "LINES"):  # set by a terminal or pytest-xdist; tests choose their own output width
    os.environ.pop(size, None)
WORKFLOWS = "tests/workflows/"
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--platform`: workflows run on the embedded platform or on a local cluster."""
    parser.addoption(
        "--platform", choices=("embedded", "cluster"), default="embedded", help="platform that workflows run on"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workflows begin first: they take longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(WORKFLOWS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute by file, but all workflows to one process: they share a platform, whose start takes seconds."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return WORKFLOWS if nodeid.startswith(WORKFLOWS) else super()._split_scope(nodeid)

    return Scheduling(config, log)
