"""The entity of a push, with its states."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from shared.documents.entities import now
from shared.events.envelope import Event
from shared.runtime.jobs.work import Work

Destination = Literal["hub", "object_store"]


class Push(Work):
    """A copy of an export's files that is being made elsewhere."""

    NOUN: ClassVar[str] = "push"
    LISTED_AT: ClassVar[str] = "/exports/{id}/pushes"

    export_id: str = Field(description="the export")
    export_uri: str = Field(description="artifact with its files, when the push was requested")
    destination: Destination = Field(description="hub or object_store")
    location: str = Field(description="hub id of the repository, or address of the folder without its key")
    revision: str | None = Field(default=None, description="branch of the repository; null: main")
    public: bool = Field(default=False, description="whether a public repository is allowed")
    secret: str | None = Field(
        default=None, description="token or address with its key, encrypted; removed as soon as the push ends"
    )
    bytes_done: int = Field(default=0, description="bytes uploaded, or found there already")
    bytes_total: int | None = Field(default=None, description="bytes of all files; null: unknown")
    url: str | None = Field(default=None, description="address of the commit or the folder")

    def on_failed(self) -> Sequence[Event]:
        """No event: its state shows it. The secret is deleted."""
        self.secret = None
        return ()

    def on_cancelled(self) -> Sequence[Event]:
        """No event: its owner's request is recorded. The secret is deleted."""
        self.secret = None
        return ()

    def advance(self, done: int, total: int) -> None:
        """Record progress."""
        self.bytes_done, self.bytes_total = done, total

    def mark_committed(self, url: str) -> None:
        """The commit is made: from here on, a cancellation comes too late."""
        self.url = url

    def mark_cancelled(self) -> Sequence[Event]:
        """Cancel it, unless it is final already; it has succeeded where its commit is made."""
        if self.url and not self.final:
            self.succeed(self.url)
        return super().mark_cancelled()

    def succeed(self, url: str) -> None:
        """All files are there."""
        self.secret, self.runner, self.url = None, None, url
        self.state, self.finished_at, self.bytes_done = "succeeded", now(), self.bytes_total or self.bytes_done
