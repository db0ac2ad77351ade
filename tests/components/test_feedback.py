"""Stored answers and feedback become a dataset: gateway, inference with real models, and the dataset service."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

import services.dataset.app
import services.gateway.app
import services.inference.app
from services.dataset.imports.feedback import read_feedback
from services.dataset.models import Origin
from shared.blobs.artifacts import publish
from shared.blobs.manifests import ModelManifest
from shared.runtime.http.addresses import SourceUnreachable
from shared.runtime.processes.children import Engines
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings
from tests.support.asgi_server import serving
from tests.support.platform import wait_until
from tests.support.running_service import share_forkservers
from tests.support.tiny_model import make_tiny_model, template_hash

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODELS = ("chosen_model", "rejected_model")
ENDED = ("ready", "rejected", "failed")


@dataclass
class FeedbackPlatform:
    """Inference and dataset behind the gateway, with the models `one` and `two`."""

    http: httpx.AsyncClient
    resources: Resources

    async def ask(self, model: str, question: str, **body: Any) -> dict[str, Any]:
        """A stored answer. It ends at its first space, so that no token limit cuts it off."""
        messages = [{"role": "user", "content": question}]
        request = {"model": model, "messages": messages, "temperature": 0, "max_tokens": 24, "store": True, **body}
        response = await self.http.post("/v1/chat/completions", json=request)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def pair(self, question: str) -> tuple[str, str]:
        """Ids of the answers of both models, which differ."""
        answers = []
        for model in ("one", "two"):
            text = (await self.ask(model, question, store=False))["choices"][0]["message"]["content"]
            answers.append(await self.ask(model, question, stop=text[-3:]))
        texts = [answer["choices"][0]["message"]["content"] for answer in answers]
        assert "" not in texts
        assert texts[0] != texts[1]
        return answers[0]["id"], answers[1]["id"]

    async def vote(self, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await self.http.post("/feedback", json=body, headers=headers)

    async def imported(self, **body: Any) -> dict[str, Any]:
        """The import of feedback, once it has ended."""
        started = await self.http.post("/datasets/import", json=body)
        assert started.status_code == 202, started.text
        async with asyncio.timeout(300):
            while True:
                found = dict((await self.http.get(f"/datasets/imports/{started.json()['id']}")).json())
                if found["state"] in ENDED:
                    return found
                await asyncio.sleep(0.02)

    async def report(self, found: dict[str, Any]) -> Any:
        """The report of the version that an import became."""
        versions = (await self.http.get(f"/datasets/{found['dataset_id']}")).json()["versions"]
        return next(version["report"] for version in versions if version["version"] == found["version"])

    async def key(self, *scopes: str) -> str:
        made = await self.http.post("/auth/keys", json={"name": "app", "scopes": list(scopes)})
        assert made.status_code == 201, made.text
        return str(made.json()["key"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> AsyncIterator[FeedbackPlatform]:
    folder = tmp_path_factory.mktemp("feedback")
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_resources(Settings(home=folder / "home")))
        resources = share_forkservers(opened, engines)
        built = [await build(resources) for build in (services.inference.app.build, services.dataset.app.build)]
        apps = {service.name: web_app(service, resources) for service in built}
        resources.local_apps.update(apps)
        gateway = await services.gateway.app.build(resources, apps)
        await stack.enter_async_context(running([*built, gateway.service], resources))
        url = await stack.enter_async_context(serving(gateway.app))
        headers = {"Authorization": f"Bearer {(folder / 'home' / 'api-key').read_text().strip()}"}
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, timeout=300))
        for seed, name in enumerate(("one", "two"), 1):
            await _publish(resources, make_tiny_model(folder / name, seed=seed), name)
        yield FeedbackPlatform(http, resources)


async def _publish(resources: Resources, folder: Path, name: str) -> None:
    manifest = ModelManifest(model_id=name, kind="full", name=name, template_hash=template_hash(folder))
    await publish(resources.blobs, f"_shared/models/base/{name}", folder, manifest.model_dump())


async def test_votes_become_a_preference_dataset_with_lineage(platform: FeedbackPlatform) -> None:
    good, bad = await platform.pair("Which one is better?")
    voted = (await platform.vote(chosen=good, rejected=bad, comment="shorter")).json()
    assert (voted["verdict"], voted["responses"], voted["models"]) == ("preferred", [good, bad], ["one", "two"])
    assert voted["left_out"] is None
    tied = await platform.pair("And here?")
    assert (await platform.vote(tie=tied)).json()["left_out"] == "tie"

    found = await platform.imported(feedback="preferences", name="votes", validation_share=0)
    assert found["state"] == "ready", found
    assert found["origin"]["models"] == ["one", "two"]
    assert found["origin"]["left_out"] == {"tie": 1}
    report = await platform.report(found)
    assert (report["rows"], report["form"], report["kept_columns"]) == (1, "preference", [*MODELS])
    assert report["warnings"] == []
    (row,) = (
        await platform.http.get(f"/datasets/{found['dataset_id']}/preview", params={"version": found["version"]})
    ).json()["rows"]
    stored = (await platform.http.get(f"/v1/chat/completions/{good}")).json()
    assert row["row"]["messages"] == [{"role": "user", "content": "Which one is better?"}]
    assert row["row"]["chosen"][0]["content"] == stored["choices"][0]["message"]["content"]

    node = f"dataset/{found['dataset_id']}@{found['version']}"

    async def edges() -> Any:
        answer = await platform.http.get("/lineage", params={"id": found["dataset_id"]})
        seen = {(edge["source"], edge["relation"], edge["target"]) for edge in answer.json().get("edges", ())}
        return seen >= {(f"base_model/{model}", "rated_in", node) for model in ("one", "two")}

    await wait_until(edges)
    again = await platform.imported(feedback="preferences", name="votes", validation_share=0)
    assert again["version"] == found["version"], "the same votes are the same version"


async def test_thumbs_on_streamed_answers_become_rows_for_kto(platform: FeedbackPlatform) -> None:
    one, two = await platform.pair("Thumbs?")
    body = {"model": "one", "messages": [{"role": "user", "content": "Streamed?"}], "max_tokens": 4, "stream": True}
    async with platform.http.stream("POST", "/v1/chat/completions", json={**body, "store": True}) as got:
        events = [line.removeprefix("data: ") async for line in got.aiter_lines() if line.startswith("data: ")]
    streamed = json.loads(events[0])["id"]
    for id, rating in ((one, "good"), (two, "bad"), (streamed, "good")):
        given = (await platform.vote(response=id, rating=rating)).json()
        assert given["left_out"] == ("cut_off" if id == streamed else None)
    found = await platform.imported(feedback="ratings", name="thumbs", validation_share=0)
    assert (found["state"], found["origin"]["left_out"]) == ("ready", {"cut_off": 1}), found
    report = await platform.report(found)
    assert (report["rows"], report["form"], report["kept_columns"]) == (2, "unpaired", ["answered_by"])
    for models in (["model_unknown"], ["one", "model_unknown"]):
        none = await platform.imported(feedback="ratings", models=models)
        assert (none["state"], none["code"]) == ("failed", "no_feedback")
        assert "have answers of model_unknown." in none["detail"]


async def test_keys_of_applications_see_their_own_answers_alone(platform: FeedbackPlatform) -> None:
    key, other = await platform.key("infer"), await platform.key("infer")
    own = {"Authorization": f"Bearer {key}"}
    body = {"model": "one", "messages": [{"role": "user", "content": "Secret?"}], "max_tokens": 4, "store": True}
    id = (await platform.http.post("/v1/chat/completions", json=body, headers=own)).json()["id"]
    assert (await platform.http.get(f"/v1/chat/completions/{id}", headers=own)).status_code == 200
    assert (await platform.http.get(f"/v1/chat/completions/{id}")).status_code == 200, "the operator reads the project"
    refused = await platform.vote(other, response=id, rating="bad")
    assert (refused.status_code, refused.json()["field"]) == (404, "response")
    assert "store: true" in refused.json()["remedy"]
    assert (await platform.vote(key, response=id, rating="bad")).status_code == 200
    headers = {"Authorization": f"Bearer {other}"}
    assert (await platform.http.delete(f"/v1/chat/completions/{id}", headers=headers)).status_code == 404
    deleted = await platform.http.delete(f"/v1/chat/completions/{id}", headers=own)
    assert deleted.json() == {"id": id, "object": "chat.completion.deleted", "deleted": True}
    listed = (await platform.http.get("/feedback", params={"limit": 200})).json()["items"]
    assert all(id not in each["responses"] for each in listed), "feedback goes with its answer"


async def test_what_was_not_stored_has_no_feedback(platform: FeedbackPlatform) -> None:
    id = (await platform.ask("one", "Not kept?", store=False))["id"]
    assert (await platform.vote(response=id, rating="good")).status_code == 404
    assert (await platform.http.get(f"/v1/chat/completions/{id}")).status_code == 404
    several = {"model": "one", "messages": [{"role": "user", "content": "?"}], "n": 2, "store": True}
    refused = (await platform.http.post("/v1/chat/completions", json=several)).json()["error"]
    assert refused["param"] == "n"
    longer = {**several, "n": 1, "messages": [{"role": "user", "content": "x" * 2**20}]}
    refused = (await platform.http.post("/v1/chat/completions", json=longer)).json()["error"]
    assert refused["param"] == "store"


async def test_rows_are_asked_for_by_address_or_refused(platform: FeedbackPlatform, tmp_path: Path) -> None:
    apps = platform.resources.local_apps
    app = apps.pop("inference")
    try:
        with pytest.raises(SourceUnreachable, match="not set"):
            await read_feedback(platform.resources, "default", Origin(source="feedback", location="ratings"), tmp_path)
    finally:
        apps["inference"] = app
