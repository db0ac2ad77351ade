"""One trace from the upload to the answer over six processes, a real broker and engine children."""

import secrets
from collections.abc import Iterator

import pytest

from deploy.local_cluster import servers, town
from tests.support.otlp_collector import Collector, Trace, collecting
from tests.support.traced_workflow import Traveller, check_road
from tests.workflows.conftest import Platform

CLIENT = (secrets.token_hex(16), secrets.token_hex(8))
"""Trace id and span id of the client that traces."""


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """What two replicas of each room exported until their end, after a journey that was traced and one that was not."""
    folder = tmp_path_factory.mktemp("trace")
    with pytest.MonkeyPatch.context() as patch, collecting() as found, servers(folder / "servers") as addresses:
        patch.setenv("ANNEAL_WARM_ENGINES", "false")
        patch.setenv("ANNEAL_OTLP_ENDPOINT", found.url)
        with town(folder / "home", addresses, replicas=2) as up:
            Traveller(Platform(up.url, up.key).http, CLIENT).walk("traced")
            Traveller(Platform(up.url, up.key).http).walk("plain")
        yield found


def journey(collector: Collector) -> Trace:
    """The trace of the client that does not trace."""
    (job,) = [span for span in collector.spans if span.name == "attempt Job" and span.trace != CLIENT[0]]
    return collector.trace(job.trace)


def room(name: str) -> str:
    return f"anneal-{name}"


def test_a_client_that_traces_finds_all_that_it_caused_below_its_own_span(collector: Collector) -> None:
    trace = collector.trace(CLIENT[0])
    check_road(trace, room)
    assert {span.parent for span in trace.roots()} == {CLIENT[1]}
    published = trace.named("publish training.succeeded.v1")
    assert {span.attributes["messaging.system"] for span in published} == {"rabbitmq"}


def test_without_a_client_that_traces_everything_follows_from_the_upload(collector: Collector) -> None:
    trace = journey(collector)
    check_road(trace, room)
    (root,) = trace.roots()
    assert (root.name, root.service, root.parent) == ("POST /datasets/**", "anneal-gateway", "")
    assert trace.path(trace.one("attempt DatasetVersion")) == [
        *("POST /datasets/**", "POST dataset", "POST /datasets/upload", "attempt DatasetVersion"),
    ]
    assert trace.path(trace.one("attempt Job"))[-2:] == ["submit job", "attempt Job"]
    assert {span.service for span in trace.spans} == {
        room(name) for name in ("gateway", "dataset", "training", "evaluation", "export", "inference")
    }


def test_no_span_in_any_trace_is_an_orphan(collector: Collector) -> None:
    for id in {span.trace for span in collector.spans} - {CLIENT[0]}:
        assert [span.parent for span in collector.trace(id).roots()] == [""]
