"""An OTLP/HTTP collector that decodes exported spans, and queries over the spans of a trace."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Exported
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True)
class Span:
    """One exported span; ids in hex, times in nanoseconds since the Unix epoch."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    failed: bool
    attributes: dict[str, Any]
    links: list[tuple[str, str]]


@dataclass
class Collector:
    """The spans received at `url`."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def add(self, request: ExportTraceServiceRequest) -> None:
        """Add the spans of one export request."""
        for group in request.resource_spans:
            service = _attributes(group.resource.attributes)["service.name"]
            self.spans += [_read(service, span) for scope in group.scope_spans for span in scope.spans]

    def trace(self, id: str) -> "Trace":
        """Return the spans of one trace."""
        return Trace([span for span in self.spans if span.trace == id])


@dataclass(frozen=True)
class Trace:
    """The spans of one trace."""

    spans: list[Span]

    def named(self, name: str) -> list[Span]:
        """Return the spans of this name, at least one, ordered by start time."""
        found = [span for span in self.spans if span.name == name]
        assert found, f"no span {name!r} among {sorted({span.name for span in self.spans})}"
        return sorted(found, key=lambda span: span.start)

    def one(self, name: str) -> Span:
        """Return the only span of this name."""
        (found,) = self.named(name)
        return found

    def roots(self) -> list[Span]:
        """Return the spans whose parent is not in the trace: its root, and orphans."""
        ids = {span.id for span in self.spans}
        return [span for span in self.spans if span.parent not in ids]

    def path(self, span: Span) -> list[str]:
        """Return the span names from the root down to `span`."""
        by_id = {each.id: each for each in self.spans}
        names = [span.name]
        while span.parent in by_id:
            span = by_id[span.parent]
            names.insert(0, span.name)
        return names

    def children(self, parent: Span) -> list[Span]:
        """Return the child spans of `parent`, ordered by start time."""
        return sorted((span for span in self.spans if span.parent == parent.id), key=lambda span: span.start)


def _read(service: str, span: Exported) -> Span:
    return Span(
        service=service,
        name=span.name,
        kind=Exported.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        attributes=_attributes(span.attributes),
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _attributes(attributes: Sequence[Any]) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}


@contextmanager
def run_otlp_collector() -> Iterator[Collector]:
    """Run a collector on a free loopback port."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.add(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
