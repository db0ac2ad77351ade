"""The audit log over real HTTP: who did what, on what, from where, with which outcome; and the access log."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import structlog
import websockets

from services.gateway.audit.chain import verify
from services.gateway.audit.trail import REFUSED_LIMIT, AuditLog
from services.gateway.audit_lines import AuditView
from services.gateway.store import Stores
from shared.documents.entities import now
from shared.events.dataset import ImportSucceeded
from shared.events.training import BaseModelFailed, TrainingFailed
from shared.runtime.http.routes import ROUTES
from shared.runtime.telemetry.logging import (
    ACCESS,
    ERROR_INTERVAL_S,
    LOG_FILES,
    _invalid_requests,
    configure_logging,
    log_access_to,
)
from tests.support.platform import RunningPlatform, open_platform, wait_until


async def audit(client: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    answer = await client.get("/audit", params=filters)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_state_change_is_recorded_with_who_what_where_and_outcome(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        made = await client.post("/auth/keys", json={"name": "ci"})
        await client.delete(f"/auth/keys/{made.json()['id']}")
        refused = await client.delete("/auth/keys/key_nothing")
        lines = await audit(client, action="POST /auth/keys") + await audit(client, action="DELETE")
    created, absent, revoked = lines
    me = created["subject"]
    assert me.startswith("key_")
    assert created["credential"] == me
    assert (created["action"], created["status"], created["resource"]) == ("POST /auth/keys", 201, "key")
    assert created["resource_id"] == made.json()["id"]
    assert created["address"] == "127.0.0.1"
    assert created["trace_id"] == made.headers["x-request-id"]
    assert created["project"] == "default"
    assert (revoked["action"], revoked["status"]) == ("DELETE /auth/keys/{key_id}", 204)
    assert revoked["resource_id"] == made.json()["id"]
    assert (absent["status"], absent["resource_id"]) == (refused.status_code, "key_nothing")


async def test_the_line_is_stored_before_the_answer(any_platform: RunningPlatform) -> None:
    store = (await Stores.open(any_platform.resources)).audit
    async with any_platform.client() as client:
        await client.post("/training/jobs", content=b"x")
        (line,) = await store.find({"action": "POST /training/jobs"})
    assert (line.status, line.resource) == (200, "training")


async def test_a_change_that_cannot_be_recorded_is_refused_and_reading_goes_on(
    platform: RunningPlatform,
) -> None:
    async with platform.client() as client:
        await client.get("/training/jobs")

        async def upload() -> AsyncIterator[bytes]:
            yield b"first"
            await platform.training.chunk_received.wait()
            await platform.resources.documents.close()
            yield b"last"

        answer = await client.request("DELETE", "/v1/models/echo", content=upload())
        assert (answer.status_code, answer.text) == (200, "firstlast")
        refused = await client.post("/training/jobs", content=b"x")
        assert refused.status_code == 503, refused.text
        assert (await client.get("/training/jobs")).status_code == 200


async def test_lines_about_an_outage_are_written_after_it(platform: RunningPlatform) -> None:
    """A request whose outcome could not be stored is completed by a later flush."""
    store = (await Stores.open(platform.resources)).audit
    log = AuditLog(store, 0)
    async with platform.client() as client:
        await client.post("/training/jobs", content=b"x")
    (line,) = await store.find({"action": "POST /training/jobs"})
    pending = line.model_copy(update={"id": "audit_pending", "status": None, "hash": None, "version": 0})
    await log.begin(pending)
    pending.status = 200
    log.finish_later(pending)
    late = line.model_copy(update={"id": "audit_late", "hash": None, "version": 0})
    log.finish_later(late)
    await log.flush()
    assert (await store.get("audit_pending")).status == 200
    found = [AuditView.model_validate(each.model_dump()) for each in await store.find()]
    assert {"audit_pending", "audit_late"} <= {each.id for each in found if each.hash}
    assert verify(found) == []


async def test_refused_requests_are_counted_in_a_bounded_number_of_lines(platform: RunningPlatform) -> None:
    async with platform.client(None) as stranger, platform.client() as client:
        guarded = [re.sub(r"{.*?}", "x", route.pattern) for route in ROUTES if route.scope and route.method == "GET"]
        assert len(guarded) > 2 * REFUSED_LIMIT
        for path in guarded:
            assert (await stranger.get(path)).status_code == 401
        made = (await client.post("/auth/keys", json={"name": "reader", "scopes": ["read"]})).json()
        async with platform.client(made["key"]) as reader:
            for _ in range(2):
                assert (await reader.post("/training/jobs")).status_code == 403
        lines = [line for line in await audit(client, limit=500) if line["status"] in (401, 403)]
    assert sum(line["count"] for line in lines if line["status"] == 401) == len(guarded)
    assert len(lines) <= REFUSED_LIMIT + 2
    (forbidden,) = [line for line in lines if line["status"] == 403]
    assert forbidden["count"] == 2


async def test_audit_log_is_read_while_it_cannot_be_written(platform: RunningPlatform) -> None:
    database = platform.resources.documents._database  # type: ignore[attr-defined]
    async with platform.client() as client:
        await client.post("/auth/keys", json={"name": "ci"})
        await client.get("/auth/keys", headers={"Authorization": "Bearer wrong"})
        database._connection.execute("PRAGMA query_only = 1")
        (line, *_) = await audit(client, action="POST /auth/keys")
        exported = await client.get("/audit/export")
        database._connection.execute("PRAGMA query_only = 0")
        (refused,) = await audit(client, action="GET /auth/keys")
    assert (line["status"], exported.status_code, refused["status"]) == (201, 200, 401)


async def test_sign_ins_tickets_and_uses_of_credentials_are_recorded(platform: RunningPlatform) -> None:
    async with platform.client() as client, platform.client(None) as browser:
        path = (await client.post("/auth/link")).json()["path"]
        assert (await browser.get(path)).status_code == 200
        origin = {"Origin": platform.url}
        ticket = (await browser.post("/live/tickets", headers=origin)).json()["ticket"]
        platform.training.jobs["job_1"] = "succeeded"
        url = platform.url.replace("http", "ws")
        async with websockets.connect(f"{url}/live?job=job_1&ticket={ticket}") as socket:
            await socket.recv()
        for _ in range(3):
            await client.get("/training/jobs")
        lines = await audit(client, limit=500)
    (signed_in,) = [line for line in lines if line["action"] == "GET /auth/sign-in"]
    assert signed_in["credential"].startswith("session_")
    assert (signed_in["detail"], signed_in["status"]) == ("signed in", 200)
    (opened,) = [line for line in lines if line["action"] == "GET /live"]
    assert (opened["status"], opened["credential"]) == (101, signed_in["credential"])
    uses = [line["credential"] for line in lines if line["action"] == "credential.used"]
    assert sorted(uses) == sorted({signed_in["subject"], signed_in["credential"]})
    everything = json.dumps(lines)
    assert ticket not in everything
    assert path.partition("token=")[2] not in everything


async def test_an_event_of_a_service_is_recorded_once(platform: RunningPlatform) -> None:
    event = TrainingFailed(job_id="job_" + "1" * 20, cause="out_of_memory", detail="It does not fit.")
    await platform.publish(event, subject="job_" + "1" * 20)
    async with platform.client() as client:
        (line,) = await wait_until(lambda: audit(client, action="training.failed"))
        assert (line["subject"], line["resource"]) == ("anneal/training", "job")
        assert line["detail"] == "out_of_memory: It does not fit."


async def test_the_outcome_of_a_download_names_the_kind_of_its_secret(platform: RunningPlatform) -> None:
    used = {"secret": "hub token"}
    failed = {"cause": "gated_model", "detail": "It is gated.", **used}
    for event, subject in (
        (ImportSucceeded(import_id="imp_" + "1" * 20, dataset_id="ds_1", **used), "imp_" + "1" * 20),
        (BaseModelFailed(base_id="base_" + "1" * 20, **failed), "base_" + "1" * 20),
    ):
        await platform.publish(event, subject=subject, project="acme")
    async with platform.client() as client:
        (imported,) = await wait_until(lambda: audit(client, action="dataset.import_succeeded"))
        (base,) = await wait_until(lambda: audit(client, action="training.base_model_failed"))
    assert [imported[name] for name in ("project", "resource", "detail")] == [
        "acme",
        "import",
        "with a secret: hub token",
    ]
    assert (base["resource"], base["detail"]) == ("base_model", "with a secret: hub token; gated_model: It is gated.")


async def test_an_admin_sees_its_own_project_and_the_operator_all(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        body = {"name": "a", "scopes": ["admin"], "project": "acme"}
        admin = (await operator.post("/auth/keys", json=body)).json()
        reader = (await operator.post("/auth/keys", json={"name": "r", "scopes": ["write"]})).json()
        async with platform.client(admin["key"]) as client, platform.client(reader["key"]) as other:
            await client.post("/auth/keys", json={"name": "b"})
            own = await audit(client)
            assert (await other.get("/audit")).status_code == 403
            assert (await other.get("/audit/export")).status_code == 403
        everything = await audit(operator, limit=500)
    assert {line["project"] for line in own} == {"acme"}
    assert {line["project"] for line in everything} >= {"acme", "default"}


async def test_filters_pages_and_the_export_agree(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        made = [(await client.post("/auth/keys", json={"name": str(n)})).json()["id"] for n in range(5)]
        middle = (await audit(client, resource=made[2]))[0]
        assert [line["resource_id"] for line in await audit(client, action="POST /auth/keys", limit=500)] == made[::-1]
        after = await audit(client, action="POST /auth/keys", since=middle["created_at"])
        assert [line["resource_id"] for line in after] == made[:1:-1]
        before = await audit(client, action="POST /auth/keys", until=middle["created_at"])
        assert [line["resource_id"] for line in before] == made[1::-1]
        assert await audit(client, subject="nobody") == []
        pages, cursor = list[str](), None
        while True:
            query = {"action": "POST /auth/keys", "limit": 2, "until": now().isoformat()}
            page = (await client.get("/audit", params=query | ({"cursor": cursor} if cursor else {}))).json()
            pages += [line["resource_id"] for line in page["items"]]
            if not (cursor := page["next_cursor"]):
                break
        assert pages == made[::-1]
        exported = await client.get("/audit/export", params={"action": "POST /auth/keys"})
        assert exported.headers["content-type"].startswith("application/x-ndjson")
        assert [json.loads(line)["resource_id"] for line in exported.text.splitlines()] == made
        everything = (await client.get("/audit/export")).text.splitlines()
        assert verify(AuditView.model_validate_json(line) for line in everything) == []
        for time in ("yesterday", "2026"):
            wrong = await client.get("/audit", params={"since": time})
            assert (wrong.status_code, wrong.json()["field"]) == (422, "since")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_in_the_api_changes_or_deletes_a_line(platform: RunningPlatform, method: str) -> None:
    async with platform.client() as client:
        (line, *_) = await audit(client)
        for path in ("/audit", f"/audit/{line['id']}", "/audit/export"):
            assert (await client.request(method, path)).status_code in (404, 405)
        assert line in await audit(client, limit=500)


async def test_simultaneous_changes_form_one_chain(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        await asyncio.gather(*(client.post("/training/jobs", content=b"x") for _ in range(20)))
        lines = [AuditView.model_validate_json(line) for line in (await client.get("/audit/export")).text.splitlines()]
    assert verify(lines) == []
    assert len({line.writer for line in lines}) == 1
    assert sorted(line.number or 0 for line in lines) == list(range(1, len(lines) + 1))


async def test_retention_removes_old_lines_and_records_it(tmp_path: Path) -> None:
    async with open_platform(tmp_path, remote=False, audit_days=30) as platform, platform.client() as client:
        await client.post("/auth/keys", json={"name": "ci"})
        store = (await Stores.open(platform.resources)).audit
        (line,) = await store.find({"action": "POST /auth/keys"})
        old = now() - timedelta(days=31)
        for id, recorded in (("audit_old", old), ("audit_unanswered", None)):
            aged = line.model_copy(update={"id": id, "created_at": old, "recorded_at": recorded, "writer": None})
            await store.create(aged)
        await platform.gateway.audit.apply_retention()
        (retention,) = await audit(client, action="audit.retention")
        assert retention["detail"].startswith("2 lines from before ")
        assert await audit(client, resource=line.resource_id) == [
            AuditView.model_validate(line.model_dump()).model_dump(mode="json")
        ]


async def test_the_access_log_names_the_caller_and_no_secret(tmp_path: Path) -> None:
    async with open_platform(tmp_path / "home", remote=False) as platform, platform.client() as client:
        log_access_to(tmp_path / "logs" / "access.log", 2**20)
        link = (await client.post("/auth/link")).json()["path"]
        async with platform.client(None) as browser:
            await browser.get(link)
            await browser.get("/datasets/a%0ab%1b%7f", params={"ticket": "hidden"}, headers={"User-Agent": "x\x7f"})
        answer = await client.post("/training/jobs", content=b"12345")
    text = (tmp_path / "logs" / "access.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    posted = next(line for line in lines if line["path"] == "/training/jobs")
    assert (posted["received"], posted["sent"]) == (5, len(answer.content))
    assert (posted["method"], posted["status"], posted["address"]) == ("POST", 200, "127.0.0.1")
    assert posted["credential"] == posted["subject"] != ""
    assert posted["agent"].startswith("python-httpx/")
    assert posted["trace_id"] == answer.headers["x-request-id"]
    assert posted["ms"] > 0
    assert link.partition("token=")[2] not in text
    assert "hidden" not in text
    assert platform.key not in text
    assert text.isascii()
    assert all(character.isprintable() for line in text.splitlines() for character in line)


def test_the_access_log_is_rotated_within_its_limit(tmp_path: Path) -> None:
    configure_logging(StringIO())
    log_access_to(tmp_path / "logs" / "access.log", 2**20)
    for _ in range(3000):
        ACCESS.info("x" * 500)
    configure_logging(StringIO())
    files = list((tmp_path / "logs").iterdir())
    assert len(files) == LOG_FILES
    assert sum(file.stat().st_size for file in files) <= 2**20
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0


def test_the_process_log_is_rotated_within_its_limit(tmp_path: Path) -> None:
    configure_logging(tmp_path / "anneal.log", 2**20)
    for _ in range(3000):
        structlog.get_logger("test").warning("x" * 500)
    configure_logging(StringIO())
    files = list(tmp_path.iterdir())
    assert len(files) == LOG_FILES
    assert sum(file.stat().st_size for file in files) <= 2**20


async def test_bytes_that_are_no_request_are_logged_once_a_minute(
    platform: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_invalid_requests, "_logged_at", -ERROR_INTERVAL_S)
    log = StringIO()
    configure_logging(log)
    address = urlsplit(str(platform.url))
    for _ in range(20):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"GARBAGE\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()
    configure_logging(StringIO())
    assert log.getvalue().count("Invalid HTTP request") == 1


def test_a_full_disk_is_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(StringIO())
    log_access_to(Path("/dev/full"))
    for _ in range(50):
        ACCESS.info("x" * 10_000)
    errors = capsys.readouterr().err
    configure_logging(StringIO())
    assert errors.count("the log full is not written") == 1
    assert "Traceback" not in errors
