"""Sign-in with OpenID Connect: gateway and provider over real sockets, and every way in which an answer is wrong."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwk, jwt
from typer.testing import CliRunner

from cli.main import cli
from services.gateway.auth.oidc import require_consistent
from services.gateway.auth.oidc_api import Attempt
from shared.runtime.errors import Misconfigured
from shared.runtime.settings import Settings
from tests.support.asgi_server import serving
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, Claims, OidcProvider
from tests.support.platform import RunningPlatform, open_platform

ROLES = {"ml-team": {"team-a": "member"}, "leads": {"team-a": "admin", "team-b": "viewer"}}


@dataclass
class SignedInPlatform:
    """A platform and its identity provider."""

    platform: RunningPlatform
    provider: OidcProvider

    def browser(self) -> httpx.AsyncClient:
        """A browser: it keeps cookies and follows redirects."""
        return self.platform.client(None, follow_redirects=True, headers={"Origin": self.platform.url})

    async def sign_in(self, browser: httpx.AsyncClient, **query: str) -> httpx.Response:
        return await browser.get("/auth/oidc/sign-in", params=query)


@pytest.fixture
async def oidc(tmp_path: Path) -> AsyncIterator[SignedInPlatform]:
    """A gateway with an identity provider."""
    provider = OidcProvider()
    async with AsyncExitStack() as stack:
        provider.issuer = await stack.enter_async_context(serving(provider.app()))
        settings = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
        opened = open_platform(tmp_path, remote=False, **settings, oidc_roles=ROLES)
        yield SignedInPlatform(await stack.enter_async_context(opened), provider)


async def test_a_user_signs_in_with_the_role_of_the_group(oidc: SignedInPlatform) -> None:
    async with oidc.browser() as browser:
        answer = await oidc.sign_in(browser, next="/ui/jobs?state=queued")
        assert (answer.status_code, "0;url=/ui/jobs?state=queued" in answer.text) == (200, True)
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        session = (await browser.get("/auth/session")).json()
        assert session["subject"].startswith("user_")
        assert (session["project"], session["scopes"], session["name"]) == ("team-a", ["write"], "alice@example.org")
        assert (await browser.post("/training/jobs")).status_code == 200
        assert (await browser.get("/auth/keys")).status_code == 403
        assert (await browser.get("/training/jobs")).json()["caller"] == [session["subject"], "team-a", ["write"]]
        [project] = (await browser.get("/auth/projects")).json()["items"]
    assert (project["id"], project["role"]) == ("team-a", "member")


async def test_the_audit_log_names_who_signed_in_and_acted(oidc: SignedInPlatform) -> None:
    oidc.provider.user["groups"] = ["leads"]
    async with oidc.browser() as alice:
        await oidc.sign_in(alice)
        user = (await alice.get("/auth/session")).json()["subject"]
        await alice.put("/auth/session", json={"project": "team-b"})
    async with oidc.platform.client() as operator:
        lines = (await operator.get("/audit", params={"subject": user})).json()["items"]
    done = {(line["action"], line["project"]) for line in lines}
    assert {("GET /auth/oidc/callback", "team-a"), ("PUT /auth/session", "team-a")} <= done


async def test_cookies_are_secure_behind_a_proxy(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        opened = open_platform(tmp_path, remote=False, public_url="https://anneal.example.org")
        platform = await stack.enter_async_context(opened)
        browser = await stack.enter_async_context(platform.client(None, headers={"Host": "anneal.example.org"}))
        answer = await browser.get(await platform.gateway.link())
    assert (answer.status_code, "Secure" in answer.headers["set-cookie"]) == (200, True)


async def test_another_sign_in_ends_the_browsers_former_session(oidc: SignedInPlatform) -> None:
    async with oidc.browser() as browser:
        await oidc.sign_in(browser)
        former = browser.cookies["anneal_session"]
        await oidc.sign_in(browser)
        assert browser.cookies["anneal_session"] != former
    async with oidc.platform.client(None, cookies={"anneal_session": former}) as stale:
        assert (await stale.get("/auth/session")).status_code == 401


async def callback(oidc: SignedInPlatform, browser: httpx.AsyncClient) -> tuple[str, dict[str, str]]:
    """Sign in up to the provider's redirect, which is returned."""
    browser.follow_redirects = False
    started = await oidc.sign_in(browser)
    redirect = urlsplit((await browser.get(started.headers["location"])).headers["location"])
    return redirect.path, {name: values[0] for name, values in parse_qs(redirect.query).items()}


