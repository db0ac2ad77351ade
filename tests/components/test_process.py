"""A service in its own process: startup, health routes and graceful shutdown."""

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


def start_service(home: Path, **settings: str) -> subprocess.Popen[str]:
    """Start `python -m services.dataset` on a free port, with its log in a pipe."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANNEAL_")}
    env |= {"ANNEAL_HOME": str(home), "ANNEAL_PORT": "0", **{f"ANNEAL_{k.upper()}": v for k, v in settings.items()}}
    command = [sys.executable, "-m", "services.dataset"]
    return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)


def next_log(service: subprocess.Popen[str], event: str) -> dict[str, object]:
    """Return the next log line with this event."""
    assert service.stderr is not None
    for line in service.stderr:
        if (record := json.loads(line)).get("event") == event:
            return dict(record)
    raise AssertionError(f"the service exited without {event}")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with start_service(tmp_path) as running:
        yield running
        running.kill()


def test_health_routes_and_graceful_shutdown(service: subprocess.Popen[str]) -> None:
    host, port = next_log(service, "ready")["address"]  # type: ignore[misc]
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["checks"] == {"bus": "ok", "documents": "ok", "blobs": "ok"}
        assert "process_cpu_seconds_total" in client.get("/metrics").text
        assert client.get("/datasets").json()["code"] == "unauthenticated"
        service.send_signal(signal.SIGTERM)
        next_log(service, "stopping")
    assert service.wait(60) == 0


def test_service_does_not_start_without_the_shared_secret(tmp_path: Path) -> None:
    urls = {"bus_url": "amqp://b", "documents_url": "mongodb://d", "blobs_url": "s3+http://k:s@h/b"}
    with start_service(tmp_path, **urls) as refused:
        _, errors = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "ANNEAL_SECRET" in errors


def test_service_waits_for_its_servers_and_can_be_stopped(tmp_path: Path) -> None:
    urls = {"bus_url": "amqp://127.0.0.1:1", "documents_url": "mongodb://127.0.0.1:1/x", "secret": "0" * 32}
    with start_service(tmp_path, **urls, blobs_url="s3+http://k:s@127.0.0.1:1/b") as waiting:
        assert next_log(waiting, "waiting_for")["server"] == "documents"
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(60) == 0
