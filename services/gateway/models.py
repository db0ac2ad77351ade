"""What the gateway keeps: credentials, and the read model of everybody else's facts. Pure."""

from datetime import datetime
from typing import Literal

from shared.documents.entities import Entity, now
from shared.runtime.http.principal import Principal

FINAL = ("deleted", "succeeded", "failed", "cancelled", "rejected")
Kind = Literal["dataset", "job", "model", "evaluation", "export", "deployment"]


class Credential(Entity):
    """Something that proves who asks. Only `digest` (sha256 in hex) of the secret is kept."""

    digest: str
    subject: str
    scopes: list[str]
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def alive(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now() < self.expires_at)

    def principal(self) -> Principal:
        """The caller that it stands for."""
        return Principal(self.subject, self.project, tuple(self.scopes))

    def revoke(self) -> None:
        """Never valid again. Repeating it is fine."""
        self.revoked_at = self.revoked_at or now()


class Key(Credential):
    """An API key: `name` is its owner's note, `hint` its last characters."""

    name: str
    hint: str


class Session(Credential):
    """A signed-in browser."""


class Grant(Credential):
    """A credential for one use: a sign-in link or a websocket ticket; `session` is that of the browser that asked."""

    purpose: Literal["sign_in", "live"]
    session: str | None = None


class Thing(Entity):
    """Something that another room owns, as its last event described it.

    `sequence` is the owner's document version then; what is older is ignored, so events may arrive in any order. A
    rejection is numbered by the upload and not by the dataset: it says something only where nothing is known yet.
    """

    kind: Kind
    state: str
    sequence: int = 0
    name: str | None = None
    links: dict[str, str] = {}

    def learn(self, state: str, sequence: int, name: str | None, links: dict[str, str]) -> None:
        """Take over a newer fact; deletion stays."""
        if state == "rejected":
            if self.state == "unknown":
                self.state, self.name = state, name
            return
        if self.state == "deleted" or (sequence <= self.sequence and state != "deleted"):
            return
        self.state, self.sequence, self.name = state, sequence, name or self.name
        self.links = {**self.links, **links}

    def progress(self, state: str) -> None:
        """A state seen in a broadcast: it may be late, so it never undoes an end."""
        if self.state not in FINAL and state not in FINAL:
            self.state = state


class Activity(Entity):
    """One line of what happened lately."""

    time: datetime
    event: str
    kind: Kind
    subject: str
    name: str | None = None
    detail: str | None = None
