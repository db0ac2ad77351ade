"""The run of a handler: its failures are returned, only the caller's cancellation is raised, and its span says both."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.bus.delivery import handle_delivery
from shared.events.envelope import Envelope
from shared.events.training import TrainingRequested
from shared.runtime.telemetry import tracing

PARENT = f"00-{'1' * 32}-{'2' * 16}-01"
SENT = Envelope.of(TrainingRequested(job_id="j"), service="training", subject="j", project="p").model_copy(
    update={"traceparent": PARENT, "correlationid": "c"}
)


@pytest.fixture(params=["untraced", "traced"])
def spans(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter | None:
    """With "traced", export spans in this test only: OpenTelemetry's provider can be set once in a process."""
    if request.param == "untraced":
        return None
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr(tracing.tracer, "_real_tracer", provider.get_tracer("anneal"))
    return exporter


@pytest.mark.parametrize("correlated", [True, False])
@pytest.mark.parametrize("error", [None, ValueError("no such job"), asyncio.CancelledError("by itself")])
async def test_failure_is_returned_and_recorded_in_the_senders_trace(
    spans: InMemorySpanExporter | None, error: BaseException | None, correlated: bool
) -> None:
    sent = SENT if correlated else SENT.model_copy(update={"correlationid": None})
    seen: list[str | None] = []

    async def handler(envelope: Envelope) -> None:
        assert envelope == sent
        seen.append(tracing.traceparent())
        if error:
            raise error

    returned = await handle_delivery(sent, handler, system="s", queue="q")
    assert type(returned) is (type(error) if error else type(None))
    if not spans:
        assert seen == [PARENT]
        return
    (span,) = spans.get_finished_spans()
    own = f"00-{'1' * 32}-{span.context.span_id:016x}-01" if span.context else None
    assert (seen, span.parent and span.parent.span_id) == ([own], int("2" * 16, 16))
    assert (span.kind, span.name) == (trace.SpanKind.CONSUMER, f"process {sent.type}")
    assert dict(span.attributes or {}) == {
        "messaging.system": "s",
        "messaging.operation.type": "process",
        "messaging.destination.name": "q",
        "messaging.message.id": sent.id,
        "messaging.message.conversation_id": "c" if correlated else "",
    }
    assert span.status.is_ok == (error is None)
    assert [event.name for event in span.events] == (["exception"] if error else [])


async def test_cancelled_caller_is_cancelled() -> None:
    started = asyncio.Event()

    async def handler(_: Envelope) -> None:
        started.set()
        await asyncio.Event().wait()

    delivery = asyncio.create_task(handle_delivery(SENT, handler, system="s", queue="q"))
    await started.wait()
    delivery.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivery
