"""Sends deliveries: claims what is due, posts it, and records the attempt.

A claim is one compare-and-set that moves the delivery's due time LEASE_S ahead, so of several gateway replicas one
sends it. When a worker was killed, any worker repeats its deliveries after the lease: at least once. Replicas compare
clocks; one whose clock is LEASE_S ahead can send a delivery twice, with the same `webhook-id`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import SystemRandom

import httpx
import structlog

from services.gateway.webhooks.models import GONE, Attempt, Delivery, Webhook
from services.gateway.webhooks.service import SERVICE
from services.gateway.webhooks.signing import signed_headers
from shared.documents.entities import EntityStore, now
from shared.runtime.errors import AnnealError, Conflict, NotFound
from shared.runtime.http.addresses import AddressPolicy
from shared.runtime.http.outbound import outbound_client
from shared.runtime.keyring import Keyring
from shared.runtime.telemetry.metrics import Metrics, Reading

log = structlog.get_logger(__name__)

TIMEOUT_S = 15.0
"""Seconds that a receiver has for its answer, name resolution and connection included."""
POLL_S = 1.0
"""Seconds between looks for what is due; a new event is sent at once."""
PER_WEBHOOK = 4
"""Requests to one webhook at once, so that one without answers leaves the others their connections."""
CONCURRENT = 256
"""Requests to all webhooks at once."""
JITTER = 0.2
"""Share by which a wait is lengthened or shortened at random, so that retries do not arrive together."""
ERROR_LENGTH = 300
GONE_REASON = "its receiver answered 410 Gone"

random = SystemRandom()


def jitter(seconds: float) -> float:
    """The wait, up to 20 % longer or shorter."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)


class Sender:
    """Sends what is due until it is cancelled. `on_gone` is called when a receiver's 410 has disabled its webhook."""

    def __init__(
        self,
        webhooks: EntityStore[Webhook],
        deliveries: EntityStore[Delivery],
        keyring: Keyring,
        policy: AddressPolicy,
        on_gone: Callable[[Webhook], Awaitable[None]],
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._webhooks, self._deliveries, self._keyring = webhooks, deliveries, keyring
        self._policy, self._on_gone, self._clock = policy, on_gone, clock
        self._woken = asyncio.Event()
        self._running: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._attempts = metrics.counter("anneal_webhook_attempts", "Requests to webhooks by outcome", "outcome")
        self._waiting = metrics.reading("anneal_webhook_deliveries", "Deliveries that are not accepted yet", "state")
        metrics.watch("webhooks", self._probe)

    def wake(self) -> None:
        """Look for what is due now."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; interrupted requests are then due at once for the next worker."""
        async with outbound_client(self._policy) as client:
            try:
                while True:
                    self._woken.clear()
                    try:
                        await self._start_due(client)
                    except Exception:
                        log.exception("webhook_round_failed")
                    with suppress(TimeoutError):
                        async with asyncio.timeout(POLL_S):
                            await self._woken.wait()
            finally:
                tasks = [task for _, task in self._running.values()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_due(self, client: httpx.AsyncClient) -> None:
        """Claim and start what is due: of each webhook up to its share, the webhooks in random order."""
        due = {"state": "pending", "due_at": {"$lte": self._clock()}}
        if not await self._deliveries.find(due, order=(("due_at", 1),), limit=1):
            return
        waiting = await self._waiting_webhooks()
        random.shuffle(waiting)
        for webhook_id in waiting:
            in_flight = Counter(owner for owner, _ in self._running.values())
            free = min(PER_WEBHOOK - in_flight[webhook_id], CONCURRENT - len(self._running))
            if free <= 0:
                continue
            where = {**due, "webhook_id": webhook_id}
            for delivery in await self._deliveries.find(where, order=(("due_at", 1),), limit=free):
                await self._claim(client, delivery)

    async def _waiting_webhooks(self) -> list[str]:
        """The webhooks with pending deliveries, stepping from one to the next through the index."""
        found, last = list[str](), ""
        while some := await self._deliveries.find(
            {"state": "pending", "webhook_id": {"$gt": last}}, order=(("webhook_id", 1),), limit=1
        ):
            last = some[0].webhook_id
            found.append(last)
        return found

    async def _claim(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        if delivery.id in self._running:
            return
        moment = self._clock()
        try:
            claimed = await self._deliveries.change(delivery.id, lambda found: found.claim(moment))
        except (Conflict, NotFound):
            return  # another replica was faster
        task = asyncio.create_task(self._deliver(client, claimed))
        self._running[delivery.id] = (delivery.webhook_id, task)

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        """One attempt. If its outcome cannot be stored, it is repeated after the lease."""
        try:
            await self._attempt(client, delivery)
        except asyncio.CancelledError:
            moment = self._clock()
            await self._deliveries.change(delivery.id, lambda found: found.release(delivery.token, moment))
            raise
        except Exception:
            log.exception("webhook_attempt_not_recorded", id=delivery.id)
        finally:
            del self._running[delivery.id]
            self.wake()

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        token = delivery.token
        try:
            webhook, reason = await self._webhooks.get(delivery.webhook_id), "The webhook is disabled."
        except NotFound:
            webhook, reason = None, "The webhook was deleted."
        if webhook is None or webhook.disabled_at:
            await self._deliveries.change(delivery.id, lambda found: found.drop(token, reason))
            return
        started_at, started = now(), time.monotonic()
        status, error = await self._post(client, webhook, delivery)
        seconds = round(time.monotonic() - started, 3)
        attempt = Attempt(started_at=started_at, seconds=seconds, response_status=status, error=error)
        if status == GONE:
            await self._on_gone(await self._webhooks.change(webhook.id, lambda found: found.disable(GONE_REASON)))
        moment = self._clock()
        await self._deliveries.change(delivery.id, lambda found: found.record(token, attempt, moment, jitter))
        self._attempts.labels("failed" if error else "succeeded").inc()
        if error:
            log.warning("webhook_attempt_failed", id=delivery.id, webhook=webhook.id, status=status, error=error)

    async def _post(
        self, client: httpx.AsyncClient, webhook: Webhook, delivery: Delivery
    ) -> tuple[int | None, str | None]:
        """The status of the answer, whose body is not read, and the reason of a failure."""
        try:
            keys = [self._keyring.decrypt(SERVICE, webhook.id, secret) for secret in webhook.secrets()]
            headers = {
                "content-type": "application/json",
                "user-agent": "anneal-webhooks",
                **signed_headers(delivery.id, delivery.body, keys, int(time.time())),
            }
            content = delivery.body.encode()
            async with (
                asyncio.timeout(TIMEOUT_S),
                client.stream("POST", webhook.url, content=content, headers=headers, follow_redirects=False) as answer,
            ):
                status = answer.status_code
        except TimeoutError:
            return None, f"There was no answer within {TIMEOUT_S:g} seconds."
        except AnnealError as error:
            return None, error.detail
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return None, f"{type(error).__name__}: {error}"[:ERROR_LENGTH]
        if 200 <= status < 300:
            return status, None
        redirect = " Redirects are not followed." if 300 <= status < 400 else ""
        return status, f"The receiver answered {status}.{redirect}"

    async def _probe(self) -> list[Reading]:
        return [(self._waiting, ("pending",), await self._deliveries.count({"state": "pending"}))]
