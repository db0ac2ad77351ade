"""The worker that sends deliveries, on the embedded documents, with a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from services.gateway.store import Stores
from services.gateway.webhooks import sender
from services.gateway.webhooks.events import NAMES
from services.gateway.webhooks.models import LEASE_S, LONGEST_RETRY_S, RETRY_LIMIT_S, Attempt, Delivery, Webhook
from services.gateway.webhooks.sender import JITTER, Sender
from services.gateway.webhooks.service import RETENTION, NewWebhook, Webhooks
from shared.documents.entities import now
from shared.events.registry import CONSUMERS
from shared.runtime.errors import Conflict
from shared.runtime.http.addresses import AddressPolicy
from shared.runtime.resources import open_resources
from shared.runtime.service import background
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Metrics
from tests.support.platform import wait_until
from tests.support.webhook_receiver import Receiver, run_receiver

START = 1_800_000_000.0
HOUR = 3600.0


@dataclass
class World:
    """Two replicas' workers on one database, of which a test runs what it needs, and a receiver."""

    stores: Stores
    webhooks: Webhooks
    senders: list[Sender]
    receiver: Receiver
    time: float = START
    gone: list[Webhook] = field(default_factory=list)

    async def sent_to(self, url: str) -> Delivery:
        """A delivery to a new webhook at this address."""
        webhook, _ = await self.webhooks.create("default", NewWebhook(url=url, event_types=["dataset.ready.v1"]))
        return await self.webhooks.send_test("default", webhook.id)

    async def attempted(self, id: str, attempts: int) -> Delivery:
        """The delivery after so many attempts."""

        async def look() -> Delivery | None:
            found = await self.stores.deliveries.get(id)
            return found if found.attempts == attempts else None

        found: Delivery = await wait_until(look)
        return found

    def advance(self, seconds: float) -> None:
        """Move the clock, and let the workers look."""
        self.time += seconds
        for each in self.senders:
            each.wake()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        resources = await stack.enter_async_context(open_resources(Settings(home=tmp_path, warm_engines=False)))
        receiver = await stack.enter_async_context(run_receiver())
        stores = await Stores.open(resources)
        shared = (stores.webhooks, stores.deliveries, resources.keyring, AddressPolicy(["127.0.0.1"]))

        async def on_gone(webhook: Webhook) -> None:
            built.gone.append(webhook)

        senders = [Sender(*shared, on_gone, Metrics(), lambda: built.time) for _ in range(2)]
        built = World(stores, Webhooks(*shared, senders[0].wake, lambda: built.time), senders, receiver)
        yield built


async def test_failed_delivery_is_retried_later_with_the_same_id(world: World) -> None:
    world.receiver.statuses = [500, 404]
    sent = await world.sent_to(world.receiver.url)
    async with background(world.senders[0].run()):
        for attempt, wait in ((1, 5.0), (2, 20.0)):
            found = await world.attempted(sent.id, attempt)
            assert found.state == "pending"
            assert found.due_at is not None
            assert wait * (1 - JITTER) <= found.due_at - world.time <= wait * (1 + JITTER)
            world.advance(wait * (1 + JITTER))
        found = await world.attempted(sent.id, 3)
    assert (found.state, found.due_at) == ("succeeded", None)
    assert [each.response_status for each in found.log] == [500, 404, 204]
    assert [each.error is None for each in found.log] == [False, False, True]
    received = [await world.receiver.next() for _ in range(3)]
    assert len({(each.id, each.body) for each in received}) == 1
    assert world.receiver.requests.empty()


async def test_receiver_without_a_server_is_retried(world: World) -> None:
    sent = await world.sent_to("http://127.0.0.1:1/")
    async with background(world.senders[0].run()):
        found = await world.attempted(sent.id, 1)
    assert (found.state, found.log[0].response_status, "ConnectError" in str(found.log[0].error)) == (
        "pending", None, True,
    )  # fmt: skip


async def test_receiver_without_an_answer_is_retried(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "TIMEOUT_S", 0.05)
    world.receiver.answering.clear()
    sent = await world.sent_to(world.receiver.url)
    async with background(world.senders[0].run()):
        found = await world.attempted(sent.id, 1)
    assert (found.state, found.failures) == ("pending", 1)
    assert (found.log[0].response_status, found.log[0].error) == (None, "There was no answer within 0.05 seconds.")


