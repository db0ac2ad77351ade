"""The publisher's span, whose context travels with the event."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import SpanKind

from shared.events.envelope import Envelope
from shared.runtime.telemetry.tracing import context_of, recording, traceparent, tracer


@contextmanager
def publishing(envelope: Envelope, *, system: str, destination: str) -> Iterator[Envelope]:
    """Yield `envelope` with the span of this publish as the parent of its consumers' spans.

    The span's own parent is the cause of the event, which may be long past. It follows OpenTelemetry's messaging
    conventions; `system` is the broker's name.
    """
    if not recording():
        yield envelope
        return
    attributes = {
        "messaging.system": system,
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": destination,
        "messaging.message.id": envelope.id,
        "messaging.message.conversation_id": envelope.correlationid or "",
    }
    caused = context_of(envelope.traceparent)
    with tracer.start_as_current_span(f"publish {envelope.type}", caused, SpanKind.PRODUCER, attributes):
        yield envelope.model_copy(update={"traceparent": traceparent()})
