"""Deployments: loading is retried after outages and crashes, and a failure does not undo another process's success."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.inference.aliases.store import AliasStores
from services.inference.deployments import service as deployments_module
from services.inference.deployments.catalog import Catalog
from services.inference.deployments.models import Deployment
from services.inference.deployments.service import Deployments
from services.inference.deployments.store import Stores
from services.inference.usage_statistics import UsageStatistics
from shared.blobs.artifacts import artifact_uri, publish
from shared.blobs.manifests import ModelManifest
from shared.runtime.errors import Unavailable
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import background
from shared.runtime.settings import Settings

URI = artifact_uri("default", "models", "custom", "model_1")


class InstantEngine:
    """An engine that loads immediately."""

    def __init__(self) -> None:
        self.unloaded = list[str]()

    async def load(self, spec: Any, *, pinned: bool) -> None:
        return None

    async def unload(self, uri: str) -> None:
        self.unloaded.append(uri)


@pytest.fixture
async def resources(tmp_path: Path) -> AsyncIterator[Resources]:
    async with open_resources(Settings(home=tmp_path)) as opened:
        manifest = ModelManifest(model_id="model_1", name="m", kind="full", template_hash="t").model_dump()
        await publish(opened.blobs, "default/models/custom/model_1", None, manifest)
        yield opened


async def open_deployments(resources: Resources) -> tuple[Stores, Deployments]:
    stores = await Stores.open(resources)
    catalog = Catalog(resources.blobs, stores, await AliasStores.open(resources))
    return stores, Deployments(stores, catalog, InstantEngine(), UsageStatistics())  # type: ignore[arg-type]


async def wait_until_ready(stores: Stores, id: str) -> Deployment:
    async with asyncio.timeout(60):
        while (found := await stores.deployments.get(id)).state != "ready":
            await asyncio.sleep(0.01)
    return found


async def test_loading_is_retried_after_a_blob_store_outage(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments_module, "TAKEOVER_CHECK_INTERVAL_S", 0.01)
    monkeypatch.setattr(deployments_module, "TAKEOVER_AFTER_S", 0.05)
    stores, deployments = await open_deployments(resources)
    original_spec, unavailable = Catalog.spec, True

    async def spec(self: Catalog, model: Any) -> dict[str, Any]:
        nonlocal unavailable
        if unavailable:
            unavailable = False
            raise Unavailable("The blob store does not respond.")
        return await original_spec(self, model)

    monkeypatch.setattr(Catalog, "spec", spec)
    async with background(deployments.take_over_stalled()):
        deployed = await deployments.deploy("default", "model_1", None)
        await wait_until_ready(stores, deployed.id)
    assert not unavailable
    await deployments.close()


async def test_loading_of_a_dead_process_is_taken_over(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployments_module, "TAKEOVER_CHECK_INTERVAL_S", 0.01)
    monkeypatch.setattr(deployments_module, "TAKEOVER_AFTER_S", 0.05)
    stores, deployments = await open_deployments(resources)
    async with background(deployments.take_over_stalled()):
        await stores.deployments.create(Deployment(id="dep_1", project="default", model_id="model_1", model_uri=URI))
        await wait_until_ready(stores, "dep_1")
    await deployments.close()


async def test_requests_at_the_same_time_make_one_deployment(resources: Resources) -> None:
    stores, deployments = await open_deployments(resources)
    deployed = await asyncio.gather(*(deployments.deploy("default", "model_1", None) for _ in range(4)))
    assert len({one.id for one in deployed}) == len(await stores.deployments.find()) == 1
    await deployments.undeploy("default", deployed[0].id)
    again = await deployments.deploy("default", "model_1", None)
    assert again.id != deployed[0].id
    await deployments.close()


async def test_a_model_stays_loaded_while_another_project_deploys_it(resources: Resources) -> None:
    manifest = ModelManifest(model_id="base_1", name="b", kind="full", template_hash="t").model_dump()
    await publish(resources.blobs, "_shared/models/base/base_1", None, manifest)
    stores, deployments = await open_deployments(resources)
    made = {project: await deployments.deploy(project, "base_1", None) for project in ("a", "b")}
    for project, deployment in made.items():
        await wait_until_ready(stores, deployment.id)
        assert deployments._engine.unloaded == []  # type: ignore[attr-defined]
        await deployments.undeploy(project, deployment.id)
    assert deployments._engine.unloaded == [made["b"].model_uri]  # type: ignore[attr-defined]


def test_a_failed_load_does_not_undo_a_load_by_another_process() -> None:
    deployment = Deployment(id="dep_1", project="default", model_id="model_1", model_uri=URI)
    assert len(deployment.mark_ready(1.0)) == 1
    deployment.mark_failed("out_of_memory", "The model does not fit.")
    assert deployment.state == "ready"
