"""A local Hugging Face Hub: the API and resolve routes that huggingface_hub uses, serving plain folders.

A dataset is a repository whose id starts with `datasets/`.
"""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "a" * 40


@dataclass
class LocalHub:
    """Repositories by id, the ones that need `token`, and the range requests received.

    `truncate_once` closes the connection after so many bytes of a file, once; `blocked` delays a file until its event
    is set; `redirects` send a file's readers elsewhere. `served` counts the reads of each file.
    """

    repositories: dict[str, Path] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    token: str = "hf_right"
    truncate_once: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, threading.Event] = field(default_factory=dict)
    range_requests: list[tuple[str, str]] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)
    url: str = ""


@contextmanager
def run_local_hub() -> Iterator[LocalHub]:
    """Run the hub; `url` is its endpoint."""
    hub = LocalHub()
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


def _handler(hub: LocalHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _answer(self, *, body: bool) -> None:
            parts = urlsplit(self.path).path.strip("/").split("/")
            api = parts[0] == "api"
            parts = parts[1:] if api else parts
            if parts[0] in ("models", "datasets"):
                kind, parts = parts[0], parts[1:]
            else:
                kind = "models"
            id = "/".join(parts[:2] if kind == "models" else (kind, *parts[:2]))
            if "revision" in parts and parts[-1] not in ("main", COMMIT):
                return self._refuse(404, "RevisionNotFound")
            if id not in hub.repositories:
                return self._refuse(401 if parts[0] != "" else 200, "RepoNotFound")
            if id in hub.gated and self.headers.get("authorization") != f"Bearer {hub.token}":
                return self._refuse(401, "GatedRepo")
            folder = hub.repositories[id]
            if api:
                return self._send(json.dumps(_info(id, folder)).encode(), {"content-type": "application/json"}, body)
            return self._file(folder / "/".join(parts[4:]), body)

        def _file(self, path: Path, body: bool) -> None:
            if not path.is_file():
                return self._refuse(404, "EntryNotFound")
            data = path.read_bytes()
            headers = {"etag": f'"{hashlib.sha256(data).hexdigest()}"', "x-repo-commit": COMMIT}
            start = 0
            if location := hub.redirects.get(path.name):
                return self._send(b"", {**headers, "location": location}, body, 302)
            if requested := self.headers.get("range"):
                hub.range_requests.append((path.name, requested))
                start = int(requested.removeprefix("bytes=").split("-")[0])
                headers["content-range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return self._send(data[start:], headers, body, 206 if requested else 200, path.name)

        def _send(self, data: bytes, headers: dict[str, str], body: bool, status: int = 200, name: str = "") -> None:
            self.send_response(status)
            for key, value in {**headers, "content-length": str(len(data))}.items():
                self.send_header(key, value)
            self.end_headers()
            hub.served[name] += body
            if body and name in hub.blocked:
                hub.blocked[name].wait()
            if body and name in hub.truncate_once:
                self.wfile.write(data[: hub.truncate_once.pop(name)])
                self.close_connection = True
            elif body:
                self.wfile.write(data)

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("x-error-code", code)
            self.send_header("content-length", "0")
            self.end_headers()

    return Handler


def _info(id: str, folder: Path) -> dict[str, object]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [{"rfilename": path.relative_to(folder).as_posix(), "size": path.stat().st_size} for path in paths]
    id = id.removeprefix("datasets/")
    return {"id": id, "modelId": id, "sha": COMMIT, "private": False, "siblings": files, "tags": [], "downloads": 0}
