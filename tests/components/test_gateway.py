"""The gateway over real HTTP in front of a small room, with the embedded adapters."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner

from cli.main import cli
from deploy.servers import free_port
from services.gateway.app import VERSION, Gateway, build, sweep
from services.gateway.auth import credentials, gate
from services.gateway.auth.credentials import digest_of
from services.gateway.proxy import OverHttp
from shared.bus.protocol import Reject
from shared.documents.entities import now
from shared.events.dataset import DatasetDeleted, DatasetReady
from shared.events.envelope import Envelope, Event
from shared.events.evaluation import EvaluationCompleted, EvaluationRequested
from shared.events.inference import ModelReady, ModelUndeployed
from shared.events.training import (
    ModelDeleted,
    TrainingFailed,
    TrainingProgressed,
    TrainingRequested,
    TrainingSucceeded,
)
from shared.runtime.errors import NotFound
from shared.runtime.logging import configure_logging
from shared.runtime.principal import Caller
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service, background, running, web_app
from shared.runtime.settings import Settings
from shared.runtime.streams import Streams
from tests.serving import serving


class TrainingRoom:
    """What the gateway relies on in the training room: a job's state, its records, and who asks."""

    def __init__(self, streams: Streams) -> None:
        self.streams, self.jobs, self.owners = streams, dict[str, str](), dict[str, str]()
        self.held = asyncio.Event()
        self.left = asyncio.Event()
        self.hearing = asyncio.Event()

    def routes(self) -> APIRouter:
        router = APIRouter(tags=["Training"])

        @router.get("/training/jobs")
        async def list_jobs(request: Request, caller: Caller) -> dict[str, Any]:
            return {"caller": [caller.subject, caller.project, caller.scopes], "headers": dict(request.headers)}

        @router.post("/training/jobs")
        async def create_job(request: Request, caller: Caller) -> dict[str, Any]:
            return {"size": len(await request.body())}

        @router.get("/training/jobs/{job_id}")
        async def show_job(job_id: str, caller: Caller) -> dict[str, Any]:
            if self.owners.get(job_id, caller.project) != caller.project or job_id not in self.jobs:
                raise NotFound(f"There is no job {job_id!r} in this project.")
            return {"id": job_id, "state": self.jobs[job_id]}

        @router.get("/training/jobs/{job_id}/records")
        async def list_records(job_id: str, caller: Caller, after: int = 0, limit: int = 3) -> dict[str, Any]:
            return {"records": await self.streams.read(job_id, after=after, limit=min(limit, 3))}

        @router.get("/training/broken")
        async def break_down(caller: Caller) -> None:
            raise RuntimeError("a secret of the inside")

        @router.get("/training/endless")
        async def stream_for_ever(caller: Caller) -> StreamingResponse:
            return StreamingResponse(self._endless(), media_type="text/event-stream")

        return router

    async def echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers each part of the request as it comes."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            self.hearing.set()
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})

    async def _endless(self) -> AsyncIterator[bytes]:
        try:
            yield b"data: first\n\n"
            await self.held.wait()
        finally:
            self.left.set()


@dataclass
class House:
    """A running platform with one room."""

    url: str
    resources: Resources
    gateway: Gateway
    room: TrainingRoom
    key: str

    def client(self, key: str | None = "", **options: Any) -> httpx.AsyncClient:
        """A client with the operator's key, another one, or none."""
        token = self.key if key == "" else key
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers | options.pop("headers", {}), **options)

    async def publish(self, event: Event, *, sequence: int = 1, project: str = "default", subject: str = "x") -> str:
        envelope = Envelope.of(event, room="training", subject=subject, project=project, sequence=sequence)
        await self.resources.bus.publish(envelope)
        return envelope.id


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A platform with its room in the same process."""
    async with open_house(tmp_path, remote=False) as opened:
        yield opened


@pytest.fixture(params=["in process", "over http"])
async def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """A platform with its room in the same process, and one with the room behind an address."""
    async with open_house(tmp_path, remote=request.param == "over http") as opened:
        yield opened


@asynccontextmanager
async def open_house(tmp_path: Path, *, remote: bool, **more: Any) -> AsyncIterator[House]:
    configure_logging(StringIO())
    settings = Settings(home=tmp_path, allowed_hosts=["anneal.example"], warm_engines=False, **more)
    async with AsyncExitStack() as stack:
        resources = await stack.enter_async_context(open_resources(settings))
        room = TrainingRoom(await Streams.open(resources.documents, "training"))
        app = web_app(Service("training", room.routes()), resources)
        app.mount("/training/echo/", room.echo)
        room_or_address: Any = app
        if remote:
            room_or_address = OverHttp(await stack.enter_async_context(serving(app)))
            stack.push_async_callback(room_or_address.close)
        gateway = await build(resources, {"training": room_or_address})
        await stack.enter_async_context(running([gateway.service], resources))
        url = await stack.enter_async_context(serving(gateway.app))
        yield House(url, resources, gateway, room, (tmp_path / "api-key").read_text().strip())


async def until(reached: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Await a condition that the platform brings about by itself."""
    async with asyncio.timeout(seconds):
        while not (found := await reached()):
            await asyncio.sleep(0.02)
        return found


