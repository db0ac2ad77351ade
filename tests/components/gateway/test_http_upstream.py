"""The gateway's way to a room's replicas: spread, passed over when away, repeated only where that is harmless."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from deploy.servers import free_port
from services.gateway.http_upstream import HttpUpstream, upstreams_at
from shared.runtime.resources import Misconfigured

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Answer = Callable[[str], Awaitable[bytes]]


@asynccontextmanager
async def room(answer: Answer) -> AsyncIterator[str]:
    """A room that reads one request and answers with raw bytes, or with nothing and a closed connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(await answer(head))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def through(*urls: str) -> httpx.AsyncClient:
    """A client of the room through the proxy."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(HttpUpstream(*urls, name="dataset")), base_url="http://gateway"
    )


def away() -> str:
    return f"http://127.0.0.1:{free_port()}"


async def test_replicas_take_turns() -> None:
    asked: list[int] = []

    def numbered(number: int) -> Answer:
        async def answer(head: str) -> bytes:
            asked.append(number)
            return OK

        return answer

    async with room(numbered(1)) as one, room(numbered(2)) as two, through(one, two) as client:
        for _ in range(4):
            await client.get("/datasets")
    assert sorted(asked) == [1, 1, 2, 2]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_replica_that_is_away_is_passed_over(method: str) -> None:
    async def answer(head: str) -> bytes:
        return OK

    async with room(answer) as there, through(away(), there) as client:
        for _ in range(3):
            assert (await client.request(method, "/datasets")).text == "ok"


async def test_a_room_that_is_away_is_named() -> None:
    async with through(away()) as client:
        response = await client.get("/datasets")
    assert (response.status_code, response.json()["code"]) == (503, "room_unavailable")
    assert "dataset" in response.json()["detail"]
    assert response.headers["retry-after"]


@pytest.mark.parametrize(("method", "tries", "status"), [("GET", 2, 200), ("POST", 1, 503)])
async def test_a_connection_that_breaks_is_tried_again_only_for_reads(method: str, tries: int, status: int) -> None:
    heads: list[str] = []

    async def break_once(head: str) -> bytes:
        heads.append(head)
        return OK if len(heads) > 1 else b""

    async with room(break_once) as url, through(url) as client:
        response = await client.request(method, "/datasets")
    assert (response.status_code, len(heads)) == (status, tries)


def test_a_gateway_needs_to_know_its_rooms() -> None:
    with pytest.raises(Misconfigured):
        upstreams_at({})
    assert set(upstreams_at({"dataset": "http://a|http://b"})) == {"dataset"}
