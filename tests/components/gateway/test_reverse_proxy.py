"""The reverse proxy: what it forwards to a service, and what it strips or rejects."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import websockets

from tests.support.platform import TIMEOUT_S, RunningPlatform


async def test_unknown_hosts_are_rejected(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        for host in ("attacker.example", "["):
            foreign = await client.get("/training/jobs", headers={"Host": host})
            assert (foreign.status_code, foreign.json()["code"]) == (421, "host_not_allowed"), host
        for host in ("localhost:1", "[::1]:80", "anneal.example", "ANNEAL.example"):
            assert (await client.get("/training/jobs", headers={"Host": host})).status_code == 200, host
        assert (await client.get("/healthz", headers={"Host": "10.0.0.7:8080"})).status_code == 200


async def test_forged_identity_headers_are_dropped(any_platform: RunningPlatform) -> None:
    forged = {"x-anneal-principal": "forged", "X-Anneal-Project": "team-b", "Cookie": "a=b", "TE": "trailers"}
    async with any_platform.client() as client:
        answer = (await client.get("/training/jobs", headers=forged)).json()
    assert answer["caller"][1] == "default"
    assert answer["headers"]["x-anneal-principal"] != "forged"
    assert not {"x-anneal-project", "cookie", "te", "authorization", "connection"} & set(answer["headers"])


@pytest.mark.parametrize("query", ["'[]|^`{}\"<>", "a=%27%5b%5B+&b=%e9%zz", "%3f?&?"])
async def test_address_that_the_proxy_respells_keeps_its_signature(any_platform: RunningPlatform, query: str) -> None:
    """The service answers: the gateway has signed the address, whose characters its HTTP client may escape."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(any_platform.url.rsplit(":", 1)[1]))
    head = f"GET /training/jobs/a'b%22%7b?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    writer.write(f"{head}Authorization: Bearer {any_platform.key}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.split()[1] == b"422", answer  # it has no such query parameter


async def test_request_and_response_bodies_stream_concurrently(platform: RunningPlatform) -> None:
    """The second part is sent only after the first came back, which any buffering would block."""
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(platform.url.rsplit(":", 1)[1]))
        head = f"DELETE /v1/models/echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {platform.key}\r\n"
        writer.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(b"one\r\n") == b"3\r\none\r\n"
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
        assert await reader.readuntil(b"two\r\n") == b"3\r\ntwo\r\n"
        writer.close()


async def test_an_upload_is_streamed(any_platform: RunningPlatform) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await any_platform.training.chunk_received.wait()
        yield b"two"

    async with asyncio.timeout(TIMEOUT_S), any_platform.client() as client:
        response = await client.request("DELETE", "/v1/models/echo", content=parts())
    assert response.content == b"onetwo"


async def test_a_client_disconnect_reaches_the_service(any_platform: RunningPlatform) -> None:
    async with any_platform.client() as client, client.stream("GET", "/training/presets") as response:
        async for line in response.aiter_lines():
            assert line == "data: first"
            break
    async with asyncio.timeout(TIMEOUT_S):
        await any_platform.training.stream_closed.wait()


@pytest.mark.parametrize("path", ["/nothing", "/training-jobs", "/../etc/passwd", "/training/unknown"])
async def test_unknown_paths_return_problem_json(platform: RunningPlatform, path: str) -> None:
    async with platform.client() as client:
        response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"
    assert response.json()["trace_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("segment", ["..", ".", "%2e%2e", "%2E", "a%2f.."])
async def test_paths_with_dot_segments_are_not_found(any_platform: RunningPlatform, segment: str) -> None:
    """A raw request, because HTTP clients resolve dot segments before sending."""
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(any_platform.url.rsplit(":", 1)[1]))
        head = f"GET /training/{segment}/../training/jobs HTTP/1.1\r\nHost: localhost\r\n"
        writer.write(f"{head}Authorization: Bearer {any_platform.key}\r\n\r\n".encode())
        assert b" 404 " in await reader.readline()
        writer.close()


async def test_services_have_no_websockets(any_platform: RunningPlatform) -> None:
    url = f"{any_platform.url.replace('http', 'ws', 1)}/training/jobs"
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(url, additional_headers={"Authorization": f"Bearer {any_platform.key}"})
    assert refused.value.response.status_code == 404


async def test_a_missing_service_is_unavailable(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        response = await client.get("/datasets")
    assert (response.status_code, response.json()["code"]) == (503, "room_unavailable")
    assert "retry-after" in response.headers


async def test_an_internal_error_reveals_no_details(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        response = await client.get("/training/machine")
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.text
    assert response.json()["trace_id"] == response.headers["x-request-id"]


async def test_a_callers_trace_continues(platform: RunningPlatform) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with platform.client() as client:
        response = await client.get("/nothing", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert response.json()["trace_id"] == trace


async def test_errors_below_v1_have_openais_format(platform: RunningPlatform) -> None:
    async with platform.client(None) as client:
        error = (await client.post("/v1/chat/completions", json={})).json()["error"]
    assert (error["type"], error["code"]) == ("authentication_error", "unauthenticated")
    assert "api-key" in error["message"]
