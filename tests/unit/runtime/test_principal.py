"""A principal opens one request of one service with the scope of its route; anything else is refused by the service."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Request

from shared.runtime.http import principal as module
from shared.runtime.http.principal import BOUND_BODY_BYTES, HEADER, Bound, Caller, Principal, Signer
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service, web_app
from shared.runtime.settings import Settings
from tests.support.signing import SignedAs

WRITER = Principal("key_w", "lake", ("write",))


@pytest.fixture
async def resources(tmp_path: Path) -> AsyncIterator[Resources]:
    async with open_resources(Settings(home=tmp_path)) as opened:
        yield opened


@pytest.fixture
async def service(resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    router = APIRouter()

    @router.get("/datasets/{id}")
    @router.delete("/datasets/{id}")
    @router.post("/datasets/import")
    @router.post("/datasets/upload")
    async def serve(caller: Caller, request: Request, force: bool = False) -> list[object]:
        return [caller.subject, caller.project, len(await request.body())]

    @router.get("/datasets")
    async def forgotten() -> str:
        return "a route that does not ask for its caller"

    @router.get("/models/base")
    async def of_another_service() -> str:
        return "not in the route table of this service"

    transport = httpx.ASGITransport(web_app(Service("dataset", router), resources))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        yield http


def signed(resources: Resources, method: str, path: str, body: bytes | None = b"", **more: object) -> dict[str, str]:
    """The header for a request; `more`: scopes, service, query."""
    caller = Principal("key_w", "lake", tuple(more.get("scopes", ("write",))))  # type: ignore[arg-type]
    bound = Bound(method, path, str(more.get("query", "")).encode())
    return {HEADER: Signer(resources.keyring).sign(caller, str(more.get("service", "dataset")), bound, body)}


async def test_principal_is_for_one_service_method_path_query_and_body(
    resources: Resources, service: httpx.AsyncClient
) -> None:
    right = signed(resources, "POST", "/datasets/import", b"{}", query="force=true")
    answer = await service.post("/datasets/import?force=true", content=b"{}", headers=right)
    assert answer.json() == [WRITER.subject, WRITER.project, 2]
    for method, url, body in (
        ("POST", "/datasets/import", b"{}"),
        ("POST", "/datasets/upload?force=true", b"{}"),
        ("DELETE", "/datasets/import?force=true", b"{}"),
        ("POST", "/datasets/import?force=true", b"[]"),
        ("POST", "/datasets/import?force=true", b""),
    ):
        headers = signed(resources, "POST", "/datasets/import", b"{}", query="force=true")
        assert (await service.request(method, url, content=body, headers=headers)).status_code == 401, (method, url)
    other = signed(resources, "GET", "/datasets/a", service="training")
    assert (await service.get("/datasets/a", headers=other)).status_code == 401


async def test_streamed_body_cannot_take_the_place_of_a_bound_one(
    resources: Resources, service: httpx.AsyncClient
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    refused = await service.post(
        "/datasets/import", content=chunks(), headers=signed(resources, "POST", "/datasets/import")
    )
    assert refused.status_code == 401
    unbound = signed(resources, "POST", "/datasets/import", None)
    assert (await service.post("/datasets/import", content=chunks(), headers=unbound)).json()[2] == 1
    assert (await service.post("/datasets/import", content=chunks(), headers=unbound)).status_code == 401
    long = bytes(BOUND_BODY_BYTES + 1)
    bound = signed(resources, "POST", "/datasets/import", long)
    assert (await service.post("/datasets/import", content=long, headers=bound)).status_code == 401


async def test_write_is_accepted_once_and_a_read_may_be_repeated(
    resources: Resources, service: httpx.AsyncClient
) -> None:
    write, read = signed(resources, "DELETE", "/datasets/a"), signed(resources, "GET", "/datasets/a")
    assert [(await service.delete("/datasets/a", headers=write)).status_code for _ in range(2)] == [200, 401]
    assert [(await service.get("/datasets/a", headers=read)).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(("scopes", "statuses"), [((), (403, 403)), (("infer",), (403, 403)), (("read",), (200, 403))])
async def test_service_refuses_a_principal_without_the_scope_of_its_route(
    resources: Resources, service: httpx.AsyncClient, scopes: tuple[str, ...], statuses: tuple[int, int]
) -> None:
    auth = SignedAs(resources, Principal("key_r", "lake", scopes))
    read, write = await service.get("/datasets/a", auth=auth), await service.delete("/datasets/a", auth=auth)
    assert (read.status_code, write.status_code) == statuses


async def test_no_route_is_open_by_omission(resources: Resources, service: httpx.AsyncClient) -> None:
    assert (await service.get("/datasets")).status_code == 401
    assert (await service.get("/datasets", auth=SignedAs(resources))).status_code == 200
    assert (await service.get("/models/base", auth=SignedAs(resources))).status_code == 404


async def test_forged_and_expired_principals_are_refused(
    resources: Resources, service: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload, _, mac = signed(resources, "GET", "/datasets/a")[HEADER].partition(".")
    claims = json.loads(urlsafe_b64decode(payload))
    claims["scopes"] = ["*"]
    raised = urlsafe_b64encode(json.dumps(claims).encode()).decode()
    for token in ("", ".", "x.y", "é", f"{payload}.", f"{raised}.{mac}", f"{payload}.{mac[:-1]}"):
        answer = await service.get("/datasets/a", headers={HEADER: token.encode()})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), token
    monkeypatch.setattr(module, "LIFETIME", -1.0)
    expired = signed(resources, "GET", "/datasets/a")
    assert (await service.get("/datasets/a", headers=expired)).status_code == 401
