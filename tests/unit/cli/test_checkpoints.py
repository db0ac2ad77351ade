"""`JOB:STEP` names a checkpoint in place of a model."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from cli.checkpoints import resolve_model
from cli.client import Client
from cli.errors import CommandError

JOB = "job_0123456789abcdef0123"
STEP = f"/training/jobs/{JOB}/checkpoints/8/model"

LISTS: dict[str, Any] = {
    "/models/custom": {"items": [{"id": "model_1", "name": "named:8"}], "next_cursor": None},
    "/training/jobs": {"items": [{"id": JOB, "name": "triage"}, {"id": "job_9", "name": "named"}], "next_cursor": None},
}
PUBLICATION = {"model_id": "model_1-ckpt-step-8", "cause": "full", "detail": "No space."}


class Platform(BaseHTTPRequestHandler):
    """Answers with a publication that takes two looks."""

    requests: list[str]
    states: Iterator[str]

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        self.requests.append(f"{self.command} {self.path}")
        body = json.dumps(LISTS.get(self.path.partition("?")[0]) or PUBLICATION | {"state": next(self.states)}).encode()
        self.send_response(202)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def client() -> Iterator[Client]:
    with HTTPServer(("127.0.0.1", 0), Platform) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Client(f"http://127.0.0.1:{server.server_port}", "key")
        server.shutdown()


@pytest.mark.parametrize("job", [JOB, "job_0123", "0123", "triage"])
def test_a_checkpoint_is_published_at_its_first_use(client: Client, job: str) -> None:
    Platform.requests, Platform.states = [], iter(["queued", "succeeded"])
    assert resolve_model(client, f"{job}:8") == "model_1-ckpt-step-8"
    assert Platform.requests[-2:] == [f"POST {STEP}", f"GET {STEP}"]


def test_the_reason_of_a_failure_is_shown(client: Client) -> None:
    Platform.requests, Platform.states = [], iter(["failed"])
    with pytest.raises(CommandError, match="No space"):
        resolve_model(client, f"{JOB}:8")


@pytest.mark.parametrize(
    "reference", ["model_1", "seedling", "named:8", "nothing:8", "owner/name:8", JOB, f"{JOB}:last"]
)
def test_any_other_reference_is_unchanged(client: Client, reference: str) -> None:
    Platform.requests, Platform.states = [], iter([])
    assert resolve_model(client, reference) == reference
    assert not [request for request in Platform.requests if request.startswith("POST")]
