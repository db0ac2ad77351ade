"""A line of the audit log. Pure."""

import re
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, Field

from shared.documents.entities import Entity, Public

KINDS = {
    "ds": "dataset",
    "dsv": "dataset",
    "imp": "import",
    "base": "base_model",
    "dep": "deployment",
    "evalrun": "eval_run",
}
"""Prefix of an id -> kind of the resource, where the prefix is not the kind itself."""
ID = re.compile(r"([a-z]+)_[0-9a-f]{20}")


class Recorded(BaseModel):
    """What a line states."""

    subject: str = Field(
        default="",
        description="who: a key, `operator`, or for an event the service `anneal/…`; empty where nobody was signed in",
    )
    credential: str | None = Field(default=None, description="id of the key or browser session that was used")
    action: str = Field(description="method and route (`DELETE /datasets/{id}`), an event's type, or an audit event")
    resource: str | None = Field(default=None, description="kind of the resource, such as `job`")
    resource_id: str | None = Field(default=None, description="its id")
    address: str | None = Field(default=None, description="the caller's IP address")
    status: int | None = Field(
        default=None, description="HTTP status of the answer; null: an event, or no answer was sent (yet)"
    )
    trace_id: str | None = Field(default=None, description="trace of the request, which its log lines have too")
    detail: str | None = Field(default=None, description="one line")
    count: int = Field(default=1, description="number of equal refused requests that the line stands for")
    recorded_at: datetime | None = Field(default=None, description="when its outcome was recorded; null: not yet")
    writer: str | None = Field(default=None, description="the hash chain it is part of; null until then")
    number: int | None = Field(default=None, description="its position in the chain, from 1")
    previous: str | None = Field(default=None, description="hash of the line before it in the chain")
    hash: str | None = Field(default=None, description="SHA-256 of all other fields but updated_at, as canonical JSON")


class AuditLine(Recorded, Entity):
    """A state change, a use of a credential, or refused requests.

    A request's line is stored before the request is served, and completed once, with its outcome, before the answer
    is sent.
    """

    NOUN: ClassVar[str] = "audit line"
    LISTED_AT: ClassVar[str] = "/audit"


class AuditView(Recorded, Public):
    """A line of the audit log."""


def kind_of(id: str | None) -> str | None:
    """The kind of the resource with this id, or None where it is not one of the platform's ids."""
    match = ID.fullmatch(id or "")
    return KINDS.get(match[1], match[1]) if match else None
