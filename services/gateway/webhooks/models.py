"""Webhooks and their deliveries. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from services.gateway.webhooks.events import WebhookEvent
from shared.documents.entities import Entity, now
from shared.documents.spec import Transition
from shared.runtime.errors import Conflict

DeliveryState = Literal["pending", "succeeded", "failed"]

LEASE_S = 60.0
"""Seconds for which a claimed delivery is its worker's; one that was killed leaves it to any worker after them."""
FIRST_RETRY_S, RETRY_FACTOR, LONGEST_RETRY_S = 5.0, 4.0, 6 * 3600.0
"""Seconds before the first retry, by how much each following wait is longer, and the longest wait."""
RETRY_LIMIT_S = 3 * 24 * 3600.0
"""Seconds after which a failed attempt is the last one."""
LOG_LIMIT = 20
"""Latest attempts that a delivery lists."""
GONE = 410


class Webhook(Entity):
    """A receiver of a project's events: an address, the types of events that it gets, and a secret."""

    NOUN: ClassVar[str] = "webhook"
    LISTED_AT: ClassVar[str] = "/webhooks"

    url: str = Field(description="where deliveries are posted")
    event_types: list[str] = Field(description="the types of events that it gets")
    description: str = Field(default="", description="its owner's note")
    secret: str = Field(description="signing secret, encrypted")
    secret_hint: str = Field(description="last four characters of the secret")
    previous_secret: str | None = Field(default=None, description="the secret before, encrypted")
    previous_until: datetime | None = Field(default=None, description="until when deliveries are signed with it too")
    disabled_at: datetime | None = Field(default=None, description="null while it gets events")
    disabled_reason: str | None = Field(default=None, description="why it gets none")

    def rotate(self, secret: str, hint: str, keep_previous: timedelta | None) -> None:
        """Replace the secret by another encrypted one; the former one is valid for `keep_previous` too."""
        self.previous_secret = self.secret if keep_previous else None
        self.previous_until = now() + keep_previous if keep_previous else None
        self.secret, self.secret_hint = secret, hint

    def secrets(self) -> list[str]:
        """The encrypted secrets that sign a delivery now."""
        if self.previous_secret and self.previous_until and now() < self.previous_until:
            return [self.secret, self.previous_secret]
        return [self.secret]

    def disable(self, reason: str) -> None:
        """Stop deliveries. Idempotent."""
        if self.disabled_at is None:
            self.disabled_at, self.disabled_reason = now(), reason

    def enable(self) -> None:
        """Get events again: those from now on."""
        self.disabled_at = self.disabled_reason = None


class Attempt(BaseModel):
    """One request to the receiver."""

    started_at: datetime = Field(description="UTC")
    seconds: float = Field(description="until the answer or the failure")
    response_status: int | None = Field(description="HTTP status of the answer; null without one")
    error: str | None = Field(description="why it failed; null after a 2xx")


class Delivery(Entity):
    """One event for one webhook, until the receiver has accepted it. Its id is the header `webhook-id`."""

    NOUN: ClassVar[str] = "delivery"

    TRANSITIONS: ClassVar[tuple[Transition, ...]] = (
        Transition("", "pending", "a domain event has a type of the webhook, or a test is requested"),
        Transition("pending", "succeeded", "the receiver answers 2xx"),
        Transition(
            "pending",
            "failed",
            "an attempt fails 3 days or more after the first, the receiver answers 410, or the webhook is disabled or "
            "deleted",
        ),
        Transition("succeeded", "pending", "it is replayed"),
        Transition("failed", "pending", "it is replayed"),
    )

    webhook_id: str = Field(description="the receiver")
    event_id: str = Field(description="`id` of the body: the same in the deliveries of one event to several webhooks")
    event_type: str = Field(description="`type` of the body")
    body: str = Field(description="the JSON text that is posted, the same in every attempt")
    state: DeliveryState = Field(default="pending", description="see the state machine")
    due_at: float | None = Field(
        default=None,
        description="Unix time of the next attempt; during one, when another worker may repeat it; null at the end",
    )
    give_up_at: float = Field(default=0.0, description="Unix time from which a failed attempt is the last one")
    token: int = Field(default=0, description="number of claims; a worker whose claim is not the latest writes nothing")
    failures: int = Field(default=0, description="failed attempts since it was created or replayed")
    attempts: int = Field(default=0, description="attempts in all")
    log: list[Attempt] = Field(default=[], description="the latest 20 attempts, oldest first")
    finished_at: datetime | None = Field(default=None, description="when it succeeded or failed; null before")

    @classmethod
    def of(cls, id: str, webhook: Webhook, event: WebhookEvent, moment: float) -> "Delivery":
        """A delivery of an event, due now."""
        return cls(
            id=id,
            project=webhook.project,
            webhook_id=webhook.id,
            event_id=event.id,
            event_type=event.type,
            body=event.model_dump_json(),
            due_at=moment,
            give_up_at=moment + RETRY_LIMIT_S,
        )

    def claim(self, moment: float) -> None:
        """Take it for LEASE_S seconds. Raises Conflict unless it is due."""
        if self.state != "pending" or self.due_at is None or self.due_at > moment:
            raise Conflict("The delivery is not due.")
        self.token, self.due_at = self.token + 1, moment + LEASE_S

    def release(self, token: int, moment: float) -> None:
        """Give an interrupted claim back: it is due at once."""
        if self.state == "pending" and self.token == token:
            self.due_at = moment

    def record(self, token: int, attempt: Attempt, moment: float, jitter: Callable[[float], float]) -> None:
        """Record an attempt of the claim `token`: success, the time of a retry, or the end."""
        if self.state != "pending" or self.token != token:
            return
        self.attempts, self.log = self.attempts + 1, [*self.log, attempt][-LOG_LIMIT:]
        if attempt.error is None:
            self._finish("succeeded")
            return
        self.failures += 1
        if attempt.response_status == GONE or moment >= self.give_up_at:
            self._finish("failed")
        else:
            self.due_at = moment + jitter(retry_delay_s(self.failures))

    def drop(self, token: int, reason: str) -> None:
        """End it without a request: its webhook is disabled or deleted."""
        if self.state == "pending" and self.token == token:
            attempt = Attempt(started_at=now(), seconds=0.0, response_status=None, error=reason)
            self.log = [*self.log, attempt][-LOG_LIMIT:]
            self._finish("failed")

    def replay(self, moment: float) -> None:
        """Send it again, with all its retries. Raises Conflict while it is pending."""
        if self.state == "pending":
            due = datetime.fromtimestamp(self.due_at or moment, UTC)
            detail = f"The delivery is pending; its next attempt is at {due:%Y-%m-%d %H:%M:%S} UTC or before."
            raise Conflict(detail, field="state", limit=["succeeded", "failed"], remedy="Wait for its end.")
        self.state, self.finished_at, self.failures = "pending", None, 0
        self.due_at, self.give_up_at = moment, moment + RETRY_LIMIT_S

    def _finish(self, state: DeliveryState) -> None:
        self.state, self.finished_at, self.due_at = state, now(), None


def retry_delay_s(failures: int) -> float:
    """Seconds before the retry after so many failures, without jitter: 5 s, 20 s, 80 s … up to 6 h."""
    return float(min(FIRST_RETRY_S * RETRY_FACTOR ** min(failures - 1, 10), LONGEST_RETRY_S))
