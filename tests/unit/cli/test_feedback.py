"""`anneal feedback`: what is asked for, and what is printed."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import cli

COUNTS = {"feedback": 3, "rows": 1, "left_out": {"cut_off": 1, "tie": 1}}
GIVEN = {"id": "feedback_1", "verdict": "preferred", "models": ["model_1", "seedling"], "left_out": None}
ANSWERS: dict[str, Any] = {
    "/models/custom": {"items": [{"id": "model_1", "name": "triage"}], "next_cursor": None},
    "/feedback": {"items": [GIVEN], "next_cursor": None},
    "/feedback/summary": {"preferences": COUNTS, "ratings": {**COUNTS, "left_out": {}}, "models": []},
    "/datasets/import": {"id": "imp_1", "state": "ready", "dataset_id": "ds_1", "origin": {"left_out": {"tie": 2}}},
    "/datasets/ds_1": {"id": "ds_1", "name": "votes", "version": "v1", "state": "ready", "report": None},
}


class Platform(BaseHTTPRequestHandler):
    """Answers every request, and keeps the bodies."""

    received: list[dict[str, Any]]

    def do_GET(self) -> None:
        body = json.dumps(ANSWERS[self.path.partition("?")[0]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    Platform.received = []
    with HTTPServer(("127.0.0.1", 0), Platform) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("ANNEAL_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("ANNEAL_API_KEY", "key")
        yield Platform.received
        server.shutdown()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["feedback", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_dataset_is_imported_of_models_by_name_and_says_what_is_left_out(received: list[dict[str, Any]]) -> None:
    printed = run("dataset", "--kind", "ratings", "--name", "votes", "--model", "triage", "--model", "seedling")
    assert received == [{"feedback": "ratings", "name": "votes", "models": ["model_1", "seedling"]}]
    assert "Left out of the data: 2 tie." in printed


def test_summary_and_list(received: list[dict[str, Any]]) -> None:
    assert "preferences: 3, rows for DPO: 1; left out: 1 cut off, 1 tie" in run("summary")
    assert "model_1 over seedling" in run()
    assert run("list", "-q") == "feedback_1\n"
