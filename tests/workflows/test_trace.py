"""One trace from upload to chat response, with and without trace context from the client."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.otlp_collector import Collector, Trace, run_otlp_collector
from tests.support.traced_workflow import WorkflowClient, check_workflow_trace
from tests.workflows.conftest import Embedded

CLIENT = (secrets.token_hex(16), secrets.token_hex(8))
"""Trace id and span id of the client that propagates its trace context."""
FAILING_CLIENT = (secrets.token_hex(16), secrets.token_hex(8))
"""Trace id and span id of a client whose job fails."""
STEPS = {"POST /datasets/upload", "POST /training/jobs", "POST /v1/chat/completions"}


@dataclass(frozen=True)
class Recorded:
    """Spans and log lines of a platform that ran two workflows and a failing job."""

    collector: Collector
    log: list[dict[str, object]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    home = tmp_path_factory.mktemp("trace") / "home"
    with pytest.MonkeyPatch.context() as environment, run_otlp_collector() as collector:
        environment.setenv("ANNEAL_OTLP_ENDPOINT", collector.url)
        platform = Embedded(home)
        platform.start()
        try:
            WorkflowClient(platform.http).run("untraced")
            WorkflowClient(platform.http, CLIENT).run("traced")
            failing = WorkflowClient(platform.http, FAILING_CLIENT)
            failing.train(failing.upload("failing"), max_length=8)
        finally:
            assert platform.stop() == 0
        texts = [(home / name).read_text() for name in ("anneal.log", "logs/access.log")]
        yield Recorded(collector, [json.loads(line) for text in texts for line in text.splitlines()])


CLIENT_TRACES = {CLIENT[0], FAILING_CLIENT[0]}


def embedded_name(service: str) -> str:
    return "anneal-embedded"


def untraced_workflow(recorded: Recorded) -> Trace:
    """Return the trace of the workflow whose client sent no trace context."""
    (job,) = [
        span for span in recorded.collector.spans if span.name == "attempt Job" and span.trace not in CLIENT_TRACES
    ]
    return recorded.collector.trace(job.trace)


def test_client_with_trace_context_gets_the_workflow_below_its_span(recorded: Recorded) -> None:
    trace = recorded.collector.trace(CLIENT[0])
    check_workflow_trace(trace, embedded_name)
    assert {span.parent for span in trace.roots()} == {CLIENT[1]}
    assert {span.name for span in trace.roots()} >= STEPS
    assert {span.kind for span in trace.roots()} == {"SERVER"}
    assert trace.path(trace.one("attempt Job")) == ["POST /training/jobs", "attempt Job"]


def test_without_trace_context_the_upload_is_the_root(recorded: Recorded) -> None:
    trace = untraced_workflow(recorded)
    check_workflow_trace(trace, embedded_name)
    (root,) = trace.roots()
    assert (root.name, root.kind, root.parent) == ("POST /datasets/upload", "SERVER", "")
    assert trace.path(trace.one("attempt Job"))[-2:] == ["submit job", "attempt Job"]


@pytest.mark.parametrize(
    ("request_name", "root_name"),
    [("POST /training/jobs", "submit job"), ("POST /v1/chat/completions", "first request")],
)
def test_request_in_another_trace_is_linked_both_ways(recorded: Recorded, request_name: str, root_name: str) -> None:
    (request,) = [s for s in recorded.collector.spans if s.name == request_name and s.trace not in CLIENT_TRACES]
    started = untraced_workflow(recorded).one(root_name)
    assert started.links == [(request.trace, request.id)]
    assert request.links == [(started.trace, started.id)]


def test_no_trace_has_orphan_spans(recorded: Recorded) -> None:
    for id in {span.trace for span in recorded.collector.spans} - CLIENT_TRACES:
        assert [span.parent for span in recorded.collector.trace(id).roots()] == [""]


def test_failed_job_marks_its_spans_with_the_cause(recorded: Recorded) -> None:
    trace = recorded.collector.trace(FAILING_CLIENT[0])
    failed = sorted((span for span in trace.spans if span.failed), key=lambda span: span.start)
    assert [span.name for span in failed] == ["attempt Job", "engine train"]
    assert {span.attributes["error.type"] for span in failed} == {"nothing_to_train"}


def test_request_spans_have_route_and_status(recorded: Recorded) -> None:
    span = next(span for span in recorded.collector.spans if span.name == "GET /training/jobs/{id}")
    assert span.attributes["http.route"] == "/training/jobs/{id}"
    assert span.attributes["url.path"].startswith("/training/jobs/job_")
    assert (span.attributes["http.request.method"], span.attributes["http.response.status_code"]) == ("GET", 200)


def test_log_lines_have_the_trace_id(recorded: Recorded) -> None:
    (request,) = [
        line
        for line in recorded.log
        if (line["event"], line.get("path"), line.get("trace_id")) == ("request", "/v1/chat/completions", CLIENT[0])
    ]
    assert request["request_id"] == CLIENT[0]
