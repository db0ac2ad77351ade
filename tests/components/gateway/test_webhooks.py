"""Webhooks over real HTTP: a domain event arrives, signed, at a receiver that the official clients can be."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from openai.types.webhooks import EvalRunCanceledWebhookEvent, FineTuningJobSucceededWebhookEvent

from deploy.servers import free_port
from services.gateway.store import Stores
from services.gateway.webhooks import sender
from services.gateway.webhooks.models import Delivery
from services.gateway.webhooks.sender import PER_WEBHOOK
from services.gateway.webhooks.signing import signed_headers
from shared.documents.entities import derived_id
from shared.events.dataset import DatasetDeleted, DatasetReady
from shared.events.envelope import Envelope
from shared.events.evaluation import EvalRunCanceled, EvaluationCompleted
from shared.events.training import TrainingFailed, TrainingSucceeded
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings
from tests.support.platform import RunningPlatform, open_platform, wait_until
from tests.support.webhook_calls import HOSTS, OPENAI, WRONG, accepted, create, ended
from tests.support.webhook_receiver import Received, Receiver, run_receiver

GUIDE = Path(__file__).parents[3] / "docs/guides/webhooks.md"
SUCCEEDED = TrainingSucceeded(
    job_id="job_1", model_id="m_1", model_uri="u", name="tuned", base="seedling", method="lora",
    dataset_id="ds_1", dataset_version="1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that a test holds is waited for, however slow the machine is."""
    monkeypatch.setattr(sender, "TIMEOUT_S", 600.0)


