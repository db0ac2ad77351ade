"""A room as a process of its own: it becomes ready, tells how it is, and ends in peace when it is told to."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


def process(home: Path, **settings: str) -> subprocess.Popen[str]:
    """`python -m services.dataset` on a free port, its log readable."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANNEAL_")}
    env |= {"ANNEAL_HOME": str(home), "ANNEAL_PORT": "0", **{f"ANNEAL_{k.upper()}": v for k, v in settings.items()}}
    command = [sys.executable, "-m", "services.dataset"]
    return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)


def logged(room: subprocess.Popen[str], event: str) -> dict[str, object]:
    """The next log line of this event."""
    assert room.stderr is not None
    for line in room.stderr:
        if (record := json.loads(line)).get("event") == event:
            return dict(record)
    raise AssertionError(f"it ended without {event}")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with process(tmp_path) as running:
        yield running
        running.kill()


def test_it_tells_how_it_is_and_ends_when_asked(room: subprocess.Popen[str]) -> None:
    host, port = logged(room, "ready")["address"]  # type: ignore[misc]
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["checks"] == {"bus": "ok", "documents": "ok", "blobs": "ok"}
        assert "process_cpu_seconds_total" in client.get("/metrics").text
        assert client.get("/datasets").json()["code"] == "unauthenticated"
        room.send_signal(signal.SIGTERM)
        logged(room, "stopping")
    assert room.wait(60) == 0


def test_it_refuses_to_start_without_the_shared_secret(tmp_path: Path) -> None:
    urls = {"bus_url": "amqp://b", "documents_url": "mongodb://d", "blobs_url": "s3+http://k:s@h/b"}
    with process(tmp_path, **urls) as refused:
        _, told = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "ANNEAL_SECRET" in told


def test_it_waits_for_its_servers_and_can_be_stopped_meanwhile(tmp_path: Path) -> None:
    urls = {"bus_url": "amqp://127.0.0.1:1", "documents_url": "mongodb://127.0.0.1:1/x", "secret": "0" * 32}
    with process(tmp_path, **urls, blobs_url="s3+http://k:s@127.0.0.1:1/b") as waiting:
        assert logged(waiting, "waiting_for")["server"] == "documents"
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(60) == 0
