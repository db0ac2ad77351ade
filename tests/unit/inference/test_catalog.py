"""The names of models: renamed in any order, and used only while they are unique."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.inference.aliases.service import Aliases
from services.inference.aliases.store import AliasStores
from services.inference.deployments.catalog import Catalog
from services.inference.deployments.service import Deployments
from services.inference.deployments.store import Stores
from services.inference.errors import AmbiguousModel, ModelNotFound
from services.inference.handlers import subscriptions
from services.inference.usage_statistics import UsageStatistics
from shared.blobs.artifacts import delete_artifact, publish
from shared.blobs.manifests import ModelManifest
from shared.events.envelope import Envelope, Event
from shared.events.training import CheckpointPublished, ModelDeleted, ModelRenamed, TrainingSucceeded
from shared.runtime.resources import Resources, open_resources
from shared.runtime.settings import Settings
from tests.support.data_cases import data_case


class ServedModels:
    """A catalog with the event handlers that feed it."""

    def __init__(self, resources: Resources, stores: Stores, aliases: AliasStores) -> None:
        self.resources, self.catalog = resources, Catalog(resources.blobs, stores, aliases)
        deployments = Deployments(stores, self.catalog, None, UsageStatistics())  # type: ignore[arg-type]
        self.handlers = subscriptions(deployments, Aliases(aliases, resources.blobs, self.catalog, deployments))

    async def publish(self, kind: str, id: str, name: str = "of the manifest", **more: Any) -> None:
        manifest = ModelManifest(model_id=id, name=name, kind="full", **more).model_dump()
        await publish(self.resources.blobs, f"default/models/{kind}/{id}", None, manifest)

    async def handle(self, event: Event, sequence: int = 1) -> None:
        envelope = Envelope.of(event, service="training", subject="x", project="default", sequence=sequence)
        await self.handlers[type(event)](event, envelope)

    async def train(self, id: str, name: str) -> None:
        await self.publish("custom", id)
        await self.handle(
            TrainingSucceeded(
                job_id="j", model_id=id, model_uri="u", name=name, base="b", method="lora", dataset_id="d",
                dataset_version="1",
            ),
            sequence=9,
        )  # fmt: skip

    async def names(self) -> dict[str, str]:
        return {model.id: model.name for model in await self.catalog.list_models("default")}

    async def find(self, name: str) -> str:
        return (await self.catalog.find("default", name)).id


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[ServedModels]:
    async with open_resources(Settings(home=tmp_path)) as resources:
        yield ServedModels(resources, await Stores.open(resources), await AliasStores.open(resources))


async def test_the_model_of_a_checkpoint_is_listed(models: ServedModels) -> None:
    id = "m1-ckpt-step-8"
    with pytest.raises(ModelNotFound) as raised:
        await models.find(id)
    assert "Publish the checkpoint first" in str(raised.value.remedy)
    await models.publish("custom", id)
    event = CheckpointPublished(
        job_id="j", step=8, model_id=id, model_uri="u", name="n:ckpt-step-8", base="b", base_id="b", method="lora",
        dataset_id="d", dataset_version="1",
    )  # fmt: skip
    await models.handle(event)
    await models.handle(event)
    assert await models.names() == {id: "n:ckpt-step-8"}
    assert await models.find("n:ckpt-step-8") == await models.find(id) == id
    await models.handle(ModelDeleted(model_id=id))
    await models.handle(event)
    assert await models.names() == {}


async def test_requests_for_one_id_share_what_the_first_one_read_until_the_model_is_deleted(
    models: ServedModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.deployments.catalog.RECENT_S", float("inf"))
    await models.train("m1", "by name")
    read = await models.catalog.resolve("default", "m1")
    await delete_artifact(models.resources.blobs, "default/models/custom/m1")
    assert await models.catalog.resolve("default", "m1") is read
    with pytest.raises(ModelNotFound):
        await models.catalog.resolve("default", "by name")
    with pytest.raises(ModelNotFound):
        await models.catalog.resolve("other", "m1")
    await models.handle(ModelDeleted(model_id="m1"), sequence=10)
    with pytest.raises(ModelNotFound):
        await models.catalog.resolve("default", "m1")


@data_case(
    "API", "A custom model that was renamed", "`/v1/models` and requests have the new name; the old one is unknown"
)
async def test_renamed_model_has_its_new_name(models: ServedModels) -> None:
    await models.train("m1", "old")
    await models.handle(ModelRenamed(model_id="m1", name="new"), sequence=2)
    assert await models.names() == {"m1": "new"}
    assert await models.find("new") == "m1"
    with pytest.raises(ModelNotFound):
        await models.find("old")


async def test_events_of_a_name_arrive_in_any_order(models: ServedModels) -> None:
    await models.handle(ModelRenamed(model_id="m1", name="third"), sequence=3)
    await models.handle(ModelRenamed(model_id="m1", name="second"), sequence=2)
    await models.train("m1", "first")
    await models.handle(ModelRenamed(model_id="m1", name="third"), sequence=3)
    assert await models.names() == {"m1": "third"}
    await models.handle(ModelDeleted(model_id="m1"))
    await models.handle(ModelRenamed(model_id="m1", name="fourth"), sequence=4)
    assert await models.names() == {}


@data_case(
    "API",
    "A name that two custom models have",
    "404 that lists the ids to choose from; `/v1/models` lists the ids only",
)
async def test_ambiguous_name_is_refused(models: ServedModels) -> None:
    await models.train("m1", "triage")
    await models.train("m2", "other")
    await models.handle(ModelRenamed(model_id="m2", name="triage"), sequence=2)
    with pytest.raises(AmbiguousModel, match=r"2 models are named 'triage': m\d, m\d\.") as raised:
        await models.find("triage")
    assert (raised.value.status, raised.value.field, sorted(raised.value.limit)) == (404, "model", ["m1", "m2"])
    assert await models.names() == {"m1": "m1", "m2": "m2"}
    assert [await models.find(id) for id in ("m1", "m2")] == ["m1", "m2"]


async def test_name_that_is_an_id_means_the_id(models: ServedModels) -> None:
    await models.publish("base", "tiny")
    await models.train("m1", "tiny")
    assert await models.find("tiny") == "tiny"
    assert await models.names() == {"m1": "m1", "tiny": "of the manifest"}


async def test_base_model_is_found_by_name_and_hub_id(models: ServedModels) -> None:
    provenance = {"source": "hub", "origin": "acme/small", "revision": "abc"}
    await models.publish("base", "base_1", "small", provenance=provenance)
    assert await models.names() == {"base_1": "small"}
    assert [await models.find(name) for name in ("base_1", "small", "acme/small")] == ["base_1"] * 3
    await models.publish("base", "base_2", "again", provenance=provenance)
    assert await models.find("acme/small") in ("base_1", "base_2")
    await models.train("m1", "small")
    with pytest.raises(AmbiguousModel) as raised:
        await models.find("small")
    assert sorted(raised.value.limit) == ["base_1", "m1"]
    assert (await models.names())["m1"] == "m1"


async def test_base_model_with_an_unknown_manifest_hides_no_other(models: ServedModels) -> None:
    await models.publish("base", "base_1", "small")
    await publish(models.resources.blobs, "default/models/base/odd", None, {"kind": "of a later version"})
    assert await models.names() == {"base_1": "small"}
    assert await models.find("small") == "base_1"