# Who may come in


@pytest.mark.parametrize("path", ["/training/jobs", "/overview", "/metrics", "/openapi.json", "/auth/keys"])
@pytest.mark.parametrize("key", [None, "anneal_wrong", "ä"])
async def test_without_a_good_key_nothing_is_open(house: House, path: str, key: str | None) -> None:
    headers = {"Authorization": f"Bearer {key}".encode("latin-1")} if key else {}
    async with httpx.AsyncClient(base_url=house.url) as client:
        response = await client.get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "unauthenticated"
    assert "remedy" in response.json()


async def test_the_key_file_is_private_and_opens_everything(house: House, tmp_path: Path) -> None:
    assert (tmp_path / "api-key").stat().st_mode & 0o777 == 0o600
    async with house.client() as client:
        caller = (await client.get("/training/jobs")).json()["caller"]
    assert caller[1:] == ["default", ["*"]]


async def test_only_the_hash_of_a_key_is_stored(house: House, tmp_path: Path) -> None:
    async with house.client() as client:
        made = (await client.post("/auth/keys", json={"name": "ci"})).json()
        listed = (await client.get("/auth/keys")).text
    assert made["key"].startswith("anneal_")
    assert made["key"] not in listed
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("documents.sqlite*"))
    assert made["key"].encode() not in stored


async def test_a_revoked_key_and_its_browsers_are_out_at_once(house: House) -> None:
    async with house.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "ci", "scopes": ["read"]})).json()
        async with house.client(made["key"]) as client, house.client(None) as browser:
            path = (await client.post("/auth/link")).json()["path"]
            assert (await browser.get(path)).status_code == 200
            assert (await client.get("/training/jobs")).status_code == 200
            assert (await browser.get("/training/jobs")).status_code == 200
            assert (await operator.delete(f"/auth/keys/{made['id']}")).status_code == 204
            assert (await client.get("/training/jobs")).status_code == 401
            assert (await browser.get("/training/jobs")).status_code == 401


async def test_an_expired_key_is_out(house: House) -> None:
    async with house.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "short", "expires_in_days": 1e-9})).json()
    async with house.client(made["key"]) as client:
        response = await client.get("/training/jobs")
    assert response.status_code == 401
    assert "expired" in response.json()["detail"]


async def test_what_a_key_opened_ends_with_it(house: House) -> None:
    """A link and a ticket that were not used yet, too."""
    async with house.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "ci", "scopes": ["read"]})).json()
        async with house.client(made["key"]) as client:
            path = (await client.post("/auth/link")).json()["path"]
            ticket = (await client.post("/live/tickets")).json()["ticket"]
        await operator.delete(f"/auth/keys/{made['id']}")
    async with house.client(None) as browser:
        refused = await browser.get(path)
    assert (refused.status_code, refused.json()["code"]) == (401, "link_spent")
    with pytest.raises(websockets.InvalidStatus) as failure:
        await websockets.connect(f"{house.url.replace('http', 'ws', 1)}/live?job=job_1&ticket={ticket}")
    assert failure.value.response.status_code == 401


async def test_a_session_does_not_outlive_the_key_that_opened_it(house: House) -> None:
    keys = house.gateway.sessions._keys
    async with house.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "short", "expires_in_days": 1})).json()
    async with house.client(made["key"]) as client, house.client(None) as browser:
        await browser.get((await client.post("/auth/link")).json()["path"])
        assert (await browser.get("/training/jobs")).status_code == 200
        await keys.store.change(made["id"], lambda key: setattr(key, "expires_at", now()))
        keys._checked.clear()  # as it is after CACHE_SECONDS
        ended = await browser.get("/training/jobs")
    assert ended.status_code == 401


