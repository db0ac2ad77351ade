"""The platform as a stranger has it, reached over HTTP: one process on a laptop, or a town of rooms on real servers.

`--platform cluster` runs the workflows that fit both on two replicas of every service; what kills and restarts the one
process of a laptop stays embedded.
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

from deploy.local_cluster import missing, servers, town

ROOT = Path(__file__).parents[2]
READY = "Anneal is ready at "
REPLICAS = 2


class Platform:
    """Something that answers at one address to one key."""

    def __init__(self, url: str = "", key: str = "") -> None:
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET that must succeed."""
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        """The JSON of a POST that must succeed."""
        response = self.http.post(path, json=body)
        assert response.is_success, response.text
        return response.json()

    def upload(self, file_name: str, content: bytes, **fields: str) -> httpx.Response:
        """A file to POST /datasets/upload."""
        return self.http.post("/datasets/upload", files={"file": (file_name, content)}, data=fields)

    def until(self, path: str, condition: Callable[[Any], bool], seconds: float = 240) -> Any:
        """Poll a resource, as any HTTP client must, until it satisfies the condition."""
        deadline = time.monotonic() + seconds
        while not condition(found := self.get(path)):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found


class Embedded(Platform):
    """One data directory and the process that serves it."""

    def __init__(self, home: Path, **settings: str) -> None:
        super().__init__()
        self.home, self.settings = home, settings
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start on a free port and wait for the line that says where."""
        command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
        env = {**os.environ, "ANNEAL_HOME": str(self.home), **self.settings}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        url = next(line.removeprefix(READY).strip() for line in self.process.stdout if line.startswith(READY))
        self.http = Platform(url, (self.home / "api-key").read_text().strip()).http

    @property
    def runs(self) -> bool:
        """It was started, and has not ended since."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9 of the whole process tree's root: the children must notice by themselves."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, as an operator would; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)


@pytest.fixture(scope="session")
def one_laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """An embedded platform for all journeys: each start imports torch."""
    shared = Embedded(tmp_path_factory.mktemp("laptop") / "home")
    shared.start()
    yield shared
    if shared.runs:
        assert shared.stop() == 0


@pytest.fixture
def laptop(one_laptop: Embedded) -> Embedded:
    """The embedded platform, with what other journeys left there; a test may kill it and start it again."""
    if not one_laptop.runs:  # after a test that failed between killing and starting it
        one_laptop.start()
    return one_laptop


@pytest.fixture
def platform(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """What `--platform` asks for."""
    if request.config.getoption("platform") == "embedded":
        yield request.getfixturevalue("laptop")
        return
    assert not missing(), f"not installed: {missing()}"
    monkeypatch.setenv("ANNEAL_WARM_ENGINES", "false")  # most replicas will not compute anything here
    with servers(tmp_path / "servers") as addresses, town(tmp_path / "home", addresses, replicas=REPLICAS) as up:
        yield Platform(up.url, up.key)
