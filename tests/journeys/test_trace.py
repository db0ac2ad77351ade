"""One trace from the upload to the answer, received by a collector: on one process, with a client that traces or not."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.collector import Collector, collecting
from tests.journeys.conftest import Platform
from tests.traced_road import Traveller, check_road

EMBEDDED = "anneal-embedded"


@dataclass(frozen=True)
class Walked:
    """Two journeys over one platform that has ended since: `traced` is the trace id that one of them carried."""

    collector: Collector
    traced: str
    log: str


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    home, traced = tmp_path_factory.mktemp("trace") / "home", secrets.token_hex(16)
    with pytest.MonkeyPatch.context() as environment, collecting() as collector:
        environment.setenv("ANNEAL_OTLP_ENDPOINT", collector.url)
        platform = Platform(home)
        platform.start()
        Traveller(platform.http).walk("plain")
        Traveller(platform.http, traced).walk("traced")
        assert platform.stop() == 0
        yield Walked(collector, traced, (home / "anneal.log").read_text())


def test_what_a_client_traces_is_one_trace_with_its_requests(walked: Walked) -> None:
    trace = walked.collector.trace(walked.traced)
    asked = {span.parent for span in trace.spans if span.kind == "SERVER"}
    inside = [span for span in trace.spans if span.parent not in asked or span.kind != "SERVER"]
    assert all(span.service == EMBEDDED for span in trace.spans)
    assert trace.path(trace.one("attempt Job"))[0] == "POST /training/jobs"
    assert inside