async def test_scopes_limit_a_key(house: House) -> None:
    async with house.client() as operator:
        keys = {
            scope: (await operator.post("/auth/keys", json={"name": scope, "scopes": [scope]})).json()["key"]
            for scope in ("infer", "read", "write", "admin")
        }
    attempts = [("GET", "/openapi.json"), ("GET", "/training/jobs"), ("POST", "/training/jobs"), ("GET", "/auth/keys")]
    for rank, scope in enumerate(("infer", "read", "write", "admin")):
        async with house.client(keys[scope]) as client:
            found = [(await client.request(method, path)).status_code for method, path in attempts]
        assert found == [200] * (rank + 1) + [403] * (3 - rank), scope


async def test_a_key_sees_its_own_project_only(house: House) -> None:
    house.room.jobs["job_1"], house.room.owners["job_1"] = "running", "default"
    async with house.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "b", "project": "team-b", "scopes": ["admin"]})).json()
        assert (await operator.get("/training/jobs/job_1")).status_code == 200
    async with house.client(made["key"]) as client:
        assert (await client.get("/training/jobs")).json()["caller"][1] == "team-b"
        assert (await client.get("/training/jobs/job_1")).status_code == 404
        assert [key["name"] for key in (await client.get("/auth/keys")).json()["items"]] == ["b"]
        other = await client.post("/auth/keys", json={"name": "c", "project": "default"})
        assert other.status_code == 403


async def test_expired_links_are_buried(house: House) -> None:
    grants = house.gateway.sessions._grants
    kept, gone = await house.gateway.link(), await house.gateway.link()
    for id, age in ((kept, 1), (gone, -1)):
        token = id.partition("token=")[2]
        at = now() + timedelta(seconds=age * 60)
        await grants.store.change(
            f"grant_{digest_of(token)[:20]}", lambda grant, at=at: setattr(grant, "expires_at", at)
        )
    await grants.sweep()
    assert await grants.store.count() == 1


