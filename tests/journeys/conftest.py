"""The platform as a stranger has it: a process of its own, reached over HTTP, killed and started again."""

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

ROOT = Path(__file__).parents[2]
READY = "Anneal is ready at "


class Platform:
    """One data directory and the process that serves it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[str] | None = None
        self.http = httpx.Client()

    def start(self) -> None:
        """Start on a free port and wait for the line that says where."""
        command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
        env = {**os.environ, "ANNEAL_HOME": str(self.home)}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        url = next(line.removeprefix(READY).strip() for line in self.process.stdout if line.startswith(READY))
        headers = {"Authorization": f"Bearer {(self.home / 'api-key').read_text().strip()}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60)

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

    def until(self, path: str, condition: Callable[[Any], bool], seconds: float = 120) -> Any:
        """Poll a resource, as any HTTP client must, until it satisfies the condition."""
        deadline = time.monotonic() + seconds
        while not condition(found := self.get(path)):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    started = Platform(tmp_path / "home")
    started.start()
    yield started
    if started.process is not None and started.process.poll() is None:
        started.stop()
