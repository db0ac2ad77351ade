"""What all tests share: no time is judged, and threads of torch that wait sleep instead of spinning on shared cores."""

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
for size in ("COLUMNS", "LINES"):  # a terminal's, or pytest-xdist's: tests choose the width of what is printed
    os.environ.pop(size, None)
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Journeys run on a laptop's platform, or on real servers with two replicas of each room."""
    parser.addoption("--platform", choices=("embedded", "cluster"), default="embedded", help="what journeys run on")
