"""Events as AMQP messages: properties, headers of failed deliveries, fields of dead letters."""

from typing import Any

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from shared.events.envelope import Envelope

CONTENT_TYPE = "application/cloudevents+json"


def message_of(envelope: Envelope, *, persistent: bool = True, **headers: Any) -> Message:
    """An envelope as a message; trace and job only where it has them."""
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


def copy_of(message: AbstractIncomingMessage, **headers: Any) -> Message:
    """Copy body and properties into a new message; of the headers only the trace."""
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
    """Number of failed attempts."""
    return int(str(message.headers.get("x-attempt", 0)))


def last_death(message: AbstractIncomingMessage) -> dict[str, Any]:
    """The broker's latest `x-death` entry, from its own dead-lettering."""
    deaths: Any = message.headers.get("x-death") or [{}]
    return dict(deaths[0])


def queue_of(message: AbstractIncomingMessage) -> str:
    """The queue that a dead letter came from."""
    return str(message.headers.get("x-queue") or last_death(message).get("queue", ""))


def letter_id(message: AbstractIncomingMessage) -> str:
    """The id by which a dead letter is replayed."""
    return str(message.headers.get("x-dead-id") or f"{queue_of(message)}:{message.message_id}")


def died_at(message: AbstractIncomingMessage) -> float:
    """When it became a dead letter, in seconds since 1970; whole seconds where the broker dead-lettered it."""
    if "x-dead-at" in message.headers:
        return int(str(message.headers["x-dead-at"])) / 1e9
    at = last_death(message).get("time")
    return at.timestamp() if at else 0.0


def envelope_of(message: AbstractIncomingMessage, queue: str) -> Envelope:
    """The event in a dead letter, or a substitute that shows an unreadable body."""
    try:
        return Envelope.model_validate_json(message.body)
    except ValueError:
        text = message.body.decode(errors="replace")
        return Envelope(source=queue, type=message.type or "unknown", subject="", data={"unreadable": text[:10_000]})
