"""A web server of a few files, with redirects, byte ranges, and answers that break off."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class WebFiles:
    """Files by path.

    `redirects` maps a path to a location, `statuses` a path to an error. `content_types` are sent where given.
    `truncate_once` closes the connection after so many bytes, once; `blocked` delays the rest of a file, after its
    first byte, until its event is set; files in `without_length` have no Content-Length. `ranges` are those asked for.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    content_types: dict[str, str] = field(default_factory=dict)
    truncate_once: dict[str, int] = field(default_factory=dict)
    blocked: dict[str, threading.Event] = field(default_factory=dict)
    without_length: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def run_web_files() -> Iterator[WebFiles]:
    """Run the server."""
    web = WebFiles()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(web))
    web.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(web: WebFiles) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            web.requests.append(self.path)
            self._head(404)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            web.requests.append(path)
            if path in web.redirects:
                return self._head(302, location=web.redirects[path])
            data = web.files.get(path)
            if path in web.statuses or data is None:
                return self._head(web.statuses.get(path, 404))
            start = 0
            if requested := self.headers.get("range"):
                web.ranges.append(requested)
                start = int(requested.removeprefix("bytes=").split("-")[0])
                if start >= len(data):
                    return self._head(416)
            length = {} if path in web.without_length else {"content_length": str(len(data) - start)}
            kind = {"content_type": web.content_types[path]} if path in web.content_types else {}
            self._head(206 if requested else 200, etag='"one"', **length, **kind)
            end = web.truncate_once.pop(path, len(data))
            if path in web.blocked:
                self.wfile.write(data[start : start + 1])
                web.blocked[path].wait()
                start += 1
            self.wfile.write(data[start:end])
            return None

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _head(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

    return Handler
