"""A server at the address of an object store: it answers every listing with what a test says, and holds no object."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

REGION = b"<LocationConstraint>us-east-1</LocationConstraint>"


@dataclass
class ListingOnly:
    """`answer` is the body of a listing; `asked` are the objects that somebody wanted."""

    answer: bytes = b""
    asked: list[str] = field(default_factory=list)
    url: str = ""

    @staticmethod
    def listing(key: str, *, size: int) -> bytes:
        """A listing of one object that somebody put there."""
        entry = (
            f"<Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>e</ETag><Size>{size}</Size>"
        )
        name = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
        return f"{name}<IsTruncated>false</IsTruncated><Contents>{entry}</Contents></ListBucketResult>".encode()


@contextmanager
def listing_only() -> Iterator[ListingOnly]:
    """A running server; `url` names it with a key, without a bucket."""
    store = ListingOnly()
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


def _handler(store: ListingOnly) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._object()

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            if "location" in query:
                self._send(REGION)
            elif "list-type" in query:
                self._send(store.answer)
            else:
                self._object()

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _object(self) -> None:
            store.asked.append(self.path)
            self._send(b"", 404)

        def _send(self, data: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/xml")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
