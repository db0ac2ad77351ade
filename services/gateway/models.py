"""Entities of the gateway: credentials, and the read model of the other services' resources. Pure."""

from datetime import datetime
from typing import Literal

from shared.documents.entities import Entity, now
from shared.runtime.http.principal import Principal

FINAL_STATES = ("deleted", "succeeded", "failed", "cancelled", "rejected")
Kind = Literal["dataset", "job", "model", "evaluation", "export", "deployment"]


class Credential(Entity):
    """A secret that authenticates a caller. Only `digest`, its SHA-256 in hex, is stored."""

    digest: str
    subject: str
    scopes: list[str]
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now() < self.expires_at)

    def principal(self) -> Principal:
        """Return the caller that it authenticates."""
        return Principal(self.subject, self.project, tuple(self.scopes))

    def revoke(self) -> None:
        """Revoke it. Idempotent."""
        self.revoked_at = self.revoked_at or now()


class Key(Credential):
    """An API key: `name` is its owner's note, `hint` the secret's last characters."""

    name: str
    hint: str


class Session(Credential):
    """The session of a signed-in browser."""


class Grant(Credential):
    """A single-use credential: a sign-in link, or a websocket ticket with the browser session that requested it."""

    purpose: Literal["sign_in", "live"]
    session: str | None = None


class TrackedResource(Entity):
    """A resource of another service, as its latest event described it.

    `sequence` is the owner's document version at that event. Older events are ignored, so they may arrive in any order.
    A rejection carries the upload's version instead of the dataset's, so it counts only while the dataset is unknown.
    """

    kind: Kind
    state: str
    sequence: int = 0
    name: str | None = None
    links: dict[str, str] = {}

    def apply(self, state: str, sequence: int, name: str | None, links: dict[str, str]) -> None:
        """Apply a newer event. A deletion is final."""
        if state == "rejected":
            if self.state == "unknown":
                self.state, self.name = state, name
            return
        if self.state == "deleted" or (sequence <= self.sequence and state != "deleted"):
            return
        self.state, self.sequence, self.name = state, sequence, name or self.name
        self.links = {**self.links, **links}

    def apply_progress(self, state: str) -> None:
        """Apply a state from a broadcast. Broadcasts may be late, so they never replace a final state."""
        if self.state not in FINAL_STATES and state not in FINAL_STATES:
            self.state = state


class Activity(Entity):
    """One line of recent activity."""

    time: datetime
    event: str
    kind: Kind
    subject: str
    name: str | None = None
    detail: str | None = None
