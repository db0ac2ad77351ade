"""Fixtures for end-to-end workflows over HTTP: the embedded platform, or a local cluster on real servers.

`--platform cluster` runs the workflows that use the `platform` fixture on two replicas of every service. Tests that
kill and restart the platform always use the embedded one.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local_cluster import missing_programs, run_cluster, run_servers

ROOT = Path(__file__).parents[2]
collect_ignore = ["test_alias_kills.py", "test_aliases.py", "test_restart.py", "test_tools.py", "test_trace.py"]
"""Together they take three minutes: `make test-workflows` names them."""
READY = "Anneal is ready at "
REPLICAS = 2


class Platform:
    """An HTTP client of a platform, with its address and key."""

    def __init__(self, url: str = "", key: str = "") -> None:
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120)

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a GET that must succeed."""
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON of a POST that must succeed."""
        response = self.http.post(path, json=body)
        assert response.is_success, response.text
        return response.json()

    def upload(self, file_name: str, content: bytes, **fields: str) -> httpx.Response:
        """Upload a file to POST /datasets/upload."""
        return self.http.post("/datasets/upload", files={"file": (file_name, content)}, data=fields)

    def until(self, path: str, condition: Callable[[Any], bool], seconds: float = 240, **query: Any) -> Any:
        """Poll a resource until it satisfies the condition, and return it."""
        deadline = time.monotonic() + seconds
        while not condition(found := self.get(path, **query)):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found


class Embedded(Platform):
    """An embedded platform: one data directory and the process that serves it."""

    def __init__(self, home: Path, **settings: str) -> None:
        super().__init__()
        self.home, self.settings = home, settings
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start on a free port and wait for the line that prints the address."""
        command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
        env = {**os.environ, "ANNEAL_HOME": str(self.home), **self.settings}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        url = next(line.removeprefix(READY).strip() for line in self.process.stdout if line.startswith(READY))
        self.http = Platform(url, (self.home / "api-key").read_text().strip()).http

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not exited."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Kill the root process with SIGKILL; its children must detect that and exit."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Stop the platform with SIGTERM and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """One embedded platform for all workflows, because every start imports torch."""
    started = Embedded(tmp_path_factory.mktemp("shared") / "home")
    started.start()
    started.until("/v1/models", lambda models: models["data"])  # seedling is being published
    yield started
    if started.is_running:
        assert started.stop() == 0


@pytest.fixture
def embedded(shared_platform: Embedded) -> Embedded:
    """The shared embedded platform, which contains data of earlier tests; a test may kill and restart it."""
    if not shared_platform.is_running:  # an earlier test failed between kill and start
        shared_platform.start()
    return shared_platform


@pytest.fixture
def platform(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """The platform that `--platform` selects."""
    if request.config.getoption("platform") == "embedded":
        yield request.getfixturevalue("embedded")
        return
    assert not missing_programs(), f"not installed: {missing_programs()}"
    monkeypatch.setenv("ANNEAL_WARM_ENGINES", "false")  # most replicas never run an engine here
    with (
        run_servers(tmp_path / "servers") as addresses,
        run_cluster(tmp_path / "home", addresses, replicas=REPLICAS) as cluster,
    ):
        yield Platform(cluster.url, cluster.key)
