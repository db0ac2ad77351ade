"""Limits of a server's connections, over real sockets."""

import asyncio
import errno
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from shared.runtime.errors import install_problem_handlers
from shared.runtime.http.connections import LimitedProtocol, Networks, log_accept_errors_rarely
from tests.support.asgi_server import serving

TIMEOUT_S = 60.0
PARTIAL = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


class App:
    """Answers `/` at once, and everything else after `release`."""

    def __init__(self) -> None:
        self.release, self.waiting, self.ended = asyncio.Event(), asyncio.Semaphore(0), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/":
            self.waiting.release()
            if scope["method"] == "POST":
                while (message := await receive())["type"] != "http.disconnect":
                    assert message["more_body"]
                self.ended.set()
                return
            await self.release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def _server(
    connections: int, timeout_s: float, per_address: int = 0, proxies: Sequence[str] = ()
) -> AsyncIterator[tuple[App, str]]:
    class Limited(LimitedProtocol):
        max_connections = connections
        request_timeout = timeout_s
        max_per_address = per_address
        shared_addresses = Networks(proxies)

    app = App()
    async with asyncio.timeout(TIMEOUT_S), serving(app, http=Limited) as url:
        yield app, url


async def _open(url: str, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(data)
    return reader, writer


async def _closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def test_300_connections_that_never_finish_a_request_leave_the_server_answering() -> None:
    async with _server(connections=40, timeout_s=TIMEOUT_S) as (_, url):
        slow = [await _open(url, PARTIAL) for _ in range(100)]
        slow += await asyncio.gather(*(_open(url, PARTIAL) for _ in range(200)))
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as client:
            assert [(await client.get("/")).status_code for _ in range(5)] == [200] * 5
        for reader, _ in slow[:-40]:
            assert await _closed(reader), "those that waited longest were closed"
        for _, writer in slow:
            writer.close()


async def test_connections_in_use_are_not_closed_for_new_ones() -> None:
    async with _server(connections=2, timeout_s=TIMEOUT_S) as (app, url), httpx.AsyncClient(base_url=url) as client:
        client.timeout = httpx.Timeout(TIMEOUT_S)
        busy = [asyncio.create_task(client.get("/wait")) for _ in range(2)]
        for _ in busy:
            await app.waiting.acquire()
        refused = await client.get("/")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.headers["retry-after"]
        app.release.set()
        assert [answer.status_code for answer in await asyncio.gather(*busy)] == [200, 200]
        assert (await client.get("/")).status_code == 200


async def test_one_address_has_a_limited_number_of_connections() -> None:
    server = _server(connections=20, timeout_s=TIMEOUT_S, per_address=3)
    async with server as (app, url), httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as client:
        busy = [asyncio.create_task(client.get("/wait")) for _ in range(2)]
        for _ in busy:
            await app.waiting.acquire()
        idle, _ = await _open(url, PARTIAL)
        assert (await client.get("/")).status_code == 200, "for the idle one"
        assert await _closed(idle)
        busy += [asyncio.create_task(client.get("/wait"))]
        await app.waiting.acquire()
        refused = await client.get("/")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        app.release.set()
        assert [answer.status_code for answer in await asyncio.gather(*busy)] == [200] * 3
        assert (await client.get("/")).status_code == 200
    assert not LimitedProtocol.of_address


async def test_a_trusted_proxy_has_the_connections_of_all_its_clients() -> None:
    server = _server(connections=20, timeout_s=TIMEOUT_S, per_address=1, proxies=["127.0.0.0/8"])
    async with server as (app, url), httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as client:
        busy = [asyncio.create_task(client.get("/wait")) for _ in range(3)]
        for _ in busy:
            await app.waiting.acquire()
        app.release.set()
        assert [answer.status_code for answer in await asyncio.gather(*busy)] == [200] * 3


async def test_answered_requests_whose_body_still_arrives_are_closed_for_new_ones() -> None:
    begun = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\nx"
    async with _server(connections=2, timeout_s=TIMEOUT_S) as (_, url), httpx.AsyncClient(base_url=url) as client:
        client.timeout = httpx.Timeout(TIMEOUT_S)
        answered = [await _open(url, begun) for _ in range(2)]
        for reader, _ in answered:
            await reader.readuntil(b"0\r\n\r\n")
        assert (await client.get("/")).status_code == 200
        assert await _closed(answered[0][0])
        for _, writer in answered:
            writer.close()


@pytest.mark.parametrize("after_a_response", [False, True])
async def test_headers_that_do_not_arrive_end_the_connection(after_a_response: bool) -> None:
    async with _server(connections=10, timeout_s=0.2) as (app, url):
        waiting, _ = await _open(url, b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" if after_a_response else b""
        reader, writer = await _open(url, first)
        if first:
            await reader.readuntil(b"0\r\n\r\n")
        writer.write(PARTIAL)

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await _closed(reader)
        dripping.cancel()
        app.release.set()
        assert b" 200 " in await waiting.readline(), "a slow answer is not a slow request"


async def test_a_body_that_stalls_ends_the_request() -> None:
    async with _server(connections=10, timeout_s=0.2) as (app, url):
        head = b"POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"
        reader, _ = await _open(url, head + b"x" * 2000)
        assert await _closed(reader)
        await app.ended.wait()


async def test_accept_errors_do_not_flood_the_log() -> None:
    loop = asyncio.get_running_loop()
    log_accept_errors_rarely(loop)
    context: dict[str, Any] = {"message": "socket.accept() out of system resource", "exception": OSError(24, "full")}
    try:
        with capture_logs() as logged:
            for _ in range(100):
                loop.call_exception_handler(context)
    finally:
        loop.set_exception_handler(None)
    assert [line["event"] for line in logged] == ["connections_not_accepted"]


async def test_a_process_without_file_descriptors_answers_503() -> None:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
