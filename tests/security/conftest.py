"""Hostile input against a running platform: minutes, and run with `make test-security`."""

import os
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.security.tenants import Measured, Tenants
from tests.support.tiny_model import make_tiny_model
from tests.workflows.conftest import Embedded, Platform

collect_ignore_glob = [] if os.environ.get("ANNEAL_TEST_SECURITY") else ["test_*.py"]
SAMPLE_S = 0.1
MEASURED: list[Measured] = []


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a sound model."""
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "sound")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="session")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """An embedded platform with an attacker and another tenant."""
    platform = Embedded(tmp_path_factory.mktemp("security") / "home")
    platform.start()
    try:
        wanted = [{"name": name, "project": name, "scopes": ["admin"]} for name in ("attacker", "other")]
        keys = [platform.post("/auth/keys", body)["key"] for body in wanted]
        url = str(platform.http.base_url)
        assert platform.process is not None
        yield Tenants(*(Platform(url, key) for key in keys), platform, psutil.Process(platform.process.pid))
    finally:
        assert platform.stop() == 0


@pytest.fixture
def measured(request: pytest.FixtureRequest, tenants: Tenants) -> Iterator[Measured]:
    """Sample the memory of the platform's processes during the test."""
    found, ended = Measured(request.node.name), threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_S):
            found.peak = max(found.peak, tenants.memory())

    thread = threading.Thread(target=sample)
    thread.start()
    started = time.perf_counter()
    yield found
    found.seconds = time.perf_counter() - started
    ended.set()
    thread.join()
    MEASURED.append(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the slowest items, and the most that any took."""
    for found in sorted(MEASURED, key=lambda entry: -entry.seconds)[:15]:
        terminalreporter.write_line(str(found))
    if MEASURED:
        peak, slowest = max(found.peak for found in MEASURED), max(found.other for found in MEASURED)
        terminalreporter.write_line(f"peak memory {peak >> 20} MiB; slowest answer to another tenant {slowest:.2f} s")
