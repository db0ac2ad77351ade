"""Every route with every kind of credential, on the six real services: what `routes.py` declares is what happens."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from fastapi import APIRouter

from deploy.embedded import BUILDERS
from deploy.reference import undeclared
from services.gateway.app import Gateway, build
from services.gateway.auth.credentials import generate_secret
from shared.runtime.http.principal import HEADER, SAFE_METHODS, Bound, Principal, Signer
from shared.runtime.http.routes import METRICS, ROUTES, SCOPE_RANKS, Route
from shared.runtime.keyring import Keyring
from shared.runtime.resources import open_resources
from shared.runtime.service import Service, running, web_app
from shared.runtime.settings import Settings
from shared.runtime.telemetry.logging import configure_logging
from tests.support.asgi_server import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST = "127.0.0.1"
ORIGIN = f"http://{HOST}"
UNCHECKED_HOST = {"/healthz", "/readyz", METRICS}
Outcome = tuple[int, str] | None
"""Status and code of a refusal; None where the request reaches the service."""
UNAUTHENTICATED, FORBIDDEN = (401, "unauthenticated"), (403, "forbidden")
OTHER_ORIGIN, OTHER_HOST = (403, "origin_not_allowed"), (421, "host_not_allowed")
REFUSALS = (UNAUTHENTICATED, FORBIDDEN, OTHER_ORIGIN, OTHER_HOST)


def by_scope(held: str) -> Callable[[Route], Outcome]:
    """What a caller with this scope experiences."""
    return lambda route: None if route.scope is None or SCOPE_RANKS[held] >= SCOPE_RANKS[route.scope] else FORBIDDEN


def nobody(route: Route) -> Outcome:
    """What a caller without a valid credential experiences."""
    return None if route.open else UNAUTHENTICATED


def cookie_from_elsewhere(route: Route) -> Outcome:
    """What a page of another site experiences: browsers show it no response, so only changes are refused."""
    return None if route.open or route.method in SAFE_METHODS else OTHER_ORIGIN


def other_host(route: Route) -> Outcome:
    """What a request for another name of this machine experiences."""
    return None if route.pattern in UNCHECKED_HOST else OTHER_HOST


def scraper(route: Route) -> Outcome:
    """What the token of Prometheus opens."""
    return None if route.pattern == METRICS else nobody(route)


@dataclass
class Walk:
    """The platform in this process, and the credentials of the walk by name."""

    app: Any
    url: str
    gateway: Gateway
    key: str
    home: Path

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, timeout=60)

    async def new_key(self, owner: str = "", **fields: Any) -> dict[str, Any]:
        async with self.client(Authorization=f"Bearer {owner or self.key}") as operator:
            response = await operator.post("/auth/keys", json={"name": "walk", **fields})
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def signed_in(self) -> str:
        async with self.client() as browser:
            await browser.get(await self.gateway.link())
            return browser.cookies["anneal_session"]

    async def ticket(self) -> str:
        async with self.client(Authorization=f"Bearer {self.key}") as operator:
            return str((await operator.post("/live/tickets")).json()["ticket"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    tmp_path = tmp_path_factory.mktemp("walk")
    configure_logging(StringIO())
    settings = Settings(home=tmp_path, warm_engines=False, metrics_token="scraper")
    async with AsyncExitStack() as stack:
        resources = await stack.enter_async_context(open_resources(settings))
        backends = [await builder(resources) for builder in BUILDERS]
        gateway = await build(resources, {each.name: web_app(each, resources) for each in backends})
        assert undeclared([*backends, gateway.service]) == []
        await stack.enter_async_context(running([*backends, gateway.service], resources))
        url = await stack.enter_async_context(serving(gateway.app))
        yield Walk(gateway.app, url, gateway, (tmp_path / "api-key").read_text().strip(), tmp_path)


Headers = dict[str, str]


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


async def revoked(walk: Walk) -> Headers:
    made = await walk.new_key()
    async with walk.client(**bearer(walk.key)) as operator:
        assert (await operator.delete(f"/auth/keys/{made['id']}")).status_code == 204
    return bearer(made["key"])


async def expired(walk: Walk) -> Headers:
    return bearer((await walk.new_key(expires_in_days=1e-9))["key"])


async def scoped(walk: Walk, scope: str, **fields: Any) -> Headers:
    return bearer((await walk.new_key(scopes=[scope], **fields))["key"])


async def cookie(walk: Walk, **headers: str) -> Headers:
    return {"Cookie": f"anneal_session={await walk.signed_in()}", **headers}


async def forged(walk: Walk, secret: str) -> Headers:
    """A principal that the client has signed itself, without any other credential."""
    bound = Bound("GET", "/training/jobs", b"")
    return {HEADER: Signer(Keyring(secret)).sign(Principal("operator", scopes=("*",)), "training", bound)}


async def plain(walk: Walk, **headers: str) -> Headers:
    return headers


Credential = tuple[Callable[[Walk], Awaitable[Headers]], Callable[[Route], Outcome]]
CREDENTIALS: dict[str, Credential] = {
    "none": (plain, nobody),
    "another scheme": (lambda walk: plain(walk, Authorization=f"Basic {walk.key}"), nobody),
    "malformed key": (lambda walk: plain(walk, **bearer("anneal_")), nobody),
    "unknown key": (lambda walk: plain(walk, **bearer(generate_secret())), nobody),
    "long key": (lambda walk: plain(walk, **bearer("a" * 60_000)), nobody),
    "expired key": (expired, nobody),
    "revoked key": (revoked, nobody),
    "infer key": (lambda walk: scoped(walk, "infer"), by_scope("infer")),
    "read key": (lambda walk: scoped(walk, "read"), by_scope("read")),
    "write key": (lambda walk: scoped(walk, "write"), by_scope("write")),
    "admin key": (lambda walk: scoped(walk, "admin"), by_scope("admin")),
    "admin key of another project": (lambda walk: scoped(walk, "admin", project="other"), by_scope("admin")),
    "operator key": (lambda walk: plain(walk, **bearer(walk.key)), by_scope("*")),
    "operator key, other host": (lambda walk: plain(walk, Host="attacker.example", **bearer(walk.key)), other_host),
    "cookie": (lambda walk: cookie(walk, Origin=ORIGIN), by_scope("*")),
    "cookie without origin": (cookie, cookie_from_elsewhere),
    "cookie, other origin": (lambda walk: cookie(walk, Origin="https://attacker.example"), cookie_from_elsewhere),
    "ended cookie": (lambda walk: plain(walk, Cookie="anneal_session=anneal_ended", Origin=ORIGIN), nobody),
    "metrics token": (lambda walk: plain(walk, **bearer("scraper")), scraper),
    "principal, forged": (lambda walk: forged(walk, "guessed"), nobody),
    "principal, signed": (lambda walk: forged(walk, (walk.home / "secret").read_text().strip()), nobody),
}


def outcome(response: httpx.Response) -> Outcome:
    """The refusal of a response. Raises AssertionError for what no request of the walk may cause."""
    assert response.status_code < 500, response.text
    if response.status_code not in {status for status, _ in REFUSALS}:
        return None
    if response.request.method == "HEAD":
        return next(refusal for refusal in REFUSALS if refusal[0] == response.status_code)
    body = response.json()
    return response.status_code, body.get("code") or body["error"]["code"]


@pytest.mark.parametrize("name", CREDENTIALS)
async def test_every_route_treats_a_credential_as_declared(walk: Walk, name: str) -> None:
    """Bodies and ids are missing or unknown: what is not refused reaches the service, and changes nothing."""
    make, expected = CREDENTIALS[name]
    headers, wrong = await make(walk), []
    for route in sorted(ROUTES, key=lambda route: (route.pattern == "/auth/session", route.method == "DELETE")):
        if route.pattern == "/live":
            continue
        async with walk.client(**headers) as client:
            path = re.sub(r"\{[^}]+\}", "key_unknown", route.pattern)  # no project has such a name
            found = outcome(await client.request(route.method, path))
        if found != expected(route):
            wrong.append(f"{route.method} {route.pattern}: {found}, declared {expected(route)}")
    assert wrong == []


async def spent(walk: Walk) -> str:
    ticket = await walk.ticket()
    await connect(walk, ticket)
    return ticket


async def sign_in_token(walk: Walk) -> str:
    return (await walk.gateway.link()).partition("token=")[2]


async def connect(walk: Walk, ticket: str, host: str = HOST, **headers: str) -> int:
    """The status of opening the websocket; 101 where it opens."""
    port = int(walk.url.rpartition(":")[2])
    url = f"ws://{host}:{port}/live?job=job_unknown" + (f"&ticket={ticket}" if ticket else "")
    try:
        async with websockets.connect(url, additional_headers=headers, host=HOST, port=port):
            return 101
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


async def test_the_websocket_treats_credentials_as_declared(walk: Walk) -> None:
    no_read = (await scoped(walk, "infer"))["Authorization"]
    found = {
        "none": await connect(walk, ""),
        "unknown ticket": await connect(walk, generate_secret()),
        "spent ticket": await connect(walk, await spent(walk)),
        "sign-in token as ticket": await connect(walk, await sign_in_token(walk)),
        "cookie": await connect(walk, "", **await cookie(walk, Origin=walk.url)),
        "key without scope": await connect(walk, "", Authorization=no_read),
        "ticket, other origin": await connect(walk, await walk.ticket(), Origin="https://attacker.example"),
        "key, other host": await connect(walk, "", "attacker.example", **bearer(walk.key)),
        "ticket": await connect(walk, await walk.ticket(), Origin=walk.url),
        "key": await connect(walk, "", **bearer(walk.key)),
    }
    assert found == {
        **dict.fromkeys(("none", "unknown ticket", "spent ticket", "sign-in token as ticket", "cookie"), 401),
        "key without scope": 403,
        "ticket, other origin": 403,
        "key, other host": 421,
        "ticket": 101,
        "key": 101,
    }


async def test_a_route_that_nobody_declared_does_not_exist_outside(walk: Walk) -> None:
    router = APIRouter()
    router.add_api_route("/training/secret", lambda: "leaked")
    router.add_api_websocket_route("/training/events", lambda: None)
    difference = undeclared([Service("training", router)])
    assert {"training GET /training/secret", "training GET /training/events"} <= set(difference)
    async with walk.client(**bearer(walk.key)) as operator:
        assert (await operator.get("/training/secret")).status_code == 404