async def test_event_arrives_signed_for_the_official_clients(
    platform: RunningPlatform, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    webhook = await create(client, f"{receiver.url}/hook?team=a", "fine_tuning.job.succeeded", description="deploys")
    event_id = await platform.publish(SUCCEEDED)
    received = await receiver.next()
    event = OPENAI.webhooks.unwrap(received.body, received.headers, secret=webhook["secret"])
    assert isinstance(event, FineTuningJobSucceededWebhookEvent)
    assert (event.type, event.object, event.data.id) == ("fine_tuning.job.succeeded", "event", "job_1")
    assert json.loads(received.body) == {
        "id": derived_id("evt", event_id), "object": "event", "type": event.type, "created_at": event.created_at,
        "data": {"id": "job_1"},
    }  # fmt: skip
    assert (received.path, received.headers["content-type"]) == ("/hook", "application/json")
    assert accepted(received, webhook["secret"])
    assert not accepted(received, WRONG)
    changed = Received(received.path, received.headers, received.body.replace(b"job_1", b"job_2"))
    assert not accepted(changed, webhook["secret"])
    delivery = await ended(client, webhook, received.id)
    assert (delivery["state"], delivery["attempts"], delivery["response_status"]) == ("succeeded", 1, 204)
    assert (delivery["event_id"], delivery["body"]) == (event.id, received.body.decode())


async def test_the_end_of_an_eval_run_has_openais_name(
    platform: RunningPlatform, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    webhook = await create(client, receiver.url, "eval.run.canceled")
    await platform.publish(EvalRunCanceled(run_id="evalrun_1", eval_id="eval_1"))
    received = await receiver.next()
    event = OPENAI.webhooks.unwrap(received.body, received.headers, secret=webhook["secret"])
    assert isinstance(event, EvalRunCanceledWebhookEvent)
    assert event.data.id == "evalrun_1"


async def test_an_event_that_arrives_twice_is_one_delivery(
    platform: RunningPlatform, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    webhook = await create(client, receiver.url)
    twice = Envelope.of(DatasetDeleted(dataset_id="ds_1"), service="dataset", subject="ds_1", project="default")
    await platform.resources.bus.publish(twice)
    await platform.resources.bus.publish(twice)
    await platform.publish(DatasetDeleted(dataset_id="ds_2"))  # one queue: handled after them
    received = [await receiver.next(), await receiver.next()]
    assert {json.loads(each.body)["data"]["id"] for each in received} == {"ds_1", "ds_2"}
    page = (await client.get(f"/webhooks/{webhook['id']}/deliveries")).json()
    assert {each["id"] for each in page["items"]} == {each.id for each in received}


async def test_webhooks_get_the_selected_events_of_their_project(
    platform: RunningPlatform, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    webhook = await create(client, receiver.url, "fine_tuning.job.failed", "evaluation.completed.v1")
    failed = TrainingFailed(job_id="job_1", cause="out_of_memory", detail="too big")
    scored = EvaluationCompleted(evaluation_id="ev_1", model_id="m_1", report_uri="", scores={}, base_scores={})
    await platform.publish(SUCCEEDED)
    await platform.publish(failed, project="other")
    await platform.publish(failed)
    await platform.publish(scored)
    bodies = [json.loads((await receiver.next()).body) for _ in range(2)]
    assert {(body["type"], body["data"]["id"]) for body in bodies} == {
        ("fine_tuning.job.failed", "job_1"),
        ("evaluation.completed.v1", "ev_1"),
    }
    assert len((await client.get(f"/webhooks/{webhook['id']}/deliveries")).json()["items"]) == 2


async def test_a_silent_receiver_does_not_delay_another(
    platform: RunningPlatform, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    async with run_receiver() as silent:
        silent.answering.clear()
        await create(client, silent.url, "dataset.deleted.v1")
        await create(client, receiver.url, "dataset.ready.v1")
        for number in range(3 * PER_WEBHOOK):
            await platform.publish(DatasetDeleted(dataset_id=f"ds_{number}"))
        for _ in range(PER_WEBHOOK):
            await silent.next()
        ready = DatasetReady(dataset_id="ds_1", version="1", name="faq", dataset_uri="u", rows=3)
        await platform.publish(ready)
        assert json.loads((await receiver.next()).body)["type"] == "dataset.ready.v1"
        assert silent.requests.empty(), "the silent one has no more than its share"


async def test_delivery_continues_after_the_gateway_was_closed(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answering.clear()
    async with open_platform(tmp_path, remote=False, webhook_hosts=HOSTS) as first, first.client() as client:
        webhook = await create(client, receiver.url)
        await first.publish(DatasetDeleted(dataset_id="ds_1"))
        interrupted = await receiver.next()
    async with open_resources(Settings(home=tmp_path, warm_engines=False)) as resources:
        handed_back = await (await Stores.open(resources)).deliveries.get(interrupted.id)
    assert (handed_back.state, handed_back.attempts) == ("pending", 0)
    assert (handed_back.due_at or 0) <= time.time(), "it does not wait for the end of a lease"
    receiver.answering.set()
    async with open_platform(tmp_path, remote=False, webhook_hosts=HOSTS) as second, second.client() as client:
        repeated = await receiver.next()
        assert (repeated.id, repeated.body) == (interrupted.id, interrupted.body)
        assert accepted(repeated, webhook["secret"])
        assert (await ended(client, webhook, repeated.id))["state"] == "succeeded"


async def test_410_disables_the_webhook(
    platform: RunningPlatform, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    webhook = await create(client, receiver.url)
    path = f"/webhooks/{webhook['id']}"
    await platform.publish(DatasetDeleted(dataset_id="ds_1"))
    gone = await receiver.next()
    delivery = await ended(client, webhook, gone.id)
    assert (delivery["state"], delivery["response_status"]) == ("failed", 410)
    shown = (await client.get(path)).json()
    assert (shown["enabled"], "410" in shown["disabled_reason"]) == (False, True)
    (line,) = (await client.get("/audit", params={"action": "webhook.disabled"})).json()["items"]
    assert (line["resource"], line["resource_id"]) == ("webhook", webhook["id"])
    for refused in (f"{path}/test", f"{path}/deliveries/{gone.id}/replay"):
        answer = await client.post(refused)
        assert (answer.status_code, answer.json()["field"]) == (409, "enabled")
    assert (await client.patch(path, json={"enabled": True})).json()["enabled"] is True
    assert (await client.post(f"{path}/deliveries/{gone.id}/replay")).status_code == 202
    again = await receiver.next()
    assert (again.id, again.body) == (gone.id, gone.body)
    assert [each["response_status"] for each in (await ended(client, webhook, gone.id))["log"]] == [410, 204]


async def test_test_and_replay(platform: RunningPlatform, client: httpx.AsyncClient, receiver: Receiver) -> None:
    webhook, other = await create(client, receiver.url), await create(client, receiver.url)
    path = f"/webhooks/{webhook['id']}"
    receiver.answering.clear()
    sent = await client.post(f"{path}/test")
    assert (sent.status_code, sent.json()["event_type"], sent.json()["state"]) == (202, "webhook.test", "pending")
    first = await receiver.next()
    early = await client.post(f"{path}/deliveries/{first.id}/replay")
    assert (early.status_code, early.json()["field"]) == (409, "state")
    receiver.answering.set()
    assert (await ended(client, webhook, first.id))["state"] == "succeeded"
    assert accepted(first, webhook["secret"])
    assert json.loads(first.body)["data"] == {"id": webhook["id"]}
    assert (await client.post(f"{path}/deliveries/{first.id}/replay")).status_code == 202
    second = await receiver.next()
    assert (second.id, second.body) == (first.id, first.body)
    assert (await ended(client, webhook, first.id))["attempts"] == 2
    for method, route in (("GET", ""), ("POST", "/replay")):
        foreign = await client.request(method, f"/webhooks/{other['id']}/deliveries/{first.id}{route}")
        assert foreign.status_code == 404
    lines = (await client.get("/audit", params={"resource": first.id})).json()["items"]
    assert {line["action"] for line in lines} >= {
        "POST /webhooks/{webhook_id}/test",
        "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    }


async def test_deleted_webhook_gets_nothing(
    platform: RunningPlatform, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    receiver.answering.clear()
    webhook = await create(client, receiver.url)
    for number in range(PER_WEBHOOK + 1):
        await platform.publish(DatasetDeleted(dataset_id=f"ds_{number}"))
    for _ in range(PER_WEBHOOK):
        await receiver.next()
    deliveries = (await Stores.open(platform.resources)).deliveries

    async def recorded() -> bool:
        return await deliveries.count() == PER_WEBHOOK + 1

    await wait_until(recorded)
    await client.delete(f"/webhooks/{webhook['id']}")
    receiver.answering.set()

    async def settled() -> list[Delivery]:
        found = await deliveries.find()
        return found if all(each.state != "pending" for each in found) else []

    found = await wait_until(settled)
    assert sorted(each.state for each in found) == ["failed"] + ["succeeded"] * PER_WEBHOOK
    (dropped,) = (each for each in found if each.state == "failed")
    assert dropped.log[-1].error == "The webhook was deleted."
    assert receiver.requests.empty()


@contextmanager
def receiver_of_the_guide(folder: Path, port: int, secret: str) -> Iterator[subprocess.Popen[str]]:
    """The guide's program."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    script = folder / "receiver.py"
    script.write_text(code)
    env = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_receiver_of_the_guide(platform: RunningPlatform, client: httpx.AsyncClient, tmp_path: Path) -> None:
    port = free_port()
    webhook = await create(client, f"http://127.0.0.1:{port}/", "dataset.deleted.v1")
    with receiver_of_the_guide(tmp_path, port, webhook["secret"]) as process:
        assert process.stdout is not None

        async def forged() -> httpx.Response | None:
            headers = signed_headers("delivery_1", "{}", [WRONG], int(time.time()))
            with suppress(httpx.ConnectError):
                async with httpx.AsyncClient() as attacker:
                    return await attacker.post(webhook["url"], content="{}", headers=headers)
            return None

        assert (await wait_until(forged)).status_code == 400
        for id in ("ds_1", "ds_2"):
            await platform.publish(DatasetDeleted(dataset_id=id))
            assert await asyncio.to_thread(process.stdout.readline) == f"dataset.deleted.v1 {id}\n"
            path = f"/webhooks/{webhook['id']}/deliveries"
            (newest,) = (await client.get(path, params={"limit": 1})).json()["items"]
            await ended(client, webhook, newest["id"])
            assert (await client.post(f"{path}/{newest['id']}/replay")).status_code == 202
            assert (await ended(client, webhook, newest["id"]))["attempts"] == 2, "and it is not printed again"
