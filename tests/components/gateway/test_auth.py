"""Authentication over real HTTP: API keys, sessions, sign-in links, scopes."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from services.gateway.app import build, delete_expired
from services.gateway.auth.credentials import digest_of
from services.gateway.auth.sessions import MAX_OPEN_LINKS
from shared.documents.entities import now
from shared.runtime.service import background
from tests.support.platform import RunningPlatform, wait_until


@pytest.mark.parametrize("path", ["/training/jobs", "/overview", "/metrics", "/openapi.json", "/auth/keys"])
@pytest.mark.parametrize("key", [None, "anneal_wrong", "ä"])
async def test_requests_without_a_valid_key_are_rejected(platform: RunningPlatform, path: str, key: str | None) -> None:
    headers = {"Authorization": f"Bearer {key}".encode("latin-1")} if key else {}
    async with platform.client(None) as client:
        response = await client.get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "unauthenticated"
    assert "remedy" in response.json()


async def test_the_key_file_is_private_and_grants_all_scopes(platform: RunningPlatform, tmp_path: Path) -> None:
    assert (tmp_path / "api-key").stat().st_mode & 0o777 == 0o600
    async with platform.client() as client:
        caller = (await client.get("/training/jobs")).json()["caller"]
    assert caller[1:] == ["default", ["*"]]


async def test_only_the_hash_of_a_key_is_stored(platform: RunningPlatform, tmp_path: Path) -> None:
    async with platform.client() as client:
        made = (await client.post("/auth/keys", json={"name": "ci"})).json()
        listed = (await client.get("/auth/keys")).text
    assert made["key"].startswith("anneal_")
    assert made["key"] not in listed
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("documents.sqlite*"))
    assert made["key"].encode() not in stored


async def test_revoking_a_key_ends_its_sessions_at_once(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "ci", "scopes": ["read"]})).json()
        async with platform.client(made["key"]) as client, platform.client(None) as browser:
            path = (await client.post("/auth/link")).json()["path"]
            assert (await browser.get(path)).status_code == 200
            assert (await client.get("/training/jobs")).status_code == 200
            assert (await browser.get("/training/jobs")).status_code == 200
            assert (await operator.delete(f"/auth/keys/{made['id']}")).status_code == 204
            assert (await client.get("/training/jobs")).status_code == 401
            assert (await browser.get("/training/jobs")).status_code == 401


async def test_an_expired_key_is_rejected(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "short", "expires_in_days": 1e-9})).json()
    async with platform.client(made["key"]) as client:
        response = await client.get("/training/jobs")
    assert response.status_code == 401
    assert "expired" in response.json()["detail"]


async def test_a_browser_gets_a_page_for_a_spent_link(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        path = (await operator.post("/auth/link")).json()["path"]
    async with platform.client(None) as browser:
        assert (await browser.get(path)).status_code == 200
    async with platform.client(None) as other:
        answer = await other.get(path, headers={"Accept": "text/html,application/xhtml+xml"})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert "anneal link" in answer.text
        assert not other.cookies


async def test_links_and_tickets_end_with_their_key(platform: RunningPlatform) -> None:
    """Unused links and tickets too."""
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "ci", "scopes": ["read"]})).json()
        async with platform.client(made["key"]) as client:
            path = (await client.post("/auth/link")).json()["path"]
            ticket = (await client.post("/live/tickets")).json()["ticket"]
        await operator.delete(f"/auth/keys/{made['id']}")
    async with platform.client(None) as browser:
        refused = await browser.get(path)
    assert (refused.status_code, refused.json()["code"]) == (401, "link_spent")
    with pytest.raises(websockets.InvalidStatus) as failure:
        await websockets.connect(f"{platform.url.replace('http', 'ws', 1)}/live?job=job_1&ticket={ticket}")
    assert failure.value.response.status_code == 401


async def test_a_session_does_not_outlive_its_key(platform: RunningPlatform) -> None:
    keys = platform.gateway.sessions._keys
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "short", "expires_in_days": 1})).json()
    async with platform.client(made["key"]) as client, platform.client(None) as browser:
        await browser.get((await client.post("/auth/link")).json()["path"])
        assert (await browser.get("/training/jobs")).status_code == 200
        await keys.store.change(made["id"], lambda key: setattr(key, "expires_at", now()))
        keys._verified.clear()  # as after CACHE_TTL_S
        ended = await browser.get("/training/jobs")
    assert ended.status_code == 401


async def test_a_subject_lists_and_ends_its_own_sessions_only(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        keys = [(await operator.post("/auth/keys", json={"name": name})).json()["key"] for name in ("own", "other")]
    async with (
        platform.client(keys[0]) as own,
        platform.client(keys[1]) as other,
        platform.client(None) as laptop,
        platform.client(None) as lost,
    ):
        for browser in (lost, laptop):
            await browser.get((await own.post("/auth/link")).json()["path"])
        listed = (await laptop.get("/auth/sessions")).json()["items"]
        assert [session["current"] for session in listed].count(True) == 1
        assert listed[0].keys() == {"id", "project", "created_at", "expires_at", "idle_until", "current"}
        assert {session["id"] for session in (await own.get("/auth/sessions")).json()["items"]} == {
            session["id"] for session in listed
        }
        [foreign] = [session["id"] for session in listed if not session["current"]]
        assert (await other.get("/auth/sessions")).json()["items"] == []
        assert (await other.delete(f"/auth/sessions/{foreign}")).status_code == 404
        assert (await lost.get("/training/jobs")).status_code == 200
        assert (await own.delete(f"/auth/sessions/{foreign}")).status_code == 204
        assert (await lost.get("/training/jobs")).status_code == 401
        assert len((await laptop.get("/auth/sessions")).json()["items"]) == 1


async def test_a_key_is_limited_to_its_scopes(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        keys = {
            scope: (await operator.post("/auth/keys", json={"name": scope, "scopes": [scope]})).json()["key"]
            for scope in ("infer", "read", "write", "admin")
        }
    attempts = [("GET", "/openapi.json"), ("GET", "/training/jobs"), ("POST", "/training/jobs"), ("GET", "/auth/keys")]
    for rank, scope in enumerate(("infer", "read", "write", "admin")):
        async with platform.client(keys[scope]) as client:
            found = [(await client.request(method, path)).status_code for method, path in attempts]
        assert found == [200] * (rank + 1) + [403] * (3 - rank), scope


async def test_a_key_is_limited_to_its_project(platform: RunningPlatform) -> None:
    platform.training.jobs["job_1"], platform.training.owners["job_1"] = "running", "default"
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "b", "project": "team-b", "scopes": ["admin"]})).json()
        assert (await operator.get("/training/jobs/job_1")).status_code == 200
    async with platform.client(made["key"]) as client:
        assert (await client.get("/training/jobs")).json()["caller"][1] == "team-b"
        assert (await client.get("/training/jobs/job_1")).status_code == 404
        assert [key["name"] for key in (await client.get("/auth/keys")).json()["items"]] == ["b"]
        other = await client.post("/auth/keys", json={"name": "c", "project": "default"})
        assert other.status_code == 403


async def test_expired_links_are_deleted(platform: RunningPlatform) -> None:
    grants = platform.gateway.sessions._grants
    valid, expired = await platform.gateway.link(), await platform.gateway.link()
    for id, age in ((valid, 1), (expired, -1)):
        token = id.partition("token=")[2]
        at = now() + timedelta(seconds=age * 60)
        await grants.store.change(
            f"grant_{digest_of(token)[:20]}", lambda grant, at=at: setattr(grant, "expires_at", at)
        )
    await grants.delete_expired()
    assert await grants.store.count() == 1


async def test_a_subject_has_a_limited_number_of_open_links(platform: RunningPlatform) -> None:
    other = await platform.gateway.link()
    async with platform.client() as client, platform.client(None) as browser:
        first = (await client.post("/auth/link")).json()["path"]
        answers = await asyncio.gather(*(client.post("/auth/link") for _ in range(MAX_OPEN_LINKS + 5)))
        assert {answer.status_code for answer in answers} == {201}
        last = (await client.post("/auth/link")).json()["path"]
        assert await platform.gateway.sessions._grants.store.count() == MAX_OPEN_LINKS + 1
        statuses = [(await browser.get(path)).status_code for path in (first, last, other)]
    assert statuses == [401, 200, 200]


async def test_a_cleanup_failure_does_not_stop_the_cleanup(
    platform: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, grants = platform.gateway.sessions.credentials, platform.gateway.sessions._grants
    monkeypatch.setattr(sessions, "store", None)
    await platform.gateway.link()
    for grant in await grants.store.find():
        await grants.store.change(grant.id, lambda found: setattr(found, "expires_at", now()))

    async def deleted() -> bool:
        return await grants.store.count() == 0

    async with background(delete_expired(sessions, grants)):
        await wait_until(deleted)


async def test_keys_and_sessions_survive_a_restart(platform: RunningPlatform) -> None:
    again = await build(platform.resources, {})
    transport = httpx.ASGITransport(again.app)
    headers = {"Authorization": f"Bearer {platform.key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        assert (await client.get("/auth/session")).json()["scopes"] == ["*"]


async def test_a_sign_in_link_works_once(platform: RunningPlatform) -> None:
    path = await platform.gateway.link()
    async with platform.client(None) as browser:
        first = await browser.get(path)
        cookie = first.headers["set-cookie"].lower()
        assert first.status_code == 200
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await browser.get("/training/jobs")).status_code == 200
    async with platform.client(None) as other:
        second = await other.get(path)
        assert second.status_code == 401
        assert second.json()["code"] == "link_spent"
        assert (await other.get("/training/jobs")).status_code == 401


async def test_a_link_opened_concurrently_signs_in_once(platform: RunningPlatform) -> None:
    path = await platform.gateway.link()
    async with platform.client(None) as client:
        answers = await asyncio.gather(*(client.get(path) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_signing_out_ends_the_session(platform: RunningPlatform) -> None:
    async with platform.client(None, headers={"Origin": platform.url}) as browser:
        await browser.get(await platform.gateway.link())
        cookie = browser.cookies["anneal_session"]
        assert (await browser.delete("/auth/session")).status_code == 204
    async with platform.client(None, cookies={"anneal_session": cookie}) as browser:
        assert (await browser.get("/auth/session")).status_code == 401


async def test_a_link_ends_with_the_session_that_made_it(platform: RunningPlatform) -> None:
    async with platform.client(None, headers={"Origin": platform.url}) as browser:
        await browser.get(await platform.gateway.link())
        used, unused = [(await browser.post("/auth/link")).json()["path"] for _ in range(2)]
        async with platform.client(None) as other:
            assert (await other.get(used)).status_code == 200
            await browser.delete("/auth/session")
            refused = await other.get(unused)
            assert (refused.status_code, refused.json()["code"]) == (401, "link_spent")
            assert (await other.get("/training/jobs")).status_code == 200


async def test_signing_out_of_an_ended_session_deletes_the_cookie(platform: RunningPlatform) -> None:
    stale = {"Cookie": "anneal_session=anneal_stale", "Origin": platform.url}
    async with platform.client(None) as browser, platform.client() as operator:
        ended = await browser.delete("/auth/session", headers=stale)
        known = await operator.delete("/auth/session", headers=stale)
    assert (ended.status_code, known.status_code) == (401, 204)
    for answer in (ended, known):
        assert "max-age=0" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1", "http://["])
async def test_a_cross_site_write_with_a_cookie_is_rejected(platform: RunningPlatform, origin: str | None) -> None:
    async with platform.client(None) as browser:
        await browser.get(await platform.gateway.link())
        headers = {"Origin": origin} if origin else {}
        assert (await browser.post("/training/jobs", headers=headers)).status_code == 403
        assert (await browser.post("/training/jobs", headers={"Origin": platform.url})).status_code == 200


async def test_a_key_ends_with_the_key_that_created_it(platform: RunningPlatform) -> None:
    """So do their sessions, also those of keys that were created in a signed-in browser, and in another project."""
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(platform.client())
        first = (await operator.post("/auth/keys", json={"name": "first", "scopes": ["admin"], "project": "b"})).json()
        admin = await stack.enter_async_context(platform.client(first["key"]))
        browser = await stack.enter_async_context(platform.client(None, headers={"Origin": platform.url}))
        await browser.get((await admin.post("/auth/link")).json()["path"])
        second = (await browser.post("/auth/keys", json={"name": "second", "scopes": ["admin"]})).json()
        heir = await stack.enter_async_context(platform.client(second["key"]))
        third = (await heir.post("/auth/keys", json={"name": "third", "scopes": ["read"]})).json()
        last = await stack.enter_async_context(platform.client(third["key"]))
        window = await stack.enter_async_context(platform.client(None))
        await window.get((await last.post("/auth/link")).json()["path"])
        clients = (admin, browser, heir, last, window)
        assert {(await client.get("/training/jobs")).status_code for client in clients} == {200}
        assert (await operator.delete(f"/auth/keys/{first['id']}")).status_code == 404  # of another project
        assert (await admin.delete(f"/auth/keys/{first['id']}")).status_code == 204
        assert {(await client.get("/training/jobs")).status_code for client in clients} == {401}


async def test_created_keys_may_be_kept_and_end_with_their_next_creator(platform: RunningPlatform) -> None:
    keys = []
    async with platform.client() as operator:
        client: httpx.AsyncClient = operator
        for name in ("first", "second", "third"):
            keys.append((await client.post("/auth/keys", json={"name": name, "scopes": ["admin"]})).json())
            client = platform.client(keys[-1]["key"])
        await operator.delete(f"/auth/keys/{keys[1]['id']}", params={"keep_created": True})
        assert (await client.get("/auth/session")).status_code == 200
        await operator.delete(f"/auth/keys/{keys[0]['id']}")
        assert (await client.get("/auth/session")).status_code == 401


async def test_a_key_does_not_outlive_the_key_that_created_it(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        body = {"name": "short", "scopes": ["admin"], "expires_in_days": 1}
        short = (await operator.post("/auth/keys", json=body)).json()
    async with platform.client(short["key"]) as client:
        heir = (await client.post("/auth/keys", json={"name": "heir"})).json()
        refused = await client.post("/auth/keys", json={"name": "longer", "expires_in_days": 2})
    assert heir["expires_at"][:16] == short["expires_at"][:16]
    assert (refused.status_code, refused.json()["field"]) == (422, "expires_in_days")


@pytest.mark.parametrize(
    ("body", "field"), [({"expires_in_days": True}, "expires_in_days"), ({"expire_in_days": 3}, "expire_in_days")]
)
async def test_a_misspelt_or_mistyped_field_of_a_key_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    refused = await client.post("/auth/keys", json={"name": "short", **body})
    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_a_key_created_while_its_creator_is_revoked_ends(platform: RunningPlatform) -> None:
    """Another replica may accept the creator for seconds: here its cache does."""
    keys = platform.gateway.sessions._keys
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "ci", "scopes": ["admin"]})).json()
        async with platform.client(made["key"]) as client:
            await client.get("/auth/session")
            await keys.store.change(made["id"], lambda key: key.revoke())
            assert (await client.post("/auth/keys", json={"name": "late"})).status_code == 401
        late = next(key for key in (await operator.get("/auth/keys")).json()["items"] if key["name"] == "late")
    assert late["revoked_at"]


async def test_an_admin_neither_sees_nor_revokes_the_operators_key(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "admin", "scopes": ["admin"]})).json()
        [own] = [key["id"] for key in (await operator.get("/auth/keys")).json()["items"] if key["scopes"] == ["*"]]
        async with platform.client(made["key"]) as admin:
            assert [key["id"] for key in (await admin.get("/auth/keys")).json()["items"]] == [made["id"]]
            assert (await admin.delete(f"/auth/keys/{own}")).status_code == 404
        assert (await operator.get("/auth/session")).status_code == 200


async def test_an_idle_session_ends_and_use_prolongs_it(platform: RunningPlatform) -> None:
    sessions = platform.gateway.sessions.credentials

    async def set_idle_until(seconds: float) -> None:
        [session] = await sessions.store.find()
        at = now() + timedelta(seconds=seconds)
        await sessions.change(session.id, lambda found: setattr(found, "idle_until", at))

    async with platform.client(None) as browser:
        await browser.get(await platform.gateway.link())
        await set_idle_until(3600)
        assert (await browser.get("/training/jobs")).status_code == 200
        [used] = await sessions.store.find()
        assert used.idle_until > now() + timedelta(hours=2)
        await set_idle_until(-1)
        ended = await browser.get("/training/jobs")
    assert (ended.status_code, "Max-Age=0" in ended.headers["set-cookie"]) == (401, True)


async def test_a_new_sign_in_ends_the_browsers_former_session(platform: RunningPlatform) -> None:
    async with platform.client() as client, platform.client(None) as browser:
        links = [(await client.post("/auth/link")).json()["path"] for _ in range(2)]
        await browser.get(links[0])
        former = browser.cookies["anneal_session"]
        await browser.get(links[1])
        assert (await browser.get("/training/jobs")).status_code == 200
    async with platform.client(None, cookies={"anneal_session": former}) as thief:
        assert (await thief.get("/training/jobs")).status_code == 401


async def test_answers_are_not_cached_unless_they_say_so(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        answers = [await client.get(path) for path in ("/training/jobs", "/auth/session", "/nowhere")]
        page = await client.get("/ui/favicon.svg")
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["content-type"] == "image/svg+xml; charset=utf-8"