async def test_two_replicas_send_each_delivery_once(world: World) -> None:
    sent = [await world.sent_to(world.receiver.url) for _ in range(10)]
    async with background(world.senders[0].run()), background(world.senders[1].run()):
        for delivery in sent:
            await world.attempted(delivery.id, 1)
    received = [await world.receiver.next() for _ in sent]
    assert {each.id for each in received} == {each.id for each in sent}
    assert world.receiver.requests.empty()


async def test_delivery_of_a_killed_worker_is_repeated_after_its_lease(world: World) -> None:
    sent = await world.sent_to(world.receiver.url)
    claimed = await world.stores.deliveries.change(sent.id, lambda found: found.claim(world.time))
    with pytest.raises(Conflict):
        await world.stores.deliveries.change(sent.id, lambda found: found.claim(world.time + LEASE_S - 1))
    async with background(world.senders[0].run()):
        world.advance(LEASE_S)
        await world.attempted(sent.id, 1)
    assert (await world.receiver.next()).id == sent.id
    late = Attempt(started_at=now(), seconds=1, response_status=500, error="500")
    stale = await world.stores.deliveries.change(
        sent.id, lambda found: found.record(claimed.token, late, world.time, lambda seconds: seconds)
    )
    assert (stale.state, stale.attempts) == ("succeeded", 1), "a stale claim writes nothing"


async def test_disabled_webhook_gets_no_request(world: World) -> None:
    sent = await world.sent_to(world.receiver.url)
    await world.stores.webhooks.change(sent.webhook_id, lambda found: found.disable("by its owner"))
    async with background(world.senders[0].run()):

        async def failed() -> Delivery | None:
            found = await world.stores.deliveries.get(sent.id)
            return found if found.state == "failed" else None

        found = await wait_until(failed)
    assert (found.attempts, found.log[0].error) == (0, "The webhook is disabled.")
    assert world.receiver.requests.empty()


async def test_deliveries_are_removed_30_days_after_their_end(world: World) -> None:
    kept, old, pending = [await world.sent_to("http://127.0.0.1:1/") for _ in range(3)]
    for delivery, age in ((kept, RETENTION - timedelta(minutes=1)), (old, RETENTION + timedelta(minutes=1))):
        await world.stores.deliveries.change(
            delivery.id, lambda found, age=age: setattr(found, "finished_at", now() - age)
        )
    await world.webhooks.delete_expired()
    assert {each.id for each in await world.stores.deliveries.find()} == {kept.id, pending.id}


async def test_webhooks_of_one_moment_do_not_pass_the_limit(world: World) -> None:
    new = NewWebhook(url="http://127.0.0.1:1/", event_types=["dataset.ready.v1"])
    made = await asyncio.gather(*(world.webhooks.create("default", new) for _ in range(25)), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in made) == 5
    assert await world.stores.webhooks.count() == 20


def test_retries_end_after_three_days() -> None:
    delivery = Delivery(
        id="delivery_1", project="p", webhook_id="w", event_id="e", event_type="t", body="{}",
        due_at=START, give_up_at=START + RETRY_LIMIT_S,
    )  # fmt: skip
    failed = Attempt(started_at=now(), seconds=0.1, response_status=503, error="503")
    waits, moment = list[float](), START
    while delivery.due_at is not None:
        waits.append(delivery.due_at - moment)
        moment = delivery.due_at
        delivery.claim(moment)
        delivery.record(delivery.token, failed, moment, lambda seconds: seconds)
    assert waits[:8] == [0, 5, 20, 80, 320, 1280, 5120, 20480]
    assert set(waits[8:]) == {LONGEST_RETRY_S}
    assert (delivery.state, delivery.attempts, len(delivery.log)) == ("failed", 19, 19)
    assert 72 * HOUR <= moment - START < 78 * HOUR


def test_every_event_that_the_gateway_consumes_has_a_webhook_name() -> None:
    assert set(NAMES) == {event for event, services in CONSUMERS.items() if "gateway" in services}
    own = {name for event, name in NAMES.items() if not name.startswith(("fine_tuning.", "eval.run."))}
    assert own == {event.type for event in NAMES} - {
        "training.succeeded.v1", "training.failed.v1", "training.cancelled.v1",
        "evaluation.eval_run_succeeded.v1", "evaluation.eval_run_failed.v1", "evaluation.eval_run_canceled.v1",
    }  # fmt: skip