WRONG_ANSWERS = [
    ({"state": "of an attacker"}, "state"),
    ({"state": "ä"}, "state"),
    ({"iss": "https://evil.example"}, "iss"),
    ({"code": "unknown"}, "refused"),
    ({"code": ""}, "no code"),
    ({"error": "<script>access_denied"}, "&lt;script&gt;access_denied"),
]


async def test_a_wrong_answer_is_refused(oidc: SignedInPlatform) -> None:
    for change, reason in WRONG_ANSWERS:
        async with oidc.browser() as browser:
            path, query = await callback(oidc, browser)
            answer = await browser.get(path, params={**query, **change})
            assert (answer.status_code, reason in answer.text) == (403, True), (change, answer.text)
            assert (await browser.get("/auth/session")).status_code == 401


async def test_only_the_browser_that_started_a_sign_in_completes_it(oidc: SignedInPlatform) -> None:
    """Otherwise an attacker could sign a victim in as itself (login CSRF), or use a stolen answer."""
    async with oidc.browser() as browser, oidc.browser() as other, oidc.browser() as third:
        path, query = await callback(oidc, browser)
        await callback(oidc, other)
        assert [(await each.get(path, params=query)).status_code for each in (other, third)] == [403, 403]
        assert (await browser.get(path, params=query)).status_code == 200
        assert (await browser.get(path, params=query)).status_code == 403  # an answer is good for one sign-in


async def test_a_stolen_code_needs_the_verifier(oidc: SignedInPlatform) -> None:
    """PKCE: the attacker's own attempt has another verifier, even with the victim's state and nonce."""
    async with oidc.browser() as browser, oidc.browser() as thief:
        path, query = await callback(oidc, browser)
        own = Attempt.load(browser.cookies["anneal_oidc"]).model_copy(update={"verifier": "x" * 64})
        answer = await thief.get(path, params=query, headers={"Cookie": f"anneal_oidc={own.dump()}"})
    assert answer.status_code == 403


