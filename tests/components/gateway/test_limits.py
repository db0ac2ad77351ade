"""Limits over real HTTP: sizes of bodies, requests, streams, and who may set them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.support.platform import RunningPlatform, open_platform, wait_until


@pytest.fixture(params=["in process", "over http"])
async def small(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningPlatform]:
    """A platform that takes small bodies only."""
    limits: dict[str, Any] = {"json_limit": 1000}
    async with open_platform(tmp_path, remote=request.param == "over http", **limits) as opened:
        yield opened


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 100):
        yield b"x" * 100


async def _key(platform: RunningPlatform, **fields: Any) -> tuple[str, httpx.AsyncClient]:
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "k", **fields})).json()
    return made["id"], platform.client(made["key"])


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_its_routes_limit_is_refused(small: RunningPlatform, chunked: bool) -> None:
    async with small.client() as client:
        for size, status in ((1000, 200), (1100, 413), (100_000, 413)):
            body = _chunks(size) if chunked else b"x" * size
            response = await client.post("/training/jobs", content=body)
            assert response.status_code == status, size
        problem = response.json()
        assert (problem["code"], problem["field"], problem["limit"]) == ("body_too_large", "body", 1000)
        assert "ANNEAL_JSON_LIMIT" in problem["remedy"]
        error = (await client.post("/v1/fine_tuning/jobs", content=b"x" * 1001)).json()["error"]
        assert (error["code"], error["param"], error["limit"]) == ("body_too_large", "body", 1000)


async def test_requests_per_minute_of_a_key_and_of_its_project(platform: RunningPlatform) -> None:
    first_id, first = await _key(platform)
    _, second = await _key(platform)
    async with first, second, platform.client() as operator:
        assert "x-ratelimit-limit-requests" not in (await first.get("/training/jobs")).headers
        changed = await operator.put(f"/auth/limits/{first_id}", json={"requests_per_minute": 2})
        assert {"per": "key", "name": "requests_per_minute", "limit": 2, "used": 0} in changed.json()["limits"]
        answers = [await first.get("/training/jobs") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0"]
        assert answers[2].headers["x-ratelimit-limit-requests"] == "2"
        assert answers[2].headers["x-ratelimit-reset-requests"].removesuffix("s").isdigit()
        assert 1 <= int(answers[2].headers["retry-after"]) <= 120
        problem = answers[2].json()
        assert (problem["code"], problem["field"], problem["limit"]) == (
            "rate_limit_exceeded",
            "requests_per_minute",
            2,
        )
        assert (await first.get("/v1/fine_tuning/jobs")).json()["error"]["type"] == "rate_limit_error"
        assert (await second.get("/training/jobs")).status_code == 200
        await operator.put("/auth/limits/default", json={"requests_per_minute": 1})
        assert (await second.get("/training/jobs")).status_code == 200
        refused = await second.get("/training/jobs")
        assert (refused.status_code, refused.json()["per"]) == (429, "project")
        for target in (first_id, "default"):
            assert (await operator.put(f"/auth/limits/{target}", json={})).status_code == 200
        assert (await first.get("/training/jobs")).status_code == 200


async def test_only_what_raises_a_limit_or_ends_a_credential_is_not_counted(platform: RunningPlatform) -> None:
    id, client = await _key(platform, scopes=["infer"])
    child, _ = await _key(platform)
    async with client, platform.client() as operator:
        await operator.put(f"/auth/limits/{id}", json={"requests_per_minute": 5})
        links = await asyncio.gather(*(client.post("/auth/link") for _ in range(20)))
        assert [link.status_code for link in links].count(201) == 5
        assert (await client.get("/auth/session")).status_code == 429
        await operator.put("/auth/limits/default", json={"requests_per_minute": 1})
        assert (await operator.get("/auth/keys")).status_code == 200
        assert (await operator.get("/auth/keys")).status_code == 429
        assert (await operator.delete(f"/auth/keys/{child}")).status_code == 204
        assert (await operator.put("/auth/limits/default", json={})).status_code == 200
        assert (await operator.get("/auth/keys")).status_code == 200


async def test_the_last_unit_is_taken_once(platform: RunningPlatform) -> None:
    id, client = await _key(platform)
    async with client, platform.client() as operator:
        await operator.put(f"/auth/limits/{id}", json={"requests_per_minute": 5})
        answers = await asyncio.gather(*(client.get("/training/jobs") for _ in range(20)))
        assert [answer.status_code for answer in answers].count(200) == 5
        await operator.put("/auth/limits/default", json={"queued_jobs": platform.training.queued + 2})
        answers = await asyncio.gather(*(operator.post("/training/jobs", json={}) for _ in range(10)))
        assert [answer.status_code for answer in answers].count(200) == 2


async def test_limits_are_set_by_the_operator_and_for_own_keys_by_admins(platform: RunningPlatform) -> None:
    writer_id, writer = await _key(platform)
    _, admin = await _key(platform, scopes=["admin"])
    foreign_id, foreign = await _key(platform, project="other")
    async with writer, admin, foreign, platform.client() as operator:
        body = {"requests_per_minute": 1000}
        assert (await writer.put(f"/auth/limits/{writer_id}", json=body)).status_code == 403
        assert (await admin.put("/auth/limits/default", json=body)).status_code == 403
        assert (await admin.get("/auth/limits/default")).status_code == 200
        assert (await admin.get("/auth/limits/other")).status_code == 403
        assert (await admin.put(f"/auth/limits/{foreign_id}", json=body)).status_code == 404
        assert (await admin.put(f"/auth/limits/{writer_id}", json=body)).status_code == 200
        assert (await operator.put("/auth/limits/key_unknown", json=body)).status_code == 404
        wrong = await operator.put(f"/auth/limits/{writer_id}", json={"request_per_minute": 1})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "request_per_minute")
        shown = (await writer.get("/limits")).json()
        assert {"per": "key", "name": "requests_per_minute", "limit": 1000, "used": 1} in shown["limits"]
        assert shown["body_bytes"]["json"] == 2**20


async def test_websockets_over_the_limit_are_refused_until_one_closes(platform: RunningPlatform) -> None:
    platform.training.jobs["job_1"] = "running"
    id, client = await _key(platform)
    url = platform.url.replace("http", "ws") + "/live?job=job_1"
    headers = {"Authorization": client.headers["authorization"]}
    async with client, platform.client() as operator:
        await operator.put(f"/auth/limits/{id}", json={"concurrent_streams": 1})
        async with websockets.connect(url, additional_headers=headers):
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(url, additional_headers=headers)
            assert refused.value.response.status_code == 429
            assert (await client.get("/training/jobs")).status_code == 200

        async def opens() -> bool:
            try:
                async with websockets.connect(url, additional_headers=headers):
                    return True
            except websockets.InvalidStatus:
                return False

        await wait_until(opens)


async def test_quotas_of_a_project(platform: RunningPlatform) -> None:
    async with platform.client() as operator:
        for quota, used, status in (
            ("queued_jobs", 3, 429),
            ("cpu_hours_per_month", 1.5, 429),
            ("stored_bytes", 5, 413),
        ):
            await platform.resources.blobs.put("default/datasets/a", b"12345")
            await platform.resources.blobs.put("other/datasets/a", b"12345")
            changed = await operator.put("/auth/limits/default", json={quota: 6})
            assert {"per": "project", "name": quota, "limit": 6, "used": used} in changed.json()["limits"]
            assert (await operator.post("/training/jobs", json={})).status_code == 200, quota
            await operator.put("/auth/limits/default", json={quota: 1})
            refused = await operator.post("/training/jobs", json={})
            assert (refused.status_code, refused.json()["field"], refused.json()["limit"]) == (status, quota, 1)
            assert ("retry-after" in refused.headers) == (status == 429)
            assert (await operator.get("/training/jobs")).status_code == 200
        form = {"file": ("a.zip", b"x")}
        assert (await operator.post("/models/base", files=form)).status_code == 413
        wrong = await operator.put(f"/auth/limits/{(await _key(platform))[0]}", json={"stored_bytes": 1})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "stored_bytes")
