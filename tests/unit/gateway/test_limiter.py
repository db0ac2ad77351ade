"""What the limiter counts of a request's body and of a completion's response."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.limits.limiter import Limiter
from services.gateway.limits.policy import Policy
from services.gateway.limits.quotas import Quotas
from services.gateway.limits.usage import Usage
from services.gateway.store import Stores
from services.gateway.upstreams import Upstreams
from shared.runtime.errors import AnnealError
from shared.runtime.http.principal import Principal, Signer
from shared.runtime.http.routes import find, match
from shared.runtime.limits import KeyLimits
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings

CALLER = Principal("key_1", "default", ("write",))
Build = Callable[[KeyLimits], Limiter]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    async with open_resources(Settings(home=tmp_path)) as resources:
        stores = await Stores.open(resources)

        def build(limits: KeyLimits) -> Limiter:
            settings = Settings(home=tmp_path, key_limits=limits)
            quotas = Quotas(Upstreams({}, Signer(resources.keyring)), resources.blobs)
            return Limiter(Policy(stores.limits, settings), Usage(stores.usage), quotas, settings)

        yield build


async def _request(limiter: Limiter, path: str, service: ASGIApp, *body: bytes, **headers: str) -> list[Message]:
    """Send one request; returns the response's messages. Raises RateLimited."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": fields}
    parts, sent = list(body), list[Message]()

    async def receive() -> Message:
        return {"type": "http.request", "body": parts.pop(0) if parts else b"", "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message)

    route = match(path, "POST")
    assert route
    async with limiter.admit(route, scope, CALLER) as admitted:
        await admitted.serve(service, scope, receive, send)
    return sent


def _answering(*chunks: bytes, **headers: str) -> ASGIApp:
    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    return service


async def _used(limiter: Limiter, name: str) -> float | None:
    return await limiter.used((await limiter._policy.targets(CALLER))[0], name, CALLER)


@pytest.mark.parametrize(
    ("chunks", "tokens"),
    [
        ([b"{}"], 7),
        ([b"data: {1}\n\n: tokens 8\n\n", b"data: {2}\n\n: tokens 9\n\ndata: {3}\n\n: tokens 10\n\n"], 10),
        ([b"data: {1}\n\n", b"data: {2}\n\n: tokens 50\n\ndata: [DONE]\n\n"], 50),
    ],
    ids=["whole", "broken off", "complete"],
)
async def test_tokens_of_a_completion_are_counted(build: Build, chunks: list[bytes], tokens: int) -> None:
    limiter = build(KeyLimits(tokens_per_minute=7))
    start, *body = await _request(limiter, "/v1/completions", _answering(*chunks, x_anneal_tokens="7"), b"{}")
    headers = dict(start["headers"])
    assert b"".join(part["body"] for part in body) == re.sub(rb": tokens \d+\n\n", b"", b"".join(chunks))
    assert b"x-anneal-tokens" not in headers
    assert headers[b"x-ratelimit-remaining-tokens"] == b"0"
    assert await _used(limiter, "tokens_per_minute") == pytest.approx(tokens, rel=0.2)
    with pytest.raises(AnnealError, match="tokens per minute"):
        await _request(limiter, "/v1/completions", _answering(), b"{}")
    await _request(limiter, "/v1/fine_tuning/jobs", _answering(), b"{}")


async def test_a_failing_completion_frees_its_stream(build: Build) -> None:
    limiter = build(KeyLimits(concurrent_streams=1))

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(AnnealError, match="concurrent streams"):
            await _request(limiter, "/v1/completions", _answering(), b"{}")
        raise RuntimeError("broken")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            await _request(limiter, "/v1/completions", broken, b"{}")


async def test_one_key_or_project_does_not_take_all_connections(build: Build) -> None:
    limiter = build(KeyLimits())
    limiter._max_open = {"key": 2, "project": 3}
    statuses, refusals, route = list[int](), list[str](), find("/training/jobs", "GET")

    async def nested(scope: Scope, receive: Receive, send: Send) -> None:
        for caller in (CALLER, Principal("key_2"), Principal("key_3", "other")):
            try:
                async with limiter.admit(route, scope, CALLER), limiter.admit(route, scope, caller):
                    statuses.append(200)
            except AnnealError as error:
                statuses.append(error.status)
                refusals.append(error.detail)
        await _answering()(scope, receive, send)

    await _request(limiter, "/v1/completions", nested, b"{}")
    assert statuses == [429, 200, 200]
    async with AsyncExitStack() as stack:
        for caller in (CALLER, CALLER, Principal("key_2")):
            await stack.enter_async_context(limiter.admit(route, {}, caller))
        with pytest.raises(AnnealError, match="The project default has 3 open requests"):
            await stack.enter_async_context(limiter.admit(route, {}, Principal("key_3")))
    assert (refusals, limiter._open) == (["The key key_1 has 2 open requests, as many as it may have."], {})


async def test_uploads_end_where_the_days_bytes_end(build: Build) -> None:
    limiter, form = build(KeyLimits(upload_bytes_per_day=250)), {"content_type": "multipart/form-data; boundary=x"}
    received = list[int]()

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            received.append(len(message["body"]))
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    part = b"x" * 100
    assert (await _request(limiter, "/datasets/upload", service, part, part, **form))[0]["status"] == 201
    refused, *_ = await _request(limiter, "/datasets/upload", service, *[part] * 5, **form)
    assert (refused["status"], received) == (429, [100])
    assert int(dict(refused["headers"])[b"retry-after"]) > 3600
    with pytest.raises(AnnealError, match="upload bytes per day"):
        await _request(limiter, "/datasets/upload", service, **form)
    json: dict[str, Any] = {"content_type": "application/json"}
    assert (await _request(limiter, "/models/base", service, part, **json))[0]["status"] == 201
