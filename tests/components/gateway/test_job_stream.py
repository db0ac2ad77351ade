"""The job stream websocket: each record once, until the job or the credentials end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import websockets

from services.gateway.app import build
from services.gateway.auth import authenticator, credentials
from shared.runtime.service import Service, web_app
from tests.support.asgi_server import serving
from tests.support.platform import TIMEOUT_S, RunningPlatform, wait_until


@asynccontextmanager
async def live(platform: RunningPlatform, job: str, after: int = 0) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Open a websocket with a ticket and yield its messages."""
    async with platform.client() as client:
        ticket = (await client.post("/live/tickets")).json()["ticket"]
    url = f"{platform.url.replace('http', 'ws', 1)}/live?job={job}&after={after}&ticket={ticket}"
    async with asyncio.timeout(TIMEOUT_S), websockets.connect(url) as connection:
        yield (json.loads(message) async for message in connection)


async def follow(platform: RunningPlatform, job: str, after: int = 0) -> list[dict[str, Any]]:
    """Return all messages until the websocket closes."""
    async with live(platform, job, after) as messages:
        received = []
        with suppress(websockets.ConnectionClosedError):
            async for message in messages:
                received.append(message)
        return received


async def test_each_record_is_sent_once_despite_lost_broadcasts(any_platform: RunningPlatform) -> None:
    job = "job_live"
    any_platform.training.jobs[job] = "running"
    writer = await any_platform.training.streams.writer(job, 1)
    await writer.append([{"kind": "log", "message": f"early {n}"} for n in range(7)])
    async with live(any_platform, job, after=2) as messages:
        received = [await anext(messages)]
        for number in range(12):
            stored = await writer.append([{"kind": "metric", "step": number}])
            if number % 4 != 1:  # a lost broadcast
                await any_platform.broadcast(job, stored)
            if number % 3 == 0:  # and a repeated one
                await any_platform.broadcast(job, stored)
        any_platform.training.jobs[job] = "succeeded"
        await any_platform.broadcast(job, await writer.append([{"kind": "state", "state": "succeeded"}]))
        received += [message async for message in messages]
    seen = [record["seq"] for message in received if message["type"] == "records" for record in message["records"]]
    assert seen == list(range(3, 21))
    assert received[-1] == {"type": "end", "job_id": job, "state": "succeeded"}


@asynccontextmanager
async def watched(platform: RunningPlatform, client: httpx.AsyncClient) -> AsyncIterator[websockets.ClientConnection]:
    """Open a websocket with the client's ticket."""
    ticket = (await client.post("/live/tickets", headers={"Origin": platform.url})).json()["ticket"]
    url = f"{platform.url.replace('http', 'ws', 1)}/live?job=job_watched&ticket={ticket}"
    async with asyncio.timeout(TIMEOUT_S), websockets.connect(url) as connection:
        yield connection


async def test_an_open_websocket_ends_with_its_key_or_session(
    platform: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "REVALIDATION_INTERVAL_S", 0.05)
    platform.training.jobs["job_watched"] = "running"
    async with platform.client() as operator, AsyncExitStack() as stack:
        made = (await operator.post("/auth/keys", json={"name": "short"})).json()
        with_key = await stack.enter_async_context(platform.client(made["key"]))
        browser = await stack.enter_async_context(platform.client(None))
        other = await stack.enter_async_context(platform.client(None))
        for client in (browser, other):
            await client.get((await operator.post("/auth/link")).json()["path"])
        sockets = [await stack.enter_async_context(watched(platform, c)) for c in (with_key, browser, other)]

        await operator.delete(f"/auth/keys/{made['id']}")
        await sockets[0].wait_closed()
        await browser.delete("/auth/session", headers={"Origin": platform.url})
        await sockets[1].wait_closed()
        assert [socket.close_code for socket in sockets] == [4401, 4401, None]


