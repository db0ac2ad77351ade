"""Two tenants side by side: whatever one owns, no route, query, websocket or metric shows to the other.

Every collection has a document of each tenant, built from its type; every GET route comes from the OpenAPI description.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from itertools import count
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import httpx
import pytest
import websockets
from pydantic import BaseModel

import services.gateway.app
from deploy.documents import COLLECTIONS
from deploy.embedded import BUILDERS
from services.training.models import Job
from shared.blobs.manifests import ModelManifest
from shared.documents.entities import Entity, now
from shared.events.envelope import Envelope
from shared.events.training import TrainingProgressed
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings
from shared.runtime.telemetry.logging import configure_logging
from shared.suites import Suite
from tests.support.asgi_server import serving

TENANTS = ("alpha", "beta")
NUMBERS = count(1)


def value_of(annotation: Any, tenant: str) -> Any:
    """A value of a type in which every text names the tenant."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return value_of(next(each for each in arguments if each is not NoneType), tenant)
    if origin is Literal:
        return arguments[0]
    if origin is not None and hasattr(annotation, "__metadata__"):
        return value_of(arguments[0], tenant)
    if annotation is Suite:
        return {"eval_id": tenant, "data_source": {"type": "completions"}, "max_regression": 1}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return {name: value_of(field.annotation, tenant) for name, field in fields if field.is_required()}
    if annotation is datetime:
        return now()
    if (origin or annotation) in (list, dict, set):
        return (origin or annotation)()
    return f"{tenant}-{next(NUMBERS)}" if annotation is str else annotation(1)


def document_of(kind: type[Entity], tenant: str) -> Entity:
    """A document of a tenant; its texts that have a default are the tenant's too."""
    shown = [
        name for name in ("name", "origin", "detail", "file_name", "model_id", "hub_id") if name in kind.model_fields
    ]
    fields = {name: value_of(kind.model_fields[name].annotation, tenant) for name in shown}
    fields |= value_of(kind, tenant)
    return kind.model_validate({**fields, "id": f"{kind.NOUN.split()[0]}_{tenant}-{next(NUMBERS)}", "project": tenant})


@dataclass
class Tenants:
    """The platform, a client with an admin key of each tenant, and the ids of what each owns."""

    url: str
    resources: Resources
    clients: dict[str, httpx.AsyncClient]
    ids: dict[str, dict[type[Entity], str]]


@pytest.fixture
async def tenants(tmp_path: Path) -> AsyncIterator[Tenants]:
    """All services behind a gateway; only the gateway's own workers run."""
    configure_logging(StringIO())
    async with AsyncExitStack() as stack:
        settings = Settings(home=tmp_path, warm_engines=False)
        resources = await stack.enter_async_context(open_resources(settings))
        backends = [await build(resources) for build in BUILDERS]
        apps = {service.name: web_app(service, resources) for service in backends}
        gateway = await services.gateway.app.build(resources, apps)
        await stack.enter_async_context(running([gateway.service], resources))
        url, transport = await stack.enter_async_context(serving(gateway.app)), httpx.ASGITransport(gateway.app)
        operator = {"Authorization": f"Bearer {(tmp_path / 'api-key').read_text().strip()}"}
        clients, ids = {}, {}
        for tenant in TENANTS:
            body = {"name": f"{tenant} key", "project": tenant, "scopes": ["admin"]}
            async with httpx.AsyncClient(transport=transport, base_url=url, headers=operator) as client:
                key = (await client.post("/auth/keys", json=body)).json()["key"]
            clients[tenant] = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url=url, headers={"Authorization": f"Bearer {key}"})
            )
            ids[tenant] = {}
            for spec in COLLECTIONS:
                if issubclass(spec.document, Entity):
                    store = await resources.outbox.store(spec)
                    entity = document_of(spec.document, tenant)
                    await store.create(entity)
                    ids[tenant][spec.document] = entity.id
        yield Tenants(url, resources, clients, ids)


def requests_of(path: str, operation: dict[str, Any], ids: list[str]) -> Iterator[tuple[str, dict[str, str], str]]:
    """Every way to give one of the ids to a GET route: in its path, or else as one of its text parameters."""
    parameters = operation.get("parameters", [])
    in_path = [each["name"] for each in parameters if each["in"] == "path"]
    texts = [p["name"] for p in parameters if p["in"] == "query" and '"type": "string"' in json.dumps(p["schema"])]
    for id in ids:
        filled = path
        for name in in_path:
            filled = filled.replace(f"{{{name}}}", id)
        yield from [(filled, {}, id)] if in_path else [(path, {name: id}, id) for name in texts]


async def test_no_get_route_shows_anything_of_the_other_tenant(tenants: Tenants) -> None:
    description = (await tenants.clients["alpha"].get("/openapi.json")).json()
    routes = {path: methods["get"] for path, methods in description["paths"].items() if "get" in methods}
    assert len(routes) > 40
    seen_by_owner = set()
    owned, foreign = (list(tenants.ids[tenant].values()) for tenant in TENANTS)
    for path, operation in routes.items():
        for address, query, id in requests_of(path, operation, foreign):
            answer = await tenants.clients["alpha"].get(address, params=query)
            assert "beta" not in answer.text.replace(id, "what was asked for"), (address, query, answer.text)
            if address != path:
                assert answer.status_code in (401, 403, 404, 422), (address, query, answer.text)
        own = await tenants.clients["alpha"].get(path)
        seen_by_owner |= {id for id in owned if id in own.text}
    assert len(seen_by_owner) >= 8, "the lists show what their owner has"


