"""Deployments outlive servers that are away and processes that die, and one failure does not undo another's success."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.inference.deployments import service as deployments_module
from services.inference.deployments.catalog import Catalog
from services.inference.deployments.models import Deployment
from services.inference.deployments.service import Deployments
from services.inference.store import Stores
from services.inference.usage_statistics import Figures
from shared.blobs.artifacts import artifact_uri, publish
from shared.blobs.manifests import ModelManifest
from shared.runtime.errors import Unavailable
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import background
from shared.runtime.settings import Settings

URI = artifact_uri("default", "models", "custom", "model_1")


class Instant:
    """An engine that has loaded everything already."""

    async def load(self, spec: Any, *, pinned: bool) -> None:
        return None


@pytest.fixture
async def resources(tmp_path: Path) -> AsyncIterator[Resources]:
    async with open_resources(Settings(home=tmp_path)) as opened:
        manifest = ModelManifest(model_id="model_1", name="m", kind="full", template_hash="t").model_dump()
        await publish(opened.blobs, "default/models/custom/model_1", None, manifest)
        yield opened


async def room(resources: Resources) -> tuple[Stores, Deployments]:
    stores = await Stores.open(resources)
    return stores, Deployments(stores, Catalog(resources.blobs, stores), Instant(), Figures())  # type: ignore[arg-type]


async def until_ready(stores: Stores, id: str) -> Deployment:
    async with asyncio.timeout(60):
        while (found := await stores.deployments.get(id)).state != "ready":
            await asyncio.sleep(0.01)
    return found


async def test_a_store_that_is_away_puts_the_loading_off(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployments_module, "LOOK", 0.01)
    monkeypatch.setattr(deployments_module, "LEFT", 0.05)
    stores, deployments = await room(resources)
    honest, away = Catalog.spec, True

    async def spec(self: Catalog, model: Any) -> dict[str, Any]:
        nonlocal away
        if away:
            away = False
            raise Unavailable("The object store does not answer.")
        return await honest(self, model)

    monkeypatch.setattr(Catalog, "spec", spec)
    async with background(deployments.look_after()):
        deployed = await deployments.deploy("default", "model_1", None)
        await until_ready(stores, deployed.id)
    assert not away
    await deployments.close()


async def test_what_a_dead_process_was_loading_is_taken_over(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments_module, "LOOK", 0.01)
    monkeypatch.setattr(deployments_module, "LEFT", 0.05)
    stores, deployments = await room(resources)
    async with background(deployments.look_after()):
        await stores.deployments.create(Deployment(id="dep_1", project="default", model_id="model_1", model_uri=URI))
        await until_ready(stores, "dep_1")
    await deployments.close()


def test_a_failure_here_does_not_undo_what_another_process_loaded() -> None:
    deployment = Deployment(id="dep_1", project="default", model_id="model_1", model_uri=URI)
    assert len(deployment.ready(1.0)) == 1
    deployment.failed("out_of_memory", "The model does not fit.")
    assert deployment.state == "ready"