def encoded(header: dict[str, Any], claims: Claims) -> str:
    """A token without a signature."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join(parts)


def unsigned(key: jwk.ECKey, claims: Claims) -> str:
    return encoded({"alg": "none", "kid": key.kid}, claims) + "."


def signed_with_the_public_key(key: jwk.ECKey, claims: Claims) -> str:
    """HS256 with the published key as the secret."""
    token = encoded({"alg": "HS256", "kid": key.kid}, claims)
    mac = hmac.digest(key.as_pem(private=False), token.encode(), "sha256")
    return f"{token}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def signed_with_another_key(key: jwk.ECKey, claims: Claims) -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, OTHER_KEY)


def signed_with_the_key_in_its_header(key: jwk.ECKey, claims: Claims) -> str:
    header = {"alg": "ES256", "kid": key.kid, "jwk": OTHER_KEY.as_dict(private=False)}
    return jwt.encode(header, claims, OTHER_KEY)


def no_token(key: jwk.ECKey, claims: Claims) -> str:
    return "no token"


OTHER_KEY = jwk.ECKey.generate_key("P-256")
FORGERS = (unsigned, signed_with_the_public_key, signed_with_another_key, signed_with_the_key_in_its_header, no_token)
WRONG_CLAIMS: tuple[Claims, ...] = (
    {"nonce": "of another sign-in"},
    {"nonce": None},
    {"exp": int(time.time()) - 3600},
    {"exp": None},
    {"iat": int(time.time()) + 3600},
    {"nbf": int(time.time()) + 3600},
    {"aud": "another client"},
    {"aud": [CLIENT_ID, "another client"]},
    {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
    {"azp": "another client"},
    {"iss": "https://evil.example"},
    {"sub": ""},
    {"sub": None},
    {"sub": 1},
)


async def test_a_forged_token_is_refused(oidc: SignedInPlatform) -> None:
    for forge in FORGERS:
        oidc.provider.sign = forge
        async with oidc.browser() as browser:
            answer = await oidc.sign_in(browser)
            assert (answer.status_code, "token is not valid" in answer.text) == (403, True), (forge, answer.text)
            assert (await browser.get("/auth/session")).status_code == 401


async def test_a_token_with_wrong_claims_is_refused(oidc: SignedInPlatform) -> None:
    async with oidc.browser() as browser:
        for claims in WRONG_CLAIMS:
            oidc.provider.claims = claims
            assert (await oidc.sign_in(browser)).status_code == 403, claims
            assert (await browser.get("/auth/session")).status_code == 401, claims
        oidc.provider.claims = {}
        assert (await oidc.sign_in(browser)).status_code == 200


async def test_rotated_keys_are_fetched_once_they_are_used(oidc: SignedInPlatform) -> None:
    async with oidc.browser() as browser:
        await oidc.sign_in(browser)
        await oidc.sign_in(browser)
        assert oidc.provider.requests.count("/keys") == 1
        oidc.provider.rotate()
        assert (await oidc.sign_in(browser)).status_code == 200
    assert oidc.provider.requests.count("/keys") == 2


OUTSIDE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/ui/\nx",
    "/ui\\..\\x",
    '/ui/"><script>',
    "javascript:x",
    "/docs",
)


async def test_a_sign_in_returns_to_the_app_only(oidc: SignedInPlatform) -> None:
    for outside in OUTSIDE:
        async with oidc.browser() as browser:
            refused = await oidc.sign_in(browser, next=outside)
            assert (refused.status_code, refused.json()["field"]) == (422, "next"), outside
            path, query = await callback(oidc, browser)
            forged = Attempt.load(browser.cookies["anneal_oidc"]).model_copy(update={"next": outside}).dump()
            browser.cookies.clear()
            answer = await browser.get(path, params=query, headers={"Cookie": f"anneal_oidc={forged}"})
            assert answer.status_code == 403, outside


async def test_a_role_follows_the_groups_at_the_next_sign_in(oidc: SignedInPlatform) -> None:
    """Open sessions change at once, and a former admin's keys end."""
    oidc.provider.user["groups"] = ["leads", "ml-team"]
    async with oidc.browser() as first, oidc.browser() as second:
        await oidc.sign_in(first)
        assert (await first.get("/auth/session")).json()["scopes"] == ["admin"]
        made = [(await first.post("/auth/keys", json={"name": s, "scopes": [s]})).json() for s in ("admin", "read")]
        clients = [oidc.platform.client(key["key"]) for key in made]
        assert [(await client.get("/auth/session")).status_code for client in clients] == [200, 200]
        oidc.provider.user["groups"] = ["ml-team"]
        await oidc.sign_in(second)
        assert (await first.get("/auth/session")).json()["scopes"] == ["write"]
        assert [(await client.get("/auth/session")).status_code for client in clients] == [401, 200]
        oidc.provider.user["groups"] = []
        answer = await oidc.sign_in(second)
        assert (answer.status_code, "not a member of any project" in answer.text) == (403, True)
        assert (await first.get("/auth/session")).status_code == 401
        assert (await clients[1].get("/auth/session")).status_code == 401


async def test_a_session_switches_between_the_projects_of_its_user(oidc: SignedInPlatform) -> None:
    oidc.provider.user["groups"] = ["leads"]
    async with oidc.browser() as browser:
        await oidc.sign_in(browser)
        switched = await browser.put("/auth/session", json={"project": "team-b"})
        assert switched.json() == {"project": "team-b"}
        session = (await browser.get("/auth/session")).json()
        assert (session["project"], session["scopes"]) == ("team-b", ["read"])
        assert (await browser.post("/training/jobs")).status_code == 403
        assert (await browser.put("/auth/session", json={"project": "default"})).status_code == 404
        stale = await browser.get("/training/jobs", headers={"Anneal-Project": "team-a"})
        assert (stale.status_code, stale.json()["code"]) == (409, "project_switched")
        await oidc.sign_in(browser)
        assert (await browser.get("/auth/session")).json()["project"] == "team-b"


async def test_an_admin_grants_and_takes_roles(oidc: SignedInPlatform) -> None:
    async with oidc.browser() as alice, oidc.platform.client() as operator:
        oidc.provider.user["groups"] = []
        await oidc.sign_in(alice)
        path = "/auth/projects/team-b/members/alice@example.org"
        granted = await operator.put(path, json={"role": "admin"})
        assert (granted.status_code, granted.json()["role"]) == (200, "admin")
        await oidc.sign_in(alice)
        assert (await alice.get("/auth/session")).json()["project"] == "team-b"
        [member] = (await alice.get("/auth/projects/team-b/members")).json()["items"]
        assert (member["email"], member["granted"], member["from_groups"]) == ("alice@example.org", "admin", None)
        for method, other in (("GET", ""), ("DELETE", "/alice@example.org")):
            assert (await alice.request(method, f"/auth/projects/team-a/members{other}")).status_code == 404
        assert (await alice.get("/auth/users")).status_code == 403
        key = (await alice.post("/auth/keys", json={"name": "ci"})).json()["key"]
        assert (await operator.delete(path)).status_code == 204
        assert (await operator.delete(path)).status_code == 404
        assert (await alice.get("/auth/session")).status_code == 401
        async with oidc.platform.client(key) as client:
            assert (await client.get("/auth/session")).status_code == 401


