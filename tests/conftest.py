"""Threads of torch that wait must sleep, not spin: on shared cores the tests would take many times as long."""

import os

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Journeys run on a laptop's platform, or on real servers with two replicas of each room."""
    parser.addoption("--platform", choices=("embedded", "town"), default="embedded", help="what journeys run on")
