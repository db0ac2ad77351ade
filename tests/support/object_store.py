"""An object store that returns a given listing for every request; it contains the given objects, and those written."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

REGION = b"<LocationConstraint>us-east-1</LocationConstraint>"


@dataclass
class ListingServer:
    """`listing_body` is returned for every listing; `requested_objects` are the paths of all object requests.

    `objects` are what the store contains, by path: `/bucket/key`. `written` are the paths of all writes.
    """

    listing_body: bytes = b""
    requested_objects: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    url: str = ""

    @staticmethod
    def make_listing(key: str, *, size: int) -> bytes:
        """Return the XML of a listing with one object."""
        entry = (
            f"<Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>e</ETag><Size>{size}</Size>"
        )
        name = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
        return f"{name}<IsTruncated>false</IsTruncated><Contents>{entry}</Contents></ListBucketResult>".encode()


@contextmanager
def run_listing_server() -> Iterator[ListingServer]:
    """Run the server; its `url` contains credentials but no bucket."""
    store = ListingServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(store))
    store.url = f"s3+http://key:secret@127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(store: ListingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._object(body=False)

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            if "location" in query:
                self._send(REGION)
            elif "list-type" in query:
                self._send(store.listing_body)
            else:
                self._object(body=True)

        def do_PUT(self) -> None:
            store.objects[self.path] = self.rfile.read(int(self.headers["content-length"]))
            store.written.append(self.path)
            self._send(b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _object(self, *, body: bool) -> None:
            store.requested_objects.append(self.path)
            data = store.objects.get(self.path)
            self._send(data or b"", 404 if data is None else 200, body=body)

        def _send(self, data: bytes, status: int = 200, *, body: bool = True) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/xml")
            self.send_header("content-length", str(len(data)))
            self.send_header("etag", '"e"')
            self.send_header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.end_headers()
            if body:
                self.wfile.write(data)

    return Handler
