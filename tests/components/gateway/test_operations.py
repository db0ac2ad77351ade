"""Operations: health, dead letters, metrics, the OpenAPI document, static pages."""

import asyncio
from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from cli.main import cli
from deploy.servers import free_port
from services.gateway.app import VERSION, build
from services.gateway.http_upstream import HttpUpstream
from shared.bus.protocol import Reject
from shared.events.envelope import Envelope
from shared.events.evaluation import EvaluationRequested
from shared.runtime.service import Service, web_app
from tests.support.asgi_server import serving
from tests.support.platform import TIMEOUT_S, RunningPlatform, open_platform


async def test_health_is_public_and_reveals_no_details(platform: RunningPlatform) -> None:
    async with platform.client(None) as client:
        health = (await client.get("/healthz")).json()
        assert (health["status"], health["version"]) == ("ok", VERSION)
        ready = await client.get("/readyz")
        names = {"blobs", "bus", "documents", "gateway", "training"}
        assert (ready.status_code, ready.json()["checks"]) == (200, dict.fromkeys(names, "ok"))
        await platform.resources.documents.close()
        broken = await client.get("/readyz")
    assert (broken.status_code, broken.json()["status"]) == (503, "not_ready")
    assert broken.json()["checks"]["documents"] == "not_ready"


async def test_an_unavailable_service_does_not_fail_readiness(platform: RunningPlatform) -> None:
    unavailable = HttpUpstream(f"http://127.0.0.1:{free_port()}", name="export")
    training = web_app(Service("training", platform.training.routes()), platform.resources)
    gateway = await build(platform.resources, {"training": training, "export": unavailable})
    async with serving(gateway.app) as url, replace(platform, url=url).client() as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["checks"]["export"] == "not_ready"
        assert ready.json()["checks"]["training"] == "ok"
        assert (await client.get("/training/jobs")).status_code == 200
        refused = await client.get("/exports")
        assert (refused.status_code, refused.json()["limit"]) == (503, "export")


async def dead_letter(platform: RunningPlatform, *subjects: str, project: str = "default") -> None:
    """Publish events that the evaluation service rejects, and wait until they are dead letters."""
    async with platform.client() as client:
        before = (await client.get("/events/dead")).json()["total"]
        for subject in subjects:
            event = EvaluationRequested(evaluation_id=subject)
            await platform.publish(event, subject=subject, project=project)
        async with asyncio.timeout(TIMEOUT_S):
            while (await client.get("/events/dead")).json()["total"] < before + len(subjects):
                await asyncio.sleep(0.01)


async def test_dead_events_are_listed_and_replayed(platform: RunningPlatform) -> None:
    received: asyncio.Queue[Envelope] = asyncio.Queue()

    async def refuse(envelope: Envelope) -> None:
        received.put_nowait(envelope)
        raise Reject("no such run")

    await platform.resources.bus.subscribe("evaluation", EvaluationRequested.type, refuse)
    await dead_letter(platform, "one", "two")
    async with platform.client() as client:
        first, second = (await client.get("/events/dead", params={"room": "evaluation"})).json()["items"]
        assert (first["subject"], first["room"], first["attempts"]) == ("one", "evaluation", 1)
        assert (first["type"], "no such run" in first["reason"]) == (EvaluationRequested.type, True)
        assert (await client.get("/events/dead", params={"limit": 1})).json()["total"] == 2
        assert (await client.get("/events/dead", params={"room": "export"})).json() == {"items": [], "total": 0}

        assert (await client.post(f"/events/dead/{second['id']}/replay")).json() == {"replayed": 1}
        async with asyncio.timeout(TIMEOUT_S):
            assert [(await received.get()).subject for _ in range(3)] == ["one", "two", "two"]
        unknown = await client.post("/events/dead/nothing/replay")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
        async with asyncio.timeout(TIMEOUT_S):
            while (await client.get("/events/dead")).json()["total"] < 2:
                await asyncio.sleep(0.01)
        assert (await client.post("/events/dead/replay", params={"room": "export"})).json() == {"replayed": 0}
        shown = await anneal(platform, "events", "dead", "--service", "evaluation")
        assert "evaluation.requested.v1" in shown
        assert "replayed 2 events" in await anneal(platform, "events", "replay", "--all")
        async with asyncio.timeout(TIMEOUT_S):
            assert sorted([(await received.get()).subject for _ in range(2)]) == ["one", "two"]


