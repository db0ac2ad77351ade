"""One trace from the upload to the answer, as a collector receives it, whether the client traces or not."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.otlp_collector import Collector, Trace, collecting
from tests.support.traced_workflow import Traveller, check_road
from tests.workflows.conftest import Embedded

CLIENT = (secrets.token_hex(16), secrets.token_hex(8))
"""Trace id and span id of the client that traces."""
UNLUCKY = (secrets.token_hex(16), secrets.token_hex(8))
"""Of one whose job fails."""
STEPS = {"POST /datasets/upload", "POST /training/jobs", "POST /v1/chat/completions"}


@dataclass(frozen=True)
class Walked:
    """What a platform exported and logged until its end, after two journeys and a job that failed."""

    collector: Collector
    log: list[dict[str, object]]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    home = tmp_path_factory.mktemp("trace") / "home"
    with pytest.MonkeyPatch.context() as environment, collecting() as collector:
        environment.setenv("ANNEAL_OTLP_ENDPOINT", collector.url)
        platform = Embedded(home)
        platform.start()
        try:
            Traveller(platform.http).walk("plain")
            Traveller(platform.http, CLIENT).walk("traced")
            unlucky = Traveller(platform.http, UNLUCKY)
            unlucky.train(unlucky.upload("unlucky"), max_length=8)
        finally:
            assert platform.stop() == 0
        yield Walked(collector, [json.loads(line) for line in (home / "anneal.log").read_text().splitlines()])


CLIENTS = {CLIENT[0], UNLUCKY[0]}


def embedded(room: str) -> str:
    return "anneal-embedded"


def journey(walked: Walked) -> Trace:
    """The trace of the client that does not trace."""
    (job,) = [span for span in walked.collector.spans if span.name == "attempt Job" and span.trace not in CLIENTS]
    return walked.collector.trace(job.trace)


def test_a_client_that_traces_finds_all_that_it_caused_below_its_own_span(walked: Walked) -> None:
    trace = walked.collector.trace(CLIENT[0])
    check_road(trace, embedded)
    assert {span.parent for span in trace.roots()} == {CLIENT[1]}
    assert {span.name for span in trace.roots()} >= STEPS
    assert {span.kind for span in trace.roots()} == {"SERVER"}
    assert trace.path(trace.one("attempt Job")) == ["POST /training/jobs", "attempt Job"]


def test_without_a_client_that_traces_everything_follows_from_the_upload(walked: Walked) -> None:
    trace = journey(walked)
    check_road(trace, embedded)
    (root,) = trace.roots()
    assert (root.name, root.kind, root.parent) == ("POST /datasets/upload", "SERVER", "")
    assert trace.path(trace.one("attempt Job"))[-2:] == ["submit job", "attempt Job"]


@pytest.mark.parametrize(
    ("request_name", "begun"),
    [("POST /training/jobs", "submit job"), ("POST /v1/chat/completions", "first request")],
)
def test_a_request_of_another_trace_and_what_it_began_are_linked_both_ways(
    walked: Walked, request_name: str, begun: str
) -> None:
    (asked,) = [s for s in walked.collector.spans if s.name == request_name and s.trace not in CLIENTS]
    started = journey(walked).one(begun)
    assert started.links == [(asked.trace, asked.id)]
    assert asked.links == [(started.trace, started.id)]


def test_no_span_in_any_trace_is_an_orphan(walked: Walked) -> None:
    for id in {span.trace for span in walked.collector.spans} - CLIENTS:
        assert [span.parent for span in walked.collector.trace(id).roots()] == [""]


def test_a_failed_job_shows_where_and_why(walked: Walked) -> None:
    trace = walked.collector.trace(UNLUCKY[0])
    failed = sorted((span for span in trace.spans if span.failed), key=lambda span: span.start)
    assert [span.name for span in failed] == ["attempt Job", "engine train"]
    assert {span.attributes["error.type"] for span in failed} == {"nothing_to_train"}


def test_requests_carry_their_route_and_their_status(walked: Walked) -> None:
    span = next(span for span in walked.collector.spans if span.name == "GET /training/jobs/{id}")
    assert span.attributes["http.route"] == "/training/jobs/{id}"
    assert span.attributes["url.path"].startswith("/training/jobs/job_")
    assert (span.attributes["http.request.method"], span.attributes["http.response.status_code"]) == ("GET", 200)


def test_log_lines_carry_the_trace_of_what_they_tell(walked: Walked) -> None:
    (asked,) = [
        line
        for line in walked.log
        if (line["event"], line.get("path"), line.get("trace_id")) == ("request", "/v1/chat/completions", CLIENT[0])
    ]
    assert asked["request_id"] == CLIENT[0]
