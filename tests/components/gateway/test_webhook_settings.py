"""What a webhook may be: its address, its secret, its limits; over real HTTP."""

from pathlib import Path

import httpx
import pytest

from services.gateway.store import Stores
from services.gateway.webhooks.service import WEBHOOKS_LIMIT
from tests.support.platform import open_platform
from tests.support.secret_scan import files_with
from tests.support.webhook_calls import HOSTS, accepted, create, first_attempt
from tests.support.webhook_receiver import Receiver, run_receiver


@pytest.mark.parametrize("keep", [True, False])
async def test_rotated_secret(client: httpx.AsyncClient, receiver: Receiver, keep: bool) -> None:
    webhook = await create(client, receiver.url)
    body = {"keep_old_secret_active_for_24_hours": True} if keep else None
    rotated = (await client.post(f"/webhooks/{webhook['id']}/rotate_secret", json=body)).json()
    await client.post(f"/webhooks/{webhook['id']}/test")
    received = await receiver.next()
    assert accepted(received, rotated["secret"])
    assert accepted(received, webhook["secret"]) is keep
    assert (rotated["previous_secret_until"] is not None) is keep


async def test_secret_is_shown_once_stored_encrypted_and_survives_a_new_platform_secret(
    tmp_path: Path, receiver: Receiver
) -> None:
    hosts, renewed = {"webhook_hosts": HOSTS}, "renewed " * 4
    async with open_platform(tmp_path, remote=False, **hosts) as platform, platform.client() as client:
        webhook = await create(client, receiver.url)
        shown = [await client.get("/webhooks"), await client.get(f"/webhooks/{webhook['id']}")]
        assert not any(webhook["secret"] in answer.text for answer in shown)
        assert all(webhook["secret_hint"] in answer.text for answer in shown)
        stored = (await (await Stores.open(platform.resources)).webhooks.get(webhook["id"])).secret
        assert not any(stored in answer.text for answer in shown)
    assert files_with(webhook["secret"], tmp_path) == []
    previous = (tmp_path / "secret").read_text().strip()
    async with open_platform(tmp_path, remote=False, secret=renewed, secret_previous=previous, **hosts):
        pass  # encrypts it again
    async with open_platform(tmp_path, remote=False, secret=renewed, **hosts) as platform, platform.client() as client:
        await client.post(f"/webhooks/{webhook['id']}/test")
        assert accepted(await receiver.next(), webhook["secret"])


@pytest.mark.parametrize(
    ("url", "status", "part"),
    [
        ("https://10.0.0.1/hook", 403, "ANNEAL_WEBHOOK_HOSTS"),
        ("https://localhost/hook", 403, "ANNEAL_WEBHOOK_HOSTS"),
        ("https://[::ffff:169.254.169.254]/", 403, "ANNEAL_WEBHOOK_HOSTS"),
        ("http://93.184.215.14/hook", 403, "https"),
        ("ftp://93.184.215.14/hook", 422, "https"),
        ("https://user:word@93.184.215.14/hook", 422, "user or password"),
        ("https://93.184.215.14/hook#part", 422, "fragment"),
        ("https://no-such-host.invalid/hook", 422, "no-such-host"),
        ("93.184.215.14/hook", 422, "https"),
        ("https://", 422, "https"),
        ("https://" + "a" * 2000, 422, "2000"),
    ],
)
async def test_address_that_may_not_be_reached_is_refused(
    client: httpx.AsyncClient, url: str, status: int, part: str
) -> None:
    refused = await client.post("/webhooks", json={"url": url, "event_types": ["dataset.ready.v1"]})
    assert (refused.status_code, refused.json()["field"], part in refused.text) == (status, "url", True), refused.text
    webhook = await create(client, "http://127.0.0.1:1/")
    changed = await client.patch(f"/webhooks/{webhook['id']}", json={"url": url})
    assert (changed.status_code, changed.json()["field"]) == (status, "url")


async def test_address_is_checked_when_it_is_connected_to_and_redirects_are_not_followed(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with open_platform(tmp_path, remote=False, webhook_hosts=HOSTS) as platform, platform.client() as client:
        webhook = await create(client, receiver.url)
        async with run_receiver() as inner:
            receiver.statuses, receiver.location = [302], inner.url
            redirected = (await client.post(f"/webhooks/{webhook['id']}/test")).json()["id"]
            attempt = await first_attempt(client, webhook, redirected)
            assert (attempt["response_status"], "not followed" in attempt["error"]) == (302, True)
            assert inner.requests.empty()
        await receiver.next()
    async with open_platform(tmp_path, remote=False) as platform, platform.client() as client:
        sent = (await client.post(f"/webhooks/{webhook['id']}/test")).json()["id"]
        attempt = await first_attempt(client, webhook, sent)
        assert (attempt["response_status"], "http://127.0.0.1" in attempt["error"]) == (None, True)
    assert receiver.requests.empty()


async def test_limits_and_unknown_fields(client: httpx.AsyncClient) -> None:
    good = {"url": "http://127.0.0.1:1/", "event_types": ["dataset.ready.v1"]}
    for wrong, field in (
        ({"event_types": ["batch.completed"]}, "event_types.0"),
        ({"event_types": []}, "event_types"),
        ({"description": "a\u202eb"}, "description"),
        ({"description": "a" * 201}, "description"),
        ({"secret": "mine"}, "secret"),
    ):
        answer = await client.post("/webhooks", json=good | wrong)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    for _ in range(WEBHOOKS_LIMIT):
        await create(client, "http://127.0.0.1:1/")
    full = await client.post("/webhooks", json=good)
    assert (full.status_code, full.json()["limit"]) == (409, WEBHOOKS_LIMIT)
    (first, *_) = (await client.get("/webhooks", params={"limit": 1})).json()["items"]
    assert (await client.delete(f"/webhooks/{first['id']}")).status_code == 204
    assert (await client.get(f"/webhooks/{first['id']}")).status_code == 404
    await create(client, "http://127.0.0.1:1/")