async def test_a_role_by_groups_is_not_lowered_here(oidc: SignedInPlatform) -> None:
    async with oidc.browser() as alice, oidc.platform.client() as operator:
        await oidc.sign_in(alice)
        path = "/auth/projects/team-a/members/alice@example.org"
        lowered, removed = await operator.put(path, json={"role": "viewer"}), await operator.delete(path)
        assert [(answer.status_code, answer.json()["limit"]) for answer in (lowered, removed)] == [(409, "member")] * 2
        assert (await operator.put(path, json={"role": "admin"})).json()["role"] == "admin"


async def test_an_unverified_address_names_no_user(oidc: SignedInPlatform) -> None:
    oidc.provider.user["email_verified"] = False
    async with oidc.browser() as alice, oidc.platform.client() as operator:
        await oidc.sign_in(alice)
        answer = await operator.put("/auth/projects/b/members/alice@example.org", json={"role": "viewer"})
    assert answer.status_code == 404


async def test_a_disabled_user_is_out_until_enabled(oidc: SignedInPlatform) -> None:
    async with oidc.browser() as alice, oidc.platform.client() as operator:
        await oidc.sign_in(alice)
        [user] = (await operator.get("/auth/users")).json()["items"]
        await operator.post(f"/auth/users/{user['id']}/disable")
        assert (await alice.get("/auth/session")).status_code == 401
        assert (await oidc.sign_in(alice)).status_code == 403
        await operator.post(f"/auth/users/{user['id']}/enable")
        assert (await oidc.sign_in(alice)).status_code == 200


async def test_an_unreachable_provider_is_named(tmp_path: Path) -> None:
    settings = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "x"}
    async with open_platform(tmp_path, remote=False, **settings) as platform, platform.client(None) as browser:
        answer = await browser.get("/auth/oidc/sign-in")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_without_a_provider_nobody_signs_in_with_one(platform: RunningPlatform) -> None:
    async with platform.client(None) as browser:
        assert (await browser.get("/auth/oidc")).json() == {"oidc": False}
        assert (await browser.get("/auth/oidc/sign-in")).status_code == 404
        assert (await browser.get("/auth/oidc/callback")).status_code == 404


@pytest.mark.parametrize(
    "settings",
    [
        {"oidc_issuer": "http://idp.example", "oidc_client_id": "x"},
        {"oidc_issuer": "https://idp.example"},
        {"oidc_roles": {"a": {"b": "viewer"}}},
        {"oidc_issuer": "https://idp.example", "oidc_client_id": "x", "host": "0.0.0.0"},
    ],
)
def test_incomplete_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        require_consistent(Settings(**settings))


async def test_the_command_line_manages_members_and_users(oidc: SignedInPlatform) -> None:
    environment = {"ANNEAL_URL": oidc.platform.url, "ANNEAL_API_KEY": oidc.platform.key}

    async def anneal(*arguments: str) -> str:
        found = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=environment)
        assert found.exit_code == 0, found.output
        return found.output

    async with oidc.browser() as alice:
        await oidc.sign_in(alice)
        await anneal("projects", "create", "team-c")
        assert [p["id"] for p in json.loads(await anneal("projects", "list", "--json"))["items"]] == [
            "default",
            "team-a",
            "team-c",
        ]
        assert "is viewer" in await anneal(
            "projects", "set-member", "alice@example.org", "viewer", "--project", "team-c"
        )
        members = json.loads(await anneal("projects", "members", "--project", "team-c", "--json"))["items"]
        assert [(member["email"], member["role"]) for member in members] == [("alice@example.org", "viewer")]
        assert len((await alice.get("/auth/projects")).json()["items"]) == 2
        await anneal("projects", "remove-member", "alice@example.org", "--project", "team-c")
        assert "alice@example.org" not in await anneal("projects", "members", "--project", "team-c")
        [user] = json.loads(await anneal("users", "list", "--json"))["items"]
        await anneal("users", "disable", user["id"])
        assert (await alice.get("/auth/session")).status_code == 401
        await anneal("users", "enable", user["id"])
        assert (await oidc.sign_in(alice)).status_code == 200
