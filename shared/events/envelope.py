"""CloudEvents 1.0 envelopes, and the frozen base class of every event's data."""

import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.runtime.telemetry.tracing import nearest, traceparent


class Event(BaseModel):
    """A fact that a service publishes. `type` is its name, version and routing key, e.g. training.succeeded.v1."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: ClassVar[str]


class Envelope(BaseModel):
    """A CloudEvents 1.0 JSON envelope with our extension attributes.

    `sequence` is the version of the document that the event describes: consumers ignore lower ones.
    `correlationid` is the job id where there is one.
    """

    model_config = ConfigDict(frozen=True)

    specversion: str = "1.0"
    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    source: str
    type: str
    subject: str
    time: datetime = Field(default_factory=lambda: datetime.now(UTC))
    datacontenttype: str = "application/json"
    data: dict[str, Any]
    sequence: int = 0
    project: str = "default"
    traceparent: str | None = Field(default_factory=traceparent)
    correlationid: str | None = None

    @classmethod
    def of(
        cls, event: Event, *, service: str, subject: str, project: str, sequence: int = 0, trace: str | None = None
    ) -> "Envelope":
        """Wrap an event of `service` about `subject` (an id); `trace` is the subject's stored traceparent."""
        data = event.model_dump(mode="json")
        return cls(
            source=f"anneal/{service}",
            type=event.type,
            subject=subject,
            project=project,
            sequence=sequence,
            data=data,
            correlationid=data.get("job_id"),
            traceparent=nearest(trace),
        )