async def test_credentials_are_valid_at_every_gateway_replica(
    platform: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "CACHE_TTL_S", 0.2)
    training = web_app(Service("training", platform.training.routes()), platform.resources)
    second = await build(platform.resources, {"training": training})
    platform.training.jobs["job_watched"] = "running"
    async with serving(second.app) as url, AsyncExitStack() as stack:
        there = RunningPlatform(url, platform.resources, second, platform.training, platform.key)
        one, two = [await stack.enter_async_context(place.client()) for place in (platform, there)]
        browser = await stack.enter_async_context(there.client(None))
        link = (await one.post("/auth/link")).json()["path"]
        answers = await asyncio.gather(browser.get(link), browser.get(f"{platform.url}{link}"))
        assert sorted(answer.status_code for answer in answers) == [200, 401]
        for place in (platform, there):
            assert (await browser.get(f"{place.url}/auth/session")).status_code == 200

        ticket = (await one.post("/live/tickets")).json()["ticket"]
        socket = f"{url.replace('http', 'ws', 1)}/live?job=job_watched&ticket={ticket}"
        async with asyncio.timeout(TIMEOUT_S), websockets.connect(socket):
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(socket.replace(url[4:], platform.url[4:]))

        made = (await one.post("/auth/keys", json={"name": "both"})).json()
        headers = {"Authorization": f"Bearer {made['key']}"}
        assert (await two.get("/auth/session", headers=headers)).status_code == 200
        await one.delete(f"/auth/keys/{made['id']}")

        async def revoked() -> bool:
            return (await two.get("/auth/session", headers=headers)).status_code == 401

        await wait_until(revoked)


async def test_records_arrive_without_any_broadcast(platform: RunningPlatform) -> None:
    platform.training.jobs["job_quiet"] = "running"
    writer = await platform.training.streams.writer("job_quiet", 1)
    async with live(platform, "job_quiet") as messages:
        await writer.append([{"kind": "log", "message": "stored only"}])
        assert (await anext(messages))["records"][0]["message"] == "stored only"


async def test_the_stream_of_an_ended_job_ends(platform: RunningPlatform) -> None:
    platform.training.jobs["job_done"] = "failed"
    writer = await platform.training.streams.writer("job_done", 1)
    await writer.append([{"kind": "state", "state": "failed"}])
    assert [m["type"] for m in await follow(platform, "job_done")] == ["records", "end"]
    assert [m["type"] for m in await follow(platform, "job_done", after=1)] == ["end"]


async def test_an_unknown_job_is_an_error(platform: RunningPlatform) -> None:
    [message] = await follow(platform, "job_none")
    assert (message["type"], message["problem"]["code"]) == ("error", "not_found")


@pytest.mark.parametrize("job", ["job_done%3Fx%23", "x%2F..%2Fjob_done", "..%2Fjobs%2Fjob_done"])
async def test_a_job_id_is_one_part_of_an_internal_path(platform: RunningPlatform, job: str) -> None:
    platform.training.jobs["job_done"] = "succeeded"
    [message] = await follow(platform, job)
    assert (message["type"], message["problem"]["code"]) == ("error", "not_found")


async def test_an_unexpected_error_closes_the_websocket_with_1011(platform: RunningPlatform) -> None:
    platform.training.jobs["job_odd"] = "running"
    await (await platform.training.streams.writer("job_odd", 1)).append([{"kind": "log"}])
    platform.training.streams.read = malformed_records  # type: ignore[method-assign]
    with pytest.raises(websockets.ConnectionClosedError) as failure:
        async with live(platform, "job_odd") as messages:
            await anext(messages)
    assert failure.value.rcvd
    assert failure.value.rcvd.code == 1011


async def malformed_records(*_: Any, **__: Any) -> list[dict[str, Any]]:
    """Records without a sequence number."""
    return [{"kind": "log"}]


async def test_a_ticket_opens_one_websocket(platform: RunningPlatform) -> None:
    platform.training.jobs["job_done"] = "failed"
    await (await platform.training.streams.writer("job_done", 1)).append([{"kind": "state", "state": "failed"}])
    async with platform.client() as client:
        ticket = (await client.post("/live/tickets")).json()["ticket"]
    url = f"{platform.url.replace('http', 'ws', 1)}/live?job=job_done"
    async with websockets.connect(f"{url}&ticket={ticket}") as connection:
        assert json.loads(await connection.recv())["type"] == "records"
    for refused in (url, f"{url}&ticket={ticket}", f"{url}&ticket=anneal_x"):
        with pytest.raises(websockets.InvalidStatus) as failure:
            await websockets.connect(refused)
        assert failure.value.response.status_code == 401
    bearer = {"Authorization": f"Bearer {platform.key}"}
    async with websockets.connect(url, additional_headers=bearer) as connection:
        assert json.loads(await connection.recv())["type"] == "records"
    with pytest.raises(websockets.InvalidStatus) as foreign:
        await websockets.connect(f"{url}&ticket={ticket}", origin="http://evil.example")  # type: ignore[arg-type]
    assert foreign.value.response.status_code == 403
