"""An OTLP/HTTP collector for tests: decodes what processes export, and asks the questions that a trace must answer."""

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
    """One span as it arrived; ids in hex, times in nanoseconds since 1970."""

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
    """What has arrived at `url`."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Take one export in."""
        for group in request.resource_spans:
            service = _plain(group.resource.attributes)["service.name"]
            self.spans += [_read(service, span) for scope in group.scope_spans for span in scope.spans]

    def trace(self, id: str) -> "Trace":
        """The spans of one trace."""
        return Trace([span for span in self.spans if span.trace == id])


@dataclass(frozen=True)
class Trace:
    """The spans of one trace."""

    spans: list[Span]

    def named(self, name: str) -> list[Span]:
        """The spans of this name, at least one, by the order of their beginning."""
        found = [span for span in self.spans if span.name == name]
        assert found, f"no span {name!r} among {sorted({span.name for span in self.spans})}"
        return sorted(found, key=lambda span: span.start)

    def one(self, name: str) -> Span:
        """The only span of this name."""
        (found,) = self.named(name)
        return found

    def roots(self) -> list[Span]:
        """Spans without a parent among these: the beginning of the trace, and orphans."""
        ids = {span.id for span in self.spans}
        return [span for span in self.spans if span.parent not in ids]

    def path(self, span: Span) -> list[str]:
        """The names from the root down to `span`."""
        by_id = {each.id: each for each in self.spans}
        names = [span.name]
        while span.parent in by_id:
            span = by_id[span.parent]
            names.insert(0, span.name)
        return names

    def under(self, parent: Span) -> list[Span]:
        """The children of a span, by the order of their beginning."""
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
        attributes=_plain(span.attributes),
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _plain(attributes: Sequence[Any]) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free loopback port."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.take(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
