"""One trace from upload to chat response, across six services, a real broker and engine processes."""

import secrets
from collections.abc import Iterator

import pytest

from deploy.local_cluster import run_cluster, run_servers
from tests.support.otlp_collector import Collector, Trace, run_otlp_collector
from tests.support.traced_workflow import WorkflowClient, check_workflow_trace
from tests.workflows.conftest import Platform

CLIENT = (secrets.token_hex(16), secrets.token_hex(8))
"""Trace id and span id of the client that propagates its trace context."""


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """Spans exported by two replicas of each service: one workflow with trace context from the client, one without."""
    folder = tmp_path_factory.mktemp("trace")
    with (
        pytest.MonkeyPatch.context() as patch,
        run_otlp_collector() as found,
        run_servers(folder / "servers") as addresses,
    ):
        patch.setenv("ANNEAL_WARM_ENGINES", "false")
        patch.setenv("ANNEAL_OTLP_ENDPOINT", found.url)
        with run_cluster(folder / "home", addresses, replicas=2) as cluster:
            WorkflowClient(Platform(cluster.url, cluster.key).http, CLIENT).run("traced")
            WorkflowClient(Platform(cluster.url, cluster.key).http).run("untraced")
        yield found


def untraced_workflow(collector: Collector) -> Trace:
    """Return the trace of the workflow whose client sent no trace context."""
    (job,) = [span for span in collector.spans if span.name == "attempt Job" and span.trace != CLIENT[0]]
    return collector.trace(job.trace)


def service_name(name: str) -> str:
    return f"anneal-{name}"


def test_client_with_trace_context_gets_the_workflow_below_its_span(collector: Collector) -> None:
    trace = collector.trace(CLIENT[0])
    check_workflow_trace(trace, service_name)
    assert {span.parent for span in trace.roots()} == {CLIENT[1]}
    published = trace.named("publish training.succeeded.v1")
    assert {span.attributes["messaging.system"] for span in published} == {"rabbitmq"}


def test_without_trace_context_the_upload_is_the_root(collector: Collector) -> None:
    trace = untraced_workflow(collector)
    check_workflow_trace(trace, service_name)
    (root,) = trace.roots()
    assert (root.name, root.service, root.parent) == ("POST /datasets/upload", "anneal-gateway", "")
    assert trace.path(trace.one("attempt DatasetVersion")) == [
        *("POST /datasets/upload", "POST dataset", "POST /datasets/upload", "attempt DatasetVersion"),
    ]
    assert trace.path(trace.one("attempt Job"))[-2:] == ["submit job", "attempt Job"]
    assert {span.service for span in trace.spans} == {
        service_name(name) for name in ("gateway", "dataset", "training", "evaluation", "export", "inference")
    }


def test_no_trace_has_orphan_spans(collector: Collector) -> None:
    for id in {span.trace for span in collector.spans} - {CLIENT[0]}:
        assert [span.parent for span in collector.trace(id).roots()] == [""]