async def follow(tenants: Tenants, tenant: str, job_id: str) -> websockets.ClientConnection:
    """A websocket of a tenant on a job."""
    ticket = (await tenants.clients[tenant].post("/live/tickets")).json()["ticket"]
    return await websockets.connect(f"{tenants.url.replace('http', 'ws', 1)}/live?job={job_id}&ticket={ticket}")


async def test_a_websocket_shows_the_events_of_the_own_job_only(tenants: Tenants) -> None:
    jobs = {tenant: tenants.ids[tenant][Job] for tenant in TENANTS}
    async with await follow(tenants, "alpha", jobs["beta"]) as refused:
        message = json.loads(await refused.recv())
        assert (message["type"], message["problem"]["status"]) == ("error", 404)
        await refused.wait_closed()
    assert refused.close_code == 4404
    async with await follow(tenants, "alpha", jobs["alpha"]) as socket:
        received: dict[str, Any] = {}
        while not received:  # the first broadcasts may precede the subscription
            for tenant in ("beta", "alpha"):
                record = {"seq": 1, "kind": "log", "message": f"of {tenant}"}
                event = TrainingProgressed(job_id=jobs[tenant], records=[record])
                envelope = Envelope.of(event, service="training", subject=jobs[tenant], project=tenant)
                await tenants.resources.bus.broadcast(envelope)
            with suppress(TimeoutError):
                received = json.loads(await asyncio.wait_for(socket.recv(), 0.2))
    assert [record["message"] for record in received["records"]] == ["of alpha"]


async def test_metrics_and_the_overview_name_no_tenant(tenants: Tenants) -> None:
    """After requests of both: labels are routes and services, never ids or projects."""
    for tenant in TENANTS:
        for path in ("/training/jobs/", "/datasets/", "/nowhere/", "/deployments/"):
            await tenants.clients[tenant].get(f"{path}{tenants.ids[tenant][Job]}")
    metrics = (await tenants.clients["alpha"].get("/metrics")).text
    assert "anneal_gateway_requests" in metrics
    assert not [line for line in metrics.splitlines() if any(tenant in line for tenant in TENANTS)]
    overview = (await tenants.clients["alpha"].get("/overview")).text
    assert ("alpha" in overview, "beta" in overview) == (True, False)


async def test_a_project_over_its_stored_bytes_adds_nothing(tenants: Tenants) -> None:
    """Whatever the files come from; what is stored, or being built, is still shown. The other project is not bound."""
    manifest = ModelManifest(model_id="model_1", name="m", kind="full", files=[])
    for tenant in TENANTS:
        address = f"{tenant}/models/custom/model_1/manifest.json"
        await tenants.resources.blobs.put(address, manifest.model_dump_json().encode())
    alpha, beta = tenants.clients.values()
    assert (await alpha.post("/models/custom/model_1/exports", json={"format": "torch"})).status_code == 202
    operator = {"Authorization": f"Bearer {(tenants.resources.settings.directory / 'api-key').read_text().strip()}"}
    assert (await beta.put("/auth/limits/alpha", json={"stored_bytes": 1}, headers=operator)).status_code == 200
    form = {"files": {"file": ("a.jsonl", b"{}")}}
    additions: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/datasets/upload", form),
        ("POST", "/v1/files", {**form, "data": {"purpose": "fine-tune"}}),
        ("POST", "/models/base", form),
        ("POST", "/models/base", {"json": {"hub_id": "owner/name"}}),
        ("POST", "/datasets/import", {"json": {"hub_id": "owner/name"}}),
        ("POST", "/models/custom/model_1/exports", {"json": {"format": "torch"}}),
        ("GET", "/models/custom/model_1/export", {"params": {"format": "onnx"}}),
        ("POST", "/training/jobs", {"json": {}}),
    ]
    for method, path, content in additions:
        refused = await alpha.request(method, path, **content)
        assert (refused.status_code, "quota_exceeded" in refused.text) == (413, True), (path, refused.text)
    assert (await alpha.get("/models/custom/model_1/export", params={"format": "torch"})).status_code == 202
    assert len((await alpha.get("/exports", params={"model_id": "model_1"})).json()["items"]) == 1
    assert (await beta.post("/models/custom/model_1/exports", json={"format": "onnx"})).status_code == 202


async def test_the_audit_log_names_the_kind_of_secret_that_a_download_uses(tenants: Tenants) -> None:
    alpha = tenants.clients["alpha"]
    requests: list[tuple[str, dict[str, Any], str | None]] = [
        ("/datasets/import", {"hub_id": "owner/name", "token": "hf_hidden"}, "with a secret: hub token"),
        ("/datasets/import", {"uri": "s3+https://k:hidden@1.1.1.1/b/a.csv"}, "with a secret: object store key"),
        ("/datasets/import", {"url": "https://1.1.1.1/a.csv?sig=hidden"}, "with a secret: signed address"),
        ("/datasets/import", {"url": "https://1.1.1.1/a.csv"}, None),
        ("/models/base", {"hub_id": "owner/name", "token": "hf_hidden"}, "with a secret: hub token"),
    ]
    for path, body, detail in requests:
        accepted = await alpha.post(path, json=body)
        assert accepted.status_code == 202, accepted.text
        found = (await alpha.get("/audit", params={"resource": accepted.json()["id"]})).json()["items"]
        assert [(line["detail"], line["status"]) for line in found] == [(detail, 202)]
    assert "hidden" not in (await alpha.get("/audit/export")).text
