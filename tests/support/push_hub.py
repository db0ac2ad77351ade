"""A local Hugging Face Hub that takes uploads: the routes by which huggingface_hub creates repositories and commits."""

import base64
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c" * 40


@dataclass
class Repository:
    """A model repository: the files of its last commit."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0


@dataclass
class PushHub:
    """Repositories by id, and large objects by their sha256.

    `uploads` counts the uploads of each object. An upload waits for `gate`, and `arrived` is set when it begins;
    `storage` is the address that uploads are sent to, by default the hub's own.
    """

    token: str = "hf_write"
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: Counter[str] = field(default_factory=Counter)
    storage: str | None = None
    gate: threading.Event | None = None
    arrived: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@contextmanager
def run_push_hub() -> Iterator[PushHub]:
    """Run the hub; `url` is its endpoint."""
    hub = PushHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: PushHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            id = "/".join(self.path.split("/")[3:5]).partition("?")[0]
            if not self._authorized() or id not in hub.repositories:
                return self._send(404, {"error": "Repository not found"}, {"x-error-code": "RepoNotFound"})
            found = hub.repositories[id]
            info = {"id": id, "modelId": id, "sha": COMMIT, "private": found.private, "siblings": [], "tags": []}
            return self._send(200, {**info, "downloads": 0})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if not self._authorized():
                return self._send(401, {"error": "Invalid credentials in Authorization header"})
            if self.path == "/api/validate-yaml":
                return self._send(200, {"errors": [], "warnings": []})
            if self.path == "/api/repos/create":
                return self._create(json.loads(body))
            if batch := re.fullmatch(r"/[^/]+/[^/]+\.git/info/lfs/objects/batch", self.path):
                assert batch
                objects = [self._action(each) for each in json.loads(body)["objects"]]
                return self._send(200, {"transfer": "basic", "objects": objects})
            found = re.match(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/", self.path)
            assert found, self.path
            if found[2] == "preupload":
                return self._send(200, {"files": [_mode(file["path"]) for file in json.loads(body)["files"]]})
            return self._commit(found[1], [json.loads(line) for line in body.splitlines()])

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            oid = self.path.rpartition("/")[2]
            hub.arrived.set()
            if hub.gate:
                hub.gate.wait()
            hub.uploads[oid] += 1
            hub.objects[oid] = data
            return self._send(200, {})

        def _authorized(self) -> bool:
            return bool(self.headers.get("authorization") == f"Bearer {hub.token}")

        def _create(self, body: dict[str, Any]) -> None:
            id = f"{body['organization']}/{body['name']}"
            hub.repositories[id] = Repository(private=body.get("visibility") == "private")
            self._send(200, {"url": f"{hub.url}/{id}"})

        def _action(self, wanted: dict[str, Any]) -> dict[str, Any]:
            if wanted["oid"] in hub.objects:
                return wanted
            return {**wanted, "actions": {"upload": {"href": f"{hub.storage or hub.url}/lfs/{wanted['oid']}"}}}

        def _commit(self, id: str, lines: list[dict[str, Any]]) -> None:
            repository = hub.repositories[id]
            for line in lines:
                value = line["value"]
                if line["key"] == "file":
                    repository.files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    repository.files[value["path"]] = hub.objects[value["oid"]]
            repository.commits += 1
            url = f"{hub.url}/{id}/commit/{COMMIT}"
            self._send(200, {"commitUrl": url, "commitOid": COMMIT, "success": True})

        def _send(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            sent = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _mode(path: str) -> dict[str, Any]:
    mode = "lfs" if path.endswith(".safetensors") else "regular"
    return {"path": path, "uploadMode": mode, "shouldIgnore": False}
