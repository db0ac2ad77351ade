"""Run a handler on one delivery: shared by all adapters, between receiving a message and settling it."""

import asyncio

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind

from shared.bus.protocol import Handler
from shared.events.envelope import Envelope
from shared.runtime.telemetry.tracing import context_of, recording, tracer


async def handle_delivery(envelope: Envelope, handler: Handler, *, system: str, queue: str) -> BaseException | None:
    """Run the handler and return what it raised, or None.

    It runs in its own task, so that its context and a cancellation inside it stay there. Its span follows
    OpenTelemetry's messaging conventions; `system` is the broker's name.
    """
    task = asyncio.create_task(_handle(envelope, handler, system, queue))
    try:
        await task
    except asyncio.CancelledError as error:
        if (current := asyncio.current_task()) is not None and current.cancelling():
            raise
        return error
    except Exception as error:
        return error
    return None


async def _handle(envelope: Envelope, handler: Handler, system: str, queue: str) -> None:
    parent = context_of(envelope.traceparent)
    if not recording():
        context.attach(parent)
        return await handler(envelope)
    attributes = {
        "messaging.system": system,
        "messaging.operation.type": "process",
        "messaging.destination.name": queue,
        "messaging.message.id": envelope.id,
        "messaging.message.conversation_id": envelope.correlationid or "",
    }
    span = tracer.start_span(f"process {envelope.type}", parent, SpanKind.CONSUMER, attributes)
    context.attach(trace.set_span_in_context(span, parent))
    try:
        await handler(envelope)
    except BaseException as error:
        span.record_exception(error)
        span.set_status(trace.Status(trace.StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        raise
    finally:
        span.end()
