"""How our events look as AMQP messages: properties, the headers of a failed delivery, and what a dead letter tells."""

from typing import Any

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from shared.events.envelope import Envelope

CONTENT_TYPE = "application/cloudevents+json"


def message_of(envelope: Envelope, *, persistent: bool = True, **headers: Any) -> Message:
    """An envelope as a message; of the trace and the job only what there is."""
    if envelope.traceparent:
        headers["traceparent"] = envelope.traceparent
    return Message(
        envelope.model_dump_json().encode(),
        content_type=CONTENT_TYPE,
        message_id=envelope.id,
        type=envelope.type,
        timestamp=envelope.time,
        correlation_id=envelope.correlationid,
        delivery_mode=DeliveryMode.PERSISTENT if persistent else DeliveryMode.NOT_PERSISTENT,
        headers=headers,
    )


def again(message: AbstractIncomingMessage, **headers: Any) -> Message:
    """The same body and properties as a new message; of its headers only the trace."""
    return Message(
        message.body,
        content_type=message.content_type,
        message_id=message.message_id,
        type=message.type,
        timestamp=message.timestamp,
        correlation_id=message.correlation_id,
        delivery_mode=DeliveryMode.PERSISTENT,
        headers={"traceparent": message.headers.get("traceparent", ""), **headers},
    )


def attempts_of(message: AbstractIncomingMessage) -> int:
    """How often its handling has failed."""
    return int(str(message.headers.get("x-attempt", 0)))


def last_death(message: AbstractIncomingMessage) -> dict[str, Any]:
    """What the broker noted when it gave up on a message itself; the latest comes first."""
    deaths: Any = message.headers.get("x-death") or [{}]
    return dict(deaths[0])


def queue_of(message: AbstractIncomingMessage) -> str:
    """The service's queue in which a dead letter died."""
    return str(message.headers.get("x-queue") or last_death(message).get("queue", ""))


def letter_id(message: AbstractIncomingMessage) -> str:
    """The name under which a dead letter is replayed."""
    return str(message.headers.get("x-dead-id") or f"{queue_of(message)}:{message.message_id}")


def died_at(message: AbstractIncomingMessage) -> float:
    """Seconds since 1970; the broker's own note has no fractions."""
    if "x-dead-at" in message.headers:
        return int(str(message.headers["x-dead-at"])) / 1e9
    at = last_death(message).get("time")
    return at.timestamp() if at else 0.0


def envelope_of(message: AbstractIncomingMessage, queue: str) -> Envelope:
    """The event in a dead letter, or a stand-in that shows what it was instead."""
    try:
        return Envelope.model_validate_json(message.body)
    except ValueError:
        text = message.body.decode(errors="replace")
        return Envelope(source=queue, type=message.type or "unknown", subject="", data={"unreadable": text[:10_000]})