async def anneal(platform: RunningPlatform, *arguments: str) -> str:
    """Run a CLI command and return its output."""
    env = {"ANNEAL_URL": platform.url, "ANNEAL_API_KEY": platform.key, "COLUMNS": "200"}
    done = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=env)
    assert done.exit_code == 0, done.output
    return done.output


async def test_admins_see_the_dead_events_of_their_project_only(platform: RunningPlatform) -> None:
    async def refuse(envelope: Envelope) -> None:
        raise Reject("no")

    await platform.resources.bus.subscribe("evaluation", EvaluationRequested.type, refuse)
    await dead_letter(platform, "ours")
    await dead_letter(platform, "theirs", project="other")
    async with platform.client() as client:
        made = [
            (await client.post("/auth/keys", json={"name": "k", "scopes": [scope]})).json()["key"]
            for scope in ("write", "admin")
        ]
        theirs = (await client.get("/events/dead")).json()["items"][1]
        assert theirs["project"] == "other"
    async with platform.client(made[0]) as client:
        assert (await client.get("/events/dead")).status_code == 403
    async with platform.client(made[1]) as client:
        assert [letter["subject"] for letter in (await client.get("/events/dead")).json()["items"]] == ["ours"]
        assert (await client.post(f"/events/dead/{theirs['id']}/replay")).status_code == 404


async def test_metrics_have_route_and_service_labels(platform: RunningPlatform) -> None:
    platform.training.jobs["job_1"] = "running"
    async with platform.client() as client:
        await client.get("/training/jobs/job_1")
        await client.get("/training/machine")
        text = (await client.get("/metrics")).text
    for prefix in ("anneal_gateway", "anneal_http"):
        labels = 'method="GET",room="training",route="/training/jobs/{job_id}"'
        assert f'{prefix}_requests_total{{{labels},status="200"}} 1.0' in text
        assert f"{prefix}_request_seconds_count{{{labels}}} 1.0" in text
        labels = 'method="GET",room="training",route="/training/machine"'
        assert f'{prefix}_requests_total{{{labels},status="500"}} 1.0' in text


async def test_paths_and_methods_that_do_not_exist_share_one_series(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        for number in range(3):
            await client.get(f"/nowhere/{number}")
            await client.request(f"HACK{number}", "/training/jobs")
        text = (await client.get("/metrics")).text
    assert "nowhere" not in text
    assert "HACK" not in text
    assert 'anneal_gateway_requests_total{method="GET",room="none",route="unmatched",status="404"} 3.0' in text
    assert 'anneal_gateway_requests_total{method="OTHER",room="none",route="unmatched",status="405"} 3.0' in text


async def test_the_metrics_token_grants_access_to_metrics_only(tmp_path: Path) -> None:
    async with open_platform(tmp_path, remote=False, metrics_token="for-prometheus") as platform:
        async with platform.client("for-prometheus", headers={"host": "gateway:7860"}) as client:
            assert "anneal_gateway" in (await client.get("/metrics")).text
        async with platform.client("for-prometheus") as client:
            assert (await client.get("/overview")).status_code == 401
        async with platform.client("for-prometheu") as client:
            assert (await client.get("/metrics")).status_code == 401


async def test_the_openapi_document_covers_all_services(any_platform: RunningPlatform) -> None:
    async with any_platform.client() as client:
        document = (await client.get("/openapi.json")).json()
    operations = [op["operationId"] for path in document["paths"].values() for op in path.values()]
    assert {"list_jobs", "create_key", "show_overview"} <= set(operations)
    assert len(operations) == len(set(operations))
    assert set(document["components"]["securitySchemes"]) == {"key", "session"}


async def test_static_pages_load_nothing_from_other_hosts(platform: RunningPlatform) -> None:
    async with platform.client(None) as client:
        for path in ("/", "/docs"):
            response = await client.get(path)
            assert response.status_code == 200
            assert "Anneal" in response.text
            assert 'src="http' not in response.text
