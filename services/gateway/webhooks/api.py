"""HTTP: webhooks, their deliveries, test and replay below `/webhooks`."""

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.webhooks.models import Attempt, Delivery, DeliveryState, Webhook
from services.gateway.webhooks.service import NewWebhook, WebhookChange, Webhooks
from shared.documents.entities import Page, Public
from shared.runtime.http.principal import Caller

Limit = Annotated[int, Query(ge=1, le=100)]


class WebhookView(Public):
    """A webhook, without its secret."""

    url: str = Field(description="where deliveries are posted")
    event_types: list[str] = Field(description="the events that it gets")
    description: str = Field(description="its owner's note")
    enabled: bool = Field(description="false: it gets no events")
    disabled_reason: str | None = Field(description="why it is not enabled")
    secret_hint: str = Field(description="the last characters of the secret")
    previous_secret_until: datetime | None = Field(description="until when the former secret signs too; null: never")

    @classmethod
    def of(cls, webhook: Webhook, **more: str) -> Self:
        """The view of a webhook; `more` are the fields of a derived view."""
        until, enabled = webhook.previous_until, webhook.disabled_at is None
        return cls(**{**webhook.model_dump(), "enabled": enabled, "previous_secret_until": until, **more})


class IssuedWebhook(WebhookView):
    """A webhook with its secret, which is shown only once."""

    secret: str = Field(description="signing secret, `whsec_…`; it cannot be shown again")


class SecretRotation(BaseModel):
    """How a secret is replaced."""

    model_config = ConfigDict(extra="forbid")

    keep_old_secret_active_for_24_hours: bool = Field(
        default=False, description="deliveries are signed with both secrets for a day; false: with the new one at once"
    )


class DeliveryView(Public):
    """One event for one webhook."""

    webhook_id: str
    event_id: str = Field(description="`id` of the body")
    event_type: str
    state: DeliveryState
    attempts: int = Field(description="requests to the receiver so far")
    next_attempt_at: datetime | None = Field(description="UTC, at the latest; null at the end")
    response_status: int | None = Field(description="HTTP status of the latest answer; null without one")
    error: str | None = Field(description="why the latest attempt failed; null after a 2xx")
    finished_at: datetime | None
    log: list[Attempt] = Field(description="the latest 20 attempts, oldest first")
    body: str = Field(description="the JSON text that is posted")

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """The view of a delivery."""
        latest = delivery.log[-1] if delivery.log else None
        return cls(
            **delivery.model_dump(),
            next_attempt_at=None if delivery.due_at is None else datetime.fromtimestamp(delivery.due_at, UTC),
            response_status=latest.response_status if latest else None,
            error=latest.error if latest else None,
        )


def routes(webhooks: Webhooks) -> APIRouter:
    """Return the routes. Each project has its own webhooks."""
    router = APIRouter(tags=["Webhooks"])
    _manage(router, webhooks)
    _deliver(router, webhooks)
    return router


def _manage(router: APIRouter, webhooks: Webhooks) -> None:
    """Add the routes of the webhooks themselves."""

    @router.post("/webhooks", status_code=201)
    async def create_webhook(body: NewWebhook, caller: Caller) -> IssuedWebhook:
        """Create a webhook. Its signing secret is in this response only."""
        webhook, secret = await webhooks.create(caller.project, body)
        return IssuedWebhook.of(webhook, secret=secret)

    @router.get("/webhooks")
    async def list_webhooks(caller: Caller, limit: Limit = 50, cursor: str | None = None) -> Page[WebhookView]:
        """List the project's webhooks, newest first."""
        page = await webhooks.page(caller.project, limit, cursor)
        return Page[WebhookView](items=[WebhookView.of(each) for each in page.items], next_cursor=page.next_cursor)

    @router.get("/webhooks/{webhook_id}")
    async def show_webhook(webhook_id: str, caller: Caller) -> WebhookView:
        """Show a webhook."""
        return WebhookView.of(await webhooks.get(caller.project, webhook_id))

    @router.patch("/webhooks/{webhook_id}")
    async def change_webhook(webhook_id: str, body: WebhookChange, caller: Caller) -> WebhookView:
        """Change a webhook's address, events or description; disable or enable it."""
        return WebhookView.of(await webhooks.change(caller.project, webhook_id, body))

    @router.delete("/webhooks/{webhook_id}", status_code=204)
    async def delete_webhook(webhook_id: str, caller: Caller) -> None:
        """Delete a webhook. What is still to be delivered to it is not sent."""
        await webhooks.delete(caller.project, webhook_id)

    @router.post("/webhooks/{webhook_id}/rotate_secret")
    async def rotate_webhook_secret(
        webhook_id: str, caller: Caller, body: SecretRotation = SecretRotation()
    ) -> IssuedWebhook:
        """Replace a webhook's signing secret. The new one is in this response only."""
        keep = body.keep_old_secret_active_for_24_hours
        webhook, secret = await webhooks.rotate_secret(caller.project, webhook_id, keep_previous=keep)
        return IssuedWebhook.of(webhook, secret=secret)


def _deliver(router: APIRouter, webhooks: Webhooks) -> None:
    """Add the routes of deliveries."""

    @router.post("/webhooks/{webhook_id}/test", status_code=202)
    async def test_webhook(webhook_id: str, caller: Caller) -> DeliveryView:
        """Send an event of the type `webhook.test`. Its delivery shows the outcome."""
        return DeliveryView.of(await webhooks.send_test(caller.project, webhook_id))

    @router.get("/webhooks/{webhook_id}/deliveries")
    async def list_webhook_deliveries(
        webhook_id: str,
        caller: Caller,
        state: DeliveryState | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[DeliveryView]:
        """List a webhook's deliveries, newest first. They are kept for 30 days after their end."""
        where = {"state": str(state)} if state else {}
        page = await webhooks.deliveries(caller.project, webhook_id, where, limit, cursor)
        return Page[DeliveryView](items=[DeliveryView.of(each) for each in page.items], next_cursor=page.next_cursor)

    @router.get("/webhooks/{webhook_id}/deliveries/{delivery_id}")
    async def show_webhook_delivery(webhook_id: str, delivery_id: str, caller: Caller) -> DeliveryView:
        """Show a delivery."""
        return DeliveryView.of(await webhooks.delivery(caller.project, webhook_id, delivery_id))

    @router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", status_code=202)
    async def replay_webhook_delivery(webhook_id: str, delivery_id: str, caller: Caller) -> DeliveryView:
        """Send a finished delivery again, with the same `webhook-id` and body."""
        return DeliveryView.of(await webhooks.replay(caller.project, webhook_id, delivery_id))
