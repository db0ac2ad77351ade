"""Settings for all tests: no Hypothesis deadlines, and waiting torch threads sleep instead of spinning."""

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
for size in ("COLUMNS", "LINES"):  # set by a terminal or pytest-xdist; tests choose their own output width
    os.environ.pop(size, None)
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--platform`: workflows run on the embedded platform or on a local cluster."""
    parser.addoption(
        "--platform", choices=("embedded", "cluster"), default="embedded", help="platform that workflows run on"
    )