async def test_what_cannot_be_swept_does_not_end_the_sweeping(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, grants = house.gateway.sessions.credentials, house.gateway.sessions._grants
    monkeypatch.setattr(sessions, "store", None)
    await house.gateway.link()
    for grant in await grants.store.find():
        await grants.store.change(grant.id, lambda found: setattr(found, "expires_at", now()))

    async def swept() -> bool:
        return await grants.store.count() == 0

    async with background(sweep(sessions, grants)):
        await until(swept)


async def test_a_restart_keeps_keys_and_sessions(house: House) -> None:
    again = await build(house.resources, {})
    transport = httpx.ASGITransport(again.app)
    headers = {"Authorization": f"Bearer {house.key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        assert (await client.get("/auth/session")).json()["scopes"] == ["*"]


# Browsers


async def test_a_sign_in_link_works_once(house: House) -> None:
    path = await house.gateway.link()
    async with house.client(None) as browser:
        first = await browser.get(path)
        cookie = first.headers["set-cookie"].lower()
        assert first.status_code == 200
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await browser.get("/training/jobs")).status_code == 200
    async with house.client(None) as other:
        second = await other.get(path)
        assert second.status_code == 401
        assert second.json()["code"] == "link_spent"
        assert (await other.get("/training/jobs")).status_code == 401


async def test_of_many_that_open_a_link_at_once_one_gets_in(house: House) -> None:
    path = await house.gateway.link()
    async with house.client(None) as client:
        answers = await asyncio.gather(*(client.get(path) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_signing_out_ends_the_session(house: House) -> None:
    async with house.client(None, headers={"Origin": house.url}) as browser:
        await browser.get(await house.gateway.link())
        cookie = browser.cookies["anneal_session"]
        assert (await browser.delete("/auth/session")).status_code == 204
    async with house.client(None, cookies={"anneal_session": cookie}) as browser:
        assert (await browser.get("/auth/session")).status_code == 401


async def test_signing_out_of_a_session_that_is_over_forgets_the_cookie(house: House) -> None:
    stale = {"Cookie": "anneal_session=anneal_stale", "Origin": house.url}
    async with house.client(None) as browser, house.client() as operator:
        ended = await browser.delete("/auth/session", headers=stale)
        known = await operator.delete("/auth/session", headers=stale)
    assert (ended.status_code, known.status_code) == (401, 204)
    for answer in (ended, known):
        assert "max-age=0" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1", "http://["])
async def test_a_cookie_from_another_site_changes_nothing(house: House, origin: str | None) -> None:
    async with house.client(None) as browser:
        await browser.get(await house.gateway.link())
        headers = {"Origin": origin} if origin else {}
        assert (await browser.post("/training/jobs", headers=headers)).status_code == 403
        assert (await browser.post("/training/jobs", headers={"Origin": house.url})).status_code == 200


async def test_only_known_hosts_are_answered(house: House) -> None:
    async with house.client() as client:
        for host in ("attacker.example", "["):
            foreign = await client.get("/training/jobs", headers={"Host": host})
            assert (foreign.status_code, foreign.json()["code"]) == (421, "host_not_allowed"), host
        for host in ("localhost:1", "[::1]:80", "anneal.example", "ANNEAL.example"):
            assert (await client.get("/training/jobs", headers={"Host": host})).status_code == 200, host
        assert (await client.get("/healthz", headers={"Host": "10.0.0.7:8080"})).status_code == 200


# Forwarding


async def test_identity_headers_from_outside_are_dropped(any_house: House) -> None:
    forged = {"x-anneal-principal": "forged", "X-Anneal-Project": "team-b", "Cookie": "a=b", "TE": "trailers"}
    async with any_house.client() as client:
        answer = (await client.get("/training/jobs", headers=forged)).json()
    assert answer["caller"][1] == "default"
    assert answer["headers"]["x-anneal-principal"] != "forged"
    assert not {"x-anneal-project", "cookie", "te", "authorization", "connection"} & set(answer["headers"])


async def test_bodies_stream_both_ways_at_once(house: House) -> None:
    """The second part is sent only after the first came back: impossible where something buffers."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rsplit(":", 1)[1]))
        head = f"POST /training/echo/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {house.key}\r\n"
        writer.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(b"one\r\n") == b"3\r\none\r\n"
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
        assert await reader.readuntil(b"two\r\n") == b"3\r\ntwo\r\n"
        writer.close()


async def test_an_upload_reaches_the_room_while_it_is_sent(any_house: House) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await any_house.room.hearing.wait()
        yield b"two"

    async with asyncio.timeout(10), any_house.client() as client:
        response = await client.post("/training/echo/", content=parts())
    assert response.content == b"onetwo"


async def test_a_room_learns_that_the_client_left(any_house: House) -> None:
    async with any_house.client() as client, client.stream("GET", "/training/endless") as response:
        async for line in response.aiter_lines():
            assert line == "data: first"
            break
    async with asyncio.timeout(10):
        await any_house.room.left.wait()


@pytest.mark.parametrize("path", ["/nothing", "/training-jobs", "/../etc/passwd", "/training/unknown"])
async def test_unknown_paths_are_problems(house: House, path: str) -> None:
    async with house.client() as client:
        response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"
    assert response.json()["trace_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("climb", ["..", ".", "%2e%2e", "%2E", "a%2f.."])
async def test_dot_segments_lead_nowhere(any_house: House, climb: str) -> None:
    """By hand, since clients resolve them before they ask."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(any_house.url.rsplit(":", 1)[1]))
        head = f"GET /training/{climb}/../training/jobs HTTP/1.1\r\nHost: localhost\r\n"
        writer.write(f"{head}Authorization: Bearer {any_house.key}\r\n\r\n".encode())
        assert b" 404 " in await reader.readline()
        writer.close()


async def test_a_missing_room_says_so(house: House) -> None:
    async with house.client() as client:
        response = await client.get("/datasets")
    assert (response.status_code, response.json()["code"]) == (503, "room_unavailable")
    assert "retry-after" in response.headers


async def test_a_crash_is_a_problem_that_tells_no_secret(house: House) -> None:
    async with house.client() as client:
        response = await client.get("/training/broken")
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.text
    assert response.json()["trace_id"] == response.headers["x-request-id"]


async def test_a_callers_trace_goes_on(house: House) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with house.client() as client:
        response = await client.get("/nothing", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert response.json()["trace_id"] == trace


async def test_errors_below_v1_have_the_shape_that_openai_clients_read(house: House) -> None:
    async with house.client(None) as client:
        error = (await client.post("/v1/chat/completions", json={})).json()["error"]
    assert (error["type"], error["code"]) == ("authentication_error", "unauthenticated")
    assert "api-key" in error["message"]


# Health, metrics, description


async def test_health_is_open_and_names_no_secrets(house: House) -> None:
    async with house.client(None) as client:
        health = (await client.get("/healthz")).json()
        assert (health["status"], health["version"]) == ("ok", VERSION)
        ready = await client.get("/readyz")
        names = {"blobs", "bus", "documents", "gateway", "training"}
        assert (ready.status_code, ready.json()["checks"]) == (200, dict.fromkeys(names, "ok"))
        await house.resources.documents.close()
        broken = await client.get("/readyz")
    assert (broken.status_code, broken.json()["status"]) == (503, "not_ready")
    assert broken.json()["checks"]["documents"] == "not_ready"


async def test_a_room_that_is_away_does_not_take_the_door_away(house: House) -> None:
    away = OverHttp(f"http://127.0.0.1:{free_port()}", name="export")
    training = web_app(Service("training", house.room.routes()), house.resources)
    gateway = await build(house.resources, {"training": training, "export": away})
    headers = {"Authorization": f"Bearer {house.key}"}
    async with serving(gateway.app) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["checks"]["export"] == "not_ready"
        assert ready.json()["checks"]["training"] == "ok"
        assert (await client.get("/training/jobs")).status_code == 200
        refused = await client.get("/exports")
        assert (refused.status_code, refused.json()["limit"]) == (503, "export")


async def bury(house: House, *subjects: str, project: str = "default") -> None:
    """Events that the evaluation room refuses."""
    async with house.client() as client:
        before = (await client.get("/events/dead")).json()["total"]
        for subject in subjects:
            event = EvaluationRequested(evaluation_id=subject)
            await house.publish(event, subject=subject, project=project)
        async with asyncio.timeout(30):
            while (await client.get("/events/dead")).json()["total"] < before + len(subjects):
                await asyncio.sleep(0.01)


async def test_dead_events_are_listed_and_replayed(house: House) -> None:
    heard: asyncio.Queue[Envelope] = asyncio.Queue()

    async def refuse(envelope: Envelope) -> None:
        heard.put_nowait(envelope)
        raise Reject("no such run")

    await house.resources.bus.subscribe("evaluation", EvaluationRequested.type, refuse)
    await bury(house, "one", "two")
    async with house.client() as client:
        first, second = (await client.get("/events/dead", params={"room": "evaluation"})).json()["items"]
        assert (first["subject"], first["room"], first["attempts"]) == ("one", "evaluation", 1)
        assert (first["type"], "no such run" in first["reason"]) == (EvaluationRequested.type, True)
        assert (await client.get("/events/dead", params={"limit": 1})).json()["total"] == 2
        assert (await client.get("/events/dead", params={"room": "export"})).json() == {"items": [], "total": 0}

        assert (await client.post(f"/events/dead/{second['id']}/replay")).json() == {"replayed": 1}
        async with asyncio.timeout(30):
            assert [(await heard.get()).subject for _ in range(3)] == ["one", "two", "two"]
        unknown = await client.post("/events/dead/nothing/replay")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
        async with asyncio.timeout(30):
            while (await client.get("/events/dead")).json()["total"] < 2:
                await asyncio.sleep(0.01)
        assert (await client.post("/events/dead/replay", params={"room": "export"})).json() == {"replayed": 0}
        shown = await anneal(house, "events", "dead", "--room", "evaluation")
        assert "evaluation.requested.v1" in shown
        assert "2 put back" in await anneal(house, "events", "replay", "--all")
        async with asyncio.timeout(30):
            assert sorted([(await heard.get()).subject for _ in range(2)]) == ["one", "two"]


async def anneal(house: House, *arguments: str) -> str:
    """What the command line prints."""
    env = {"ANNEAL_URL": house.url, "ANNEAL_API_KEY": house.key, "COLUMNS": "200"}
    done = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=env)
    assert done.exit_code == 0, done.output
    return done.output


async def test_only_admins_see_dead_events_and_those_of_their_project(house: House) -> None:
    async def refuse(envelope: Envelope) -> None:
        raise Reject("no")

    await house.resources.bus.subscribe("evaluation", EvaluationRequested.type, refuse)
    await bury(house, "ours")
    await bury(house, "theirs", project="other")
    async with house.client() as client:
        made = [
            (await client.post("/auth/keys", json={"name": "k", "scopes": [scope]})).json()["key"]
            for scope in ("write", "admin")
        ]
        theirs = (await client.get("/events/dead")).json()["items"][1]
        assert theirs["project"] == "other"
    async with house.client(made[0]) as client:
        assert (await client.get("/events/dead")).status_code == 403
    async with house.client(made[1]) as client:
        assert [letter["subject"] for letter in (await client.get("/events/dead")).json()["items"]] == ["ours"]
        assert (await client.post(f"/events/dead/{theirs['id']}/replay")).status_code == 404


async def test_metrics_count_by_route_and_room(house: House) -> None:
    house.room.jobs["job_1"] = "running"
    async with house.client() as client:
        await client.get("/training/jobs/job_1")
        await client.get("/training/broken")
        text = (await client.get("/metrics")).text
    for door in ("anneal_gateway", "anneal_http"):
        labels = 'method="GET",room="training",route="/training/jobs/{job_id}"'
        assert f'{door}_requests_total{{{labels},status="200"}} 1.0' in text
        assert f"{door}_request_seconds_count{{{labels}}} 1.0" in text
        labels = 'method="GET",room="training",route="/training/broken"'
        assert f'{door}_requests_total{{{labels},status="500"}} 1.0' in text


async def test_paths_and_methods_that_do_not_exist_share_one_series(house: House) -> None:
    async with house.client() as client:
        for number in range(3):
            await client.get(f"/nowhere/{number}")
            await client.get(f"/training/nowhere/{number}")
            await client.request(f"HACK{number}", "/training/jobs")
        text = (await client.get("/metrics")).text
    assert "nowhere" not in text
    assert "HACK" not in text
    assert 'anneal_gateway_requests_total{method="GET",room="none",route="unmatched",status="404"} 3.0' in text
    assert 'anneal_http_requests_total{method="GET",room="training",route="unmatched",status="404"} 3.0' in text
    assert 'anneal_http_requests_total{method="OTHER",room="training",route="/training/jobs",status="405"} 3.0' in text


async def test_prometheus_has_a_token_that_opens_the_metrics_and_nothing_else(tmp_path: Path) -> None:
    async with open_house(tmp_path, remote=False, metrics_token="for-prometheus") as house:
        async with house.client("for-prometheus", headers={"host": "gateway:7860"}) as client:
            assert "anneal_gateway" in (await client.get("/metrics")).text
        async with house.client("for-prometheus") as client:
            assert (await client.get("/overview")).status_code == 401
        async with house.client("for-prometheu") as client:
            assert (await client.get("/metrics")).status_code == 401


async def test_the_description_joins_all_rooms(any_house: House) -> None:
    async with any_house.client() as client:
        described = (await client.get("/openapi.json")).json()
    operations = [op["operationId"] for path in described["paths"].values() for op in path.values()]
    assert {"list_jobs", "create_key", "show_overview"} <= set(operations)
    assert len(operations) == len(set(operations))
    assert set(described["components"]["securitySchemes"]) == {"key", "session"}


async def test_the_pages_are_there_and_fetch_nothing_from_elsewhere(house: House) -> None:
    async with house.client(None) as client:
        for path in ("/", "/docs"):
            response = await client.get(path)
            assert response.status_code == 200
            assert "Anneal" in response.text
            assert 'src="http' not in response.text


# Live


@asynccontextmanager
async def live(house: House, job: str, after: int = 0) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The messages of a websocket that was opened with a ticket."""
    async with house.client() as client:
        ticket = (await client.post("/live/tickets")).json()["ticket"]
    url = f"{house.url.replace('http', 'ws', 1)}/live?job={job}&after={after}&ticket={ticket}"
    async with asyncio.timeout(20), websockets.connect(url) as connection:
        yield (json.loads(message) async for message in connection)


async def follow(house: House, job: str, after: int = 0) -> list[dict[str, Any]]:
    """All messages until the websocket closes."""
    async with live(house, job, after) as messages:
        received = []
        with suppress(websockets.ConnectionClosedError):
            async for message in messages:
                received.append(message)
        return received


async def test_live_sends_each_record_once_whatever_is_lost(any_house: House) -> None:
    job = "job_live"
    any_house.room.jobs[job] = "running"
    writer = await any_house.room.streams.writer(job, 1)
    await writer.append([{"kind": "log", "message": f"early {n}"} for n in range(7)])
    async with live(any_house, job, after=2) as messages:
        received = [await anext(messages)]
        for number in range(12):
            stored = await writer.append([{"kind": "metric", "step": number}])
            if number % 4 != 1:  # a lost broadcast
                await broadcast(any_house, job, stored)
            if number % 3 == 0:  # and a repeated one
                await broadcast(any_house, job, stored)
        any_house.room.jobs[job] = "succeeded"
        await broadcast(any_house, job, await writer.append([{"kind": "state", "state": "succeeded"}]))
        received += [message async for message in messages]
    seen = [record["seq"] for message in received if message["type"] == "records" for record in message["records"]]
    assert seen == list(range(3, 21))
    assert received[-1] == {"type": "end", "job_id": job, "state": "succeeded"}


@asynccontextmanager
async def watched(house: House, client: httpx.AsyncClient) -> AsyncIterator[websockets.ClientConnection]:
    """An open websocket of the client's."""
    ticket = (await client.post("/live/tickets", headers={"Origin": house.url})).json()["ticket"]
    url = f"{house.url.replace('http', 'ws', 1)}/live?job=job_watched&ticket={ticket}"
    async with asyncio.timeout(30), websockets.connect(url) as connection:
        yield connection


async def test_an_open_websocket_ends_with_its_key_or_session(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "WATCH", 0.05)
    house.room.jobs["job_watched"] = "running"
    async with house.client() as operator, AsyncExitStack() as stack:
        made = (await operator.post("/auth/keys", json={"name": "short"})).json()
        with_key = await stack.enter_async_context(house.client(made["key"]))
        browser = await stack.enter_async_context(house.client(None))
        other = await stack.enter_async_context(house.client(None))
        for client in (browser, other):
            await client.get((await operator.post("/auth/link")).json()["path"])
        sockets = [await stack.enter_async_context(watched(house, c)) for c in (with_key, browser, other)]

        await operator.delete(f"/auth/keys/{made['id']}")
        await sockets[0].wait_closed()
        await browser.delete("/auth/session", headers={"Origin": house.url})
        await sockets[1].wait_closed()
        assert [socket.close_code for socket in sockets] == [4401, 4401, None]


async def test_credentials_of_one_gateway_hold_at_another(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "CACHE_SECONDS", 0.2)
    training = web_app(Service("training", house.room.routes()), house.resources)
    second = await build(house.resources, {"training": training})
    house.room.jobs["job_watched"] = "running"
    async with serving(second.app) as url, AsyncExitStack() as stack:
        there = House(url, house.resources, second, house.room, house.key)
        one, two = [await stack.enter_async_context(place.client()) for place in (house, there)]
        browser = await stack.enter_async_context(there.client(None))
        link = (await one.post("/auth/link")).json()["path"]
        answers = await asyncio.gather(browser.get(link), browser.get(f"{house.url}{link}"))
        assert sorted(answer.status_code for answer in answers) == [200, 401]
        for place in (house, there):
            assert (await browser.get(f"{place.url}/auth/session")).status_code == 200

        ticket = (await one.post("/live/tickets")).json()["ticket"]
        socket = f"{url.replace('http', 'ws', 1)}/live?job=job_watched&ticket={ticket}"
        async with asyncio.timeout(20), websockets.connect(socket):
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(socket.replace(url[4:], house.url[4:]))

        made = (await one.post("/auth/keys", json={"name": "both"})).json()
        headers = {"Authorization": f"Bearer {made['key']}"}
        assert (await two.get("/auth/session", headers=headers)).status_code == 200
        await one.delete(f"/auth/keys/{made['id']}")

        async def out() -> bool:
            return (await two.get("/auth/session", headers=headers)).status_code == 401

        await until(out)


async def test_live_needs_no_broadcast_at_all(house: House) -> None:
    house.room.jobs["job_quiet"] = "running"
    writer = await house.room.streams.writer("job_quiet", 1)
    async with live(house, "job_quiet") as messages:
        await writer.append([{"kind": "log", "message": "stored only"}])
        assert (await anext(messages))["records"][0]["message"] == "stored only"


async def broadcast(house: House, job: str, records: list[dict[str, Any]]) -> None:
    event = TrainingProgressed(job_id=job, records=records)
    await house.resources.bus.broadcast(Envelope.of(event, room="training", subject=job, project="default"))


async def test_live_ends_for_a_job_that_has_ended(house: House) -> None:
    house.room.jobs["job_done"] = "failed"
    writer = await house.room.streams.writer("job_done", 1)
    await writer.append([{"kind": "state", "state": "failed"}])
    assert [m["type"] for m in await follow(house, "job_done")] == ["records", "end"]
    assert [m["type"] for m in await follow(house, "job_done", after=1)] == ["end"]


async def test_live_of_an_unknown_job_is_an_error(house: House) -> None:
    [message] = await follow(house, "job_none")
    assert (message["type"], message["problem"]["code"]) == ("error", "not_found")


async def test_live_says_that_something_unforeseen_failed(house: House) -> None:
    house.room.jobs["job_odd"] = "running"
    await (await house.room.streams.writer("job_odd", 1)).append([{"kind": "log"}])
    house.room.streams.read = nonsense  # type: ignore[method-assign]
    with pytest.raises(websockets.ConnectionClosedError) as failure:
        async with live(house, "job_odd") as messages:
            await anext(messages)
    assert failure.value.rcvd
    assert failure.value.rcvd.code == 1011


async def nonsense(*_: Any, **__: Any) -> list[dict[str, Any]]:
    """Records without a number."""
    return [{"kind": "log"}]


async def test_a_ticket_opens_one_websocket(house: House) -> None:
    house.room.jobs["job_done"] = "failed"
    await (await house.room.streams.writer("job_done", 1)).append([{"kind": "state", "state": "failed"}])
    async with house.client() as client:
        ticket = (await client.post("/live/tickets")).json()["ticket"]
    url = f"{house.url.replace('http', 'ws', 1)}/live?job=job_done"
    async with websockets.connect(f"{url}&ticket={ticket}") as connection:
        assert json.loads(await connection.recv())["type"] == "records"
    for refused in (url, f"{url}&ticket={ticket}", f"{url}&ticket=anneal_x"):
        with pytest.raises(websockets.InvalidStatus) as failure:
            await websockets.connect(refused)
        assert failure.value.response.status_code == 401
    bearer = {"Authorization": f"Bearer {house.key}"}
    async with websockets.connect(url, additional_headers=bearer) as connection:
        assert json.loads(await connection.recv())["type"] == "records"
    with pytest.raises(websockets.InvalidStatus) as foreign:
        await websockets.connect(f"{url}&ticket={ticket}", origin="http://evil.example")  # type: ignore[arg-type]
    assert foreign.value.response.status_code == 403


# The read model


async def test_what_happened_lately_is_told_by_name(house: House) -> None:
    job = TrainingRequested(job_id="job_1", name="triage tuned")
    done = TrainingSucceeded(
        job_id="job_1", model_id="m_1", model_uri="u", name="triage tuned", base="seedling", method="lora",
        dataset_id="ds_1", dataset_version="1",
    )  # fmt: skip
    scored = EvaluationCompleted(evaluation_id="ev_1", model_id="m_1", report_uri="", scores={}, base_scores={})
    async with house.client() as client:
        for number, event in enumerate((job, done, scored), 1):
            await house.publish(event, sequence=number)

            async def told(number: int = number) -> bool:
                return len((await client.get("/overview")).json()["recent"]) == number

            await until(told)
        recent = (await client.get("/overview")).json()["recent"]
    assert [line["name"] for line in recent] == ["triage tuned"] * 3


async def test_the_overview_follows_events_in_any_order_and_any_number(house: House) -> None:
    ready = DatasetReady(dataset_id="ds_1", version="1", name="faq", dataset_uri="u", rows=3)
    done = TrainingSucceeded(
        job_id="job_1", model_id="m_1", model_uri="u", name="tuned", base="seedling", method="lora",
        dataset_id="ds_1", dataset_version="1",
    )  # fmt: skip
    twice = Envelope.of(ready, room="dataset", subject="ds_1", project="default", sequence=1)
    await house.resources.bus.publish(twice)
    await house.resources.bus.publish(twice)
    await house.publish(done, sequence=9)
    await house.publish(TrainingRequested(job_id="job_1"), sequence=1)
    await house.publish(TrainingRequested(job_id="job_2"), sequence=1)
    await house.publish(TrainingFailed(job_id="job_3", cause="out_of_memory", detail="too big"), sequence=4)
    await house.publish(ModelReady(deployment_id="dep_1", model_id="m_1"), sequence=2)
    await house.publish(ModelDeleted(model_id="m_0"), sequence=3)
    await house.publish(ready, project="team-b")
    async with house.client() as client:

        async def settled() -> dict[str, Any] | None:
            found: dict[str, Any] = (await client.get("/overview")).json()
            return found if len(found["recent"]) == 7 else None

        found = await until(settled)
        counts = {name: found[name] for name in ("datasets", "custom_models", "deployments")}
        assert counts == {"datasets": 1, "custom_models": 1, "deployments": 1}
        assert {state: n for state, n in found["jobs"].items() if n} == {"queued": 1, "succeeded": 1, "failed": 1}
        odd = Envelope.of(TrainingRequested(job_id="job_2"), room="training", subject="job_2", project="default")
        await house.resources.bus.broadcast(odd.model_copy(update={"type": TrainingProgressed.type}))
        await broadcast(house, "job_2", [{"seq": 1, "kind": "state", "state": "running"}])
        await house.publish(DatasetDeleted(dataset_id="ds_1"), sequence=5)
        await house.publish(ModelUndeployed(deployment_id="dep_1", model_id="m_1"), sequence=5)

        async def moved() -> bool:
            found = (await client.get("/overview")).json()
            return (found["jobs"]["running"], found["datasets"], found["deployments"]) == (1, 0, 0)

        await until(moved)
