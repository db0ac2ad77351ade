"""A name that a model shares with the job that made it is the model's."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cli.client import Client
from cli.errors import CommandError
from cli.resources import find_any

LISTS = {
    "/models/custom": [{"id": "model_1", "name": "triage"}, {"id": "model_2", "name": "faq"}],
    "/training/jobs": [{"id": "job_1", "name": "triage"}, {"id": "job_2", "name": "faq"}, {"id": "job_3", "name": "x"}],
    "/datasets": [{"id": "ds_1", "name": "faq"}],
}


class Platform(BaseHTTPRequestHandler):
    """Answers every list."""

    def do_GET(self) -> None:
        body = json.dumps({"items": LISTS.get(self.path.partition("?")[0], []), "next_cursor": None}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def client() -> Iterator[Client]:
    with HTTPServer(("127.0.0.1", 0), Platform) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Client(f"http://127.0.0.1:{server.server_port}", "key")
        server.shutdown()


@pytest.mark.parametrize(("given", "id"), [("triage", "model_1"), ("x", "job_3"), ("job_1", "job_1"), ("no", "no")])
def test_a_model_comes_before_the_job_of_its_name(client: Client, given: str, id: str) -> None:
    assert find_any(client, given) == id


def test_any_other_name_of_several_resources_is_refused(client: Client) -> None:
    with pytest.raises(CommandError, match="ds_1, job_2, model_2"):
        find_any(client, "faq")
