"""The use cases around webhooks: manage them, create a delivery for every event, replay, and retention."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.webhooks.events import NAMES, TEST_EVENT, EventData, EventType, WebhookEvent
from services.gateway.webhooks.models import Delivery, Webhook
from services.gateway.webhooks.signing import generate_secret
from shared.documents.entities import EntityStore, Page, derived_id, new_id, now
from shared.events.envelope import Envelope, Event
from shared.runtime.errors import AnnealError, Conflict, InvalidInput, NotFound
from shared.runtime.http.addresses import AddressPolicy, SourceUnreachable
from shared.runtime.http.display_name import DisplayName
from shared.runtime.http.outbound import PORTS
from shared.runtime.keyring import Keyring

log = structlog.get_logger(__name__)

SERVICE = "gateway"
WEBHOOKS_LIMIT = 20
"""Webhooks of a project."""
PREVIOUS_SECRET = timedelta(hours=24)
RETENTION = timedelta(days=30)
RESOLVER_THREADS = 4
"""Addresses of requests that are checked at once; a slow name server holds no threads of others."""
PURGE_BATCH = 500
URL_REMEDY = "Give an address such as https://receiver.example.com/anneal."


class NewWebhook(BaseModel):
    """A request for a webhook."""

    model_config = ConfigDict(extra="forbid")

    url: DisplayName = Field(min_length=1, max_length=2000, description="https address of the receiver")
    event_types: list[EventType] = Field(min_length=1, max_length=100, description="the events that it gets")
    description: DisplayName = Field(default="", max_length=200, description="a note: what receives it")


class WebhookChange(BaseModel):
    """Changes of a webhook. What is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: DisplayName | None = Field(default=None, min_length=1, max_length=2000)
    event_types: list[EventType] | None = Field(default=None, min_length=1, max_length=100)
    description: DisplayName | None = Field(default=None, max_length=200)
    enabled: bool | None = Field(default=None, description="false: it gets no events; those meanwhile are not sent")


