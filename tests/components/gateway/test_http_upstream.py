"""HTTP upstreams: requests are distributed over replicas, which are skipped when unavailable; only safe retries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from deploy.servers import free_port
from services.gateway.http_upstream import HttpUpstream, upstreams_at
from shared.runtime.errors import Misconfigured

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Respond = Callable[[str], Awaitable[bytes]]


@asynccontextmanager
async def fake_service(respond: Respond) -> AsyncIterator[str]:
    """Serve raw bytes for each request, or close the connection without any."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(await respond(head))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def client_of(*urls: str) -> httpx.AsyncClient:
    """A client of the service behind the upstream."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(HttpUpstream(*urls, name="dataset")), base_url="http://gateway"
    )


def unused_address() -> str:
    return f"http://127.0.0.1:{free_port()}"


async def test_replicas_take_turns() -> None:
    served_by: list[int] = []

    def numbered(number: int) -> Respond:
        async def respond(head: str) -> bytes:
            served_by.append(number)
            return OK

        return respond

    async with fake_service(numbered(1)) as one, fake_service(numbered(2)) as two, client_of(one, two) as client:
        for _ in range(4):
            await client.get("/datasets")
    assert sorted(served_by) == [1, 1, 2, 2]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unavailable_replica_is_skipped(method: str) -> None:
    async def respond(head: str) -> bytes:
        return OK

    async with fake_service(respond) as there, client_of(unused_address(), there) as client:
        for _ in range(3):
            assert (await client.request(method, "/datasets")).text == "ok"


async def test_an_unavailable_service_is_named() -> None:
    async with client_of(unused_address()) as client:
        response = await client.get("/datasets")
    assert (response.status_code, response.json()["code"]) == (503, "room_unavailable")
    assert "dataset" in response.json()["detail"]
    assert response.headers["retry-after"]


@pytest.mark.parametrize(("method", "tries", "status"), [("GET", 2, 200), ("POST", 1, 503)])
async def test_a_broken_connection_is_retried_only_for_reads(method: str, tries: int, status: int) -> None:
    heads: list[str] = []

    async def break_once(head: str) -> bytes:
        heads.append(head)
        return OK if len(heads) > 1 else b""

    async with fake_service(break_once) as url, client_of(url) as client:
        response = await client.request(method, "/datasets")
    assert (response.status_code, len(heads)) == (status, tries)


def test_the_gateway_needs_service_addresses() -> None:
    with pytest.raises(Misconfigured):
        upstreams_at({})
    assert set(upstreams_at({"dataset": "http://a|http://b"})) == {"dataset"}


@pytest.mark.parametrize(("path", "ends"), [("/v1/chat/completions", True), ("/training/jobs", False)])
async def test_a_client_that_goes_before_the_answer_ends_the_work_of_a_completion_only(path: str, ends: bool) -> None:
    received, left = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(3)
        received.set()
        if ends:
            assert await reader.read() == b""
            left.set()
        else:
            writer.write(OK)
        writer.close()

    messages = [{"type": "http.request", "body": b"{} "}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        if len(messages) == 1:
            await received.wait()
        return messages.pop(0) if messages else await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(60):
        upstream = HttpUpstream(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", name="inference")
        headers = [(b"content-length", b"3")]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        await upstream(scope, receive, send)
        if ends:
            await left.wait()
        await upstream.close()
    assert bool(sent) != ends
