"""Entities of the gateway: credentials, and the read model of the other services' resources. Pure."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from shared.documents.entities import Entity, now
from shared.runtime.http.principal import Principal

FINAL_STATES = ("deleted", "succeeded", "failed", "cancelled", "rejected")
Role = Literal["viewer", "member", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "member", "admin")
"""Lowest first."""
Kind = Literal["dataset", "job", "model", "evaluation", "export", "deployment"]
KINDS: tuple[Kind, ...] = ("dataset", "job", "model", "evaluation", "export", "deployment")


class Credential(Entity):
    """A secret that authenticates a caller. Only `digest`, its SHA-256 in hex, is stored."""

    digest: str = Field(description="SHA-256 of the secret, in hex; the secret itself is not stored")
    subject: str = Field(description="who it authenticates")
    scopes: list[str] = Field(description="what its holder may do; `*` is everything")
    expires_at: datetime | None = Field(default=None, description="null: never")
    revoked_at: datetime | None = Field(default=None, description="null while it is valid")

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

    NOUN: ClassVar[str] = "API key"
    LISTED_AT: ClassVar[str] = "/auth/keys"

    name: str = Field(description="its owner's note")
    hint: str = Field(description="last four characters of the secret")
    created_by: str | None = Field(
        default=None, description="the key or user that created it, and with which it ends; null: the platform"
    )


class Session(Credential):
    """The session of a signed-in browser. It ends when it has not been used until `idle_until`."""

    idle_until: datetime | None = Field(default=None, description="moved on by use; null before its first use")

    @property
    def active(self) -> bool:
        """Whether it is neither revoked nor expired nor idle for too long."""
        return super().active and (self.idle_until is None or now() < self.idle_until)


class Grant(Credential):
    """A single-use credential, a sign-in link or a websocket ticket, with the browser session that requested it."""

    purpose: Literal["sign_in", "live"] = Field(description="a sign-in link or a websocket ticket")
    session: str | None = Field(
        default=None, description="the browser session that requested it, and with which it ends"
    )


class Project(Entity):
    """A project; its id is its name, which keys and sessions are bound to."""

    NOUN: ClassVar[str] = "project"
    LISTED_AT: ClassVar[str] = "/auth/projects"


class User(Entity):
    """A person who has signed in at the identity provider."""

    NOUN: ClassVar[str] = "user"
    LISTED_AT: ClassVar[str] = "/auth/users"

    issuer: str = Field(description="the identity provider")
    issuer_subject: str = Field(description="its id there, the claim `sub`")
    email: str | None = Field(default=None, description="as the identity provider gave it at the last sign-in")
    email_verified: bool = Field(default=False, description="whether it is the user's own, by the identity provider")
    name: str | None = Field(default=None, description="as the identity provider gave it at the last sign-in")
    signed_in_at: datetime | None = Field(default=None, description="the last sign-in")
    disabled_at: datetime | None = Field(default=None, description="null while the user may sign in")


class Membership(Entity):
    """A user's role in a project: the higher one of what an admin granted and what the groups give."""

    NOUN: ClassVar[str] = "membership"

    user_id: str = Field(description="the user")
    granted: Role | None = Field(default=None, description="the role that an admin granted")
    from_groups: Role | None = Field(default=None, description="the role by the user's groups at the last sign-in")

    @property
    def role(self) -> Role | None:
        """The role, or None for a former member."""
        held = (self.granted, self.from_groups)
        return next((role for role in reversed(ROLES) if role in held), None)


class LimitOverrides(Entity):
    """The limits that the API set for one key or project, in place of the settings' defaults."""

    target: str = Field(description="key/<subject> or project/<name>")
    values: dict[str, int | None] = Field(default={}, description="by name; null: no limit")


class TrackedResource(Entity):
    """A resource of another service, as its latest event described it.

    `sequence` is the owner's document version at that event. Older events are ignored, so they may arrive in any order.
    A rejection carries the upload's version instead of the dataset's, so it counts only while the dataset is unknown.
    """

    kind: Kind = Field(description="kind of the resource")
    state: str = Field(description="its owner's last reported state, or `deleted`")
    sequence: int = Field(
        default=0, description="version of the owner's document at the last event; older events are ignored"
    )
    name: str | None = Field(default=None, description="display name")
    name_sequence: int = Field(
        default=0,
        description="version of the owner's document at the last renaming; other events do not replace its name",
    )
    links: dict[str, str] = Field(default={}, description="ids of related resources, by role")

    def rename(self, name: str | None, sequence: int) -> None:
        """Apply a newer name. A model's other events have its job's sequence, so names have their own."""
        if self.state != "deleted" and sequence > self.name_sequence:
            self.name, self.name_sequence = name, sequence

    def apply(self, state: str, sequence: int, name: str | None, links: dict[str, str]) -> None:
        """Apply a newer event. A deletion is final."""
        if state == "rejected":
            if self.state == "unknown":
                self.state, self.name = state, name
            return
        if self.state == "deleted" or (sequence <= self.sequence and state != "deleted"):
            return
        self.state, self.sequence = state, sequence
        self.name = self.name if self.name_sequence else name or self.name
        self.links = {**self.links, **links}

    def apply_progress(self, state: str) -> None:
        """Apply a state from a broadcast. Broadcasts may be late, so they never replace a final state."""
        if self.state not in FINAL_STATES and state not in FINAL_STATES:
            self.state = state


class LineageEdge(Entity):
    """From a resource to one that was made with it. A node is `<kind>/<id>`."""

    source: str = Field(description="the earlier node")
    relation: str = Field(description="what was done with it")
    target: str = Field(description="the later node")


class Activity(Entity):
    """One line of recent activity."""

    time: datetime = Field(description="when the event was stated")
    event: str = Field(description="event type")
    kind: Kind = Field(description="kind of the resource")
    subject: str = Field(description="its id")
    name: str | None = Field(default=None, description="its name at that time")
    detail: str | None = Field(default=None, description="one line")