class Webhooks:
    """Webhooks and the deliveries that they cause. `wake` is called when a delivery is due."""

    def __init__(
        self,
        webhooks: EntityStore[Webhook],
        deliveries: EntityStore[Delivery],
        keyring: Keyring,
        policy: AddressPolicy,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._webhooks, self._deliveries = webhooks, deliveries
        self._keyring, self._policy, self._wake, self._clock = keyring, policy, wake, clock
        self._creating, self._threads = asyncio.Lock(), ThreadPoolExecutor(RESOLVER_THREADS, "resolve")

    async def create(self, project: str, request: NewWebhook) -> tuple[Webhook, str]:
        """Create a webhook; the second value is its secret. Raises InvalidInput, AddressRefused and Conflict."""
        await self._require_address(request.url)
        id, secret = new_id("webhook"), generate_secret()
        webhook = Webhook(
            id=id,
            project=project,
            url=request.url,
            event_types=list(dict.fromkeys(request.event_types)),
            description=request.description,
            secret=self._keyring.encrypt(SERVICE, id, secret),
            secret_hint=secret[-4:],
        )
        async with self._creating:
            if await self._webhooks.for_project(project).count() >= WEBHOOKS_LIMIT:
                detail = f"The project has {WEBHOOKS_LIMIT} webhooks."
                raise Conflict(detail, field="webhooks", limit=WEBHOOKS_LIMIT, remedy="Delete one that is not used.")
            return await self._webhooks.create(webhook), secret

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[Webhook]:
        """A page of the project's webhooks, newest first."""
        return await self._webhooks.for_project(project).page(limit=limit, cursor=cursor)

    async def get(self, project: str, id: str) -> Webhook:
        """Return a webhook. Raises NotFound."""
        return await self._webhooks.for_project(project).get(id)

    async def change(self, project: str, id: str, request: WebhookChange) -> Webhook:
        """Change a webhook. Raises NotFound, InvalidInput and AddressRefused."""
        await self.get(project, id)
        if request.url is not None:
            await self._require_address(request.url)

        def apply(webhook: Webhook) -> None:
            webhook.url = request.url or webhook.url
            webhook.event_types = list(dict.fromkeys(request.event_types or webhook.event_types))
            webhook.description = webhook.description if request.description is None else request.description
            if request.enabled is not None:
                webhook.enable() if request.enabled else webhook.disable("by its owner")

        return await self._webhooks.for_project(project).change(id, apply)

    async def delete(self, project: str, id: str) -> None:
        """Delete a webhook. What is still to be delivered to it is not sent. Raises NotFound."""
        await self._webhooks.for_project(project).delete(id)

    async def rotate_secret(self, project: str, id: str, *, keep_previous: bool) -> tuple[Webhook, str]:
        """Give a webhook a new secret, the second value; the former one also signs for a day. Raises NotFound."""
        secret = generate_secret()
        encrypted, kept = self._keyring.encrypt(SERVICE, id, secret), PREVIOUS_SECRET if keep_previous else None
        store = self._webhooks.for_project(project)
        return await store.change(id, lambda webhook: webhook.rotate(encrypted, secret[-4:], kept)), secret

    async def record(self, event: Event, envelope: Envelope) -> None:
        """Create a delivery for each webhook that gets this event; once, however often the event arrives."""
        name = NAMES.get(type(event))
        for webhook in await self._webhooks.for_project(envelope.project).find({"disabled_at": None}):
            if name in webhook.event_types:
                id = derived_id("delivery", envelope.id, webhook.id)
                body = WebhookEvent.of(event, envelope)
                await self._deliveries.create(Delivery.of(id, webhook, body, self._clock()))
                self._wake()

    async def send_test(self, project: str, id: str) -> Delivery:
        """Create a delivery of the type `webhook.test`. Raises NotFound, and Conflict for a disabled webhook."""
        webhook = await self._require_enabled(project, id)
        data = EventData(id=webhook.id)
        event = WebhookEvent(id=new_id("evt"), type=TEST_EVENT, created_at=int(time.time()), data=data)
        delivery = Delivery.of(new_id("delivery"), webhook, event, self._clock())
        created = await self._deliveries.create(delivery)
        self._wake()
        return created

    async def deliveries(
        self, project: str, webhook_id: str, where: dict[str, str], limit: int, cursor: str | None
    ) -> Page[Delivery]:
        """A page of a webhook's deliveries, newest first. Raises NotFound."""
        await self.get(project, webhook_id)
        where = {"webhook_id": webhook_id, **where}
        return await self._deliveries.for_project(project).page(where, limit=limit, cursor=cursor)

    async def delivery(self, project: str, webhook_id: str, id: str) -> Delivery:
        """Return a delivery of a webhook. Raises NotFound."""
        found = await self._deliveries.for_project(project).get(id)
        if found.webhook_id != webhook_id:
            remedy = f"GET /webhooks/{webhook_id}/deliveries lists its deliveries."
            raise NotFound(f"The webhook has no delivery {id!r}.", field="delivery_id", remedy=remedy)
        return found

    async def replay(self, project: str, webhook_id: str, id: str) -> Delivery:
        """Send a finished delivery again, with the same `webhook-id`. Raises NotFound and Conflict."""
        await self._require_enabled(project, webhook_id)
        await self.delivery(project, webhook_id, id)
        moment = self._clock()
        replayed = await self._deliveries.for_project(project).change(id, lambda delivery: delivery.replay(moment))
        self._wake()
        return replayed

    async def delete_expired(self) -> None:
        """Delete deliveries that ended RETENTION ago. An event that arrives again after that is delivered again."""
        before = {"finished_at": {"$lt": _sortable(now() - RETENTION)}}
        while found := await self._deliveries.find(before, order=(("finished_at", 1),), limit=PURGE_BATCH):
            for delivery in found:
                await self._deliveries.remove(delivery.id)

    async def encrypt_again(self) -> None:
        """Encrypt secrets under the platform's current secret that are encrypted under the previous one."""
        for webhook in await self._webhooks.find():
            try:
                encrypt_again = partial(self._keyring.encrypt_again, SERVICE, webhook.id)
                fresh = {stored: encrypt_again(stored) for stored in webhook.secrets()}
            except AnnealError as error:
                log.error("webhook_secret_unreadable", id=webhook.id, detail=error.detail)
                continue
            if any(old != new for old, new in fresh.items()):
                await self._webhooks.change(webhook.id, partial(_replace, fresh=fresh))

    async def _require_enabled(self, project: str, id: str) -> Webhook:
        webhook = await self.get(project, id)
        if webhook.disabled_at:
            remedy = f'Enable it with PATCH /webhooks/{id} and {{"enabled": true}}.'
            raise Conflict("The webhook is disabled.", field="enabled", limit=True, remedy=remedy)
        return webhook

    async def _require_address(self, url: str) -> None:
        """Raise InvalidInput or AddressRefused for an address that no delivery could reach."""
        try:
            parsed = httpx.URL(url)
            host = parsed.raw_host.decode("ascii")
        except (httpx.InvalidURL, UnicodeError) as error:
            raise InvalidInput("The url is not an address.", field="url", remedy=URL_REMEDY) from error
        if parsed.scheme not in PORTS or not host:
            raise InvalidInput("The url is not a web address.", field="url", limit=list(PORTS), remedy=URL_REMEDY)
        if parsed.userinfo or parsed.fragment:
            part = "a user or password" if parsed.userinfo else "a fragment"
            remedy = "Leave it out: the signature proves who sends a delivery."
            raise InvalidInput(f"The url has {part}.", field="url", limit="scheme, host, path, query", remedy=remedy)
        try:
            port = parsed.port or PORTS[parsed.scheme]
            resolve = partial(self._policy.resolve, parsed.scheme, host, port)
            await asyncio.get_running_loop().run_in_executor(self._threads, resolve)
        except SourceUnreachable as error:
            raise InvalidInput(error.detail, field="url", remedy=error.remedy) from error


def _replace(webhook: Webhook, fresh: dict[str, str]) -> None:
    """Replace encrypted secrets by fresh ones, unless they were rotated meanwhile."""
    webhook.secret = fresh.get(webhook.secret, webhook.secret)
    webhook.previous_secret = fresh.get(webhook.previous_secret or "", webhook.previous_secret or "") or None


def _sortable(time: datetime) -> str:
    """The time as text that sorts among stored ones, which end with Z."""
    return time.isoformat(timespec="microseconds").removesuffix("+00:00")
