"""The lineage of resources, from events in any order."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.gateway.lineage import graph
from shared.events.aliases import AliasCreated, AliasPromoted, AliasRolledBack
from shared.events.dataset import DatasetReady
from shared.events.envelope import Event
from shared.events.evaluation import EvaluationCompleted
from shared.events.export import ExportCompleted
from shared.events.inference import ModelReady, ModelUndeployed
from shared.events.training import CheckpointPublished, ModelDeleted, TrainingRequested, TrainingSucceeded
from tests.support.platform import RunningPlatform, wait_until

DATA = {"dataset_id": "ds_1", "dataset_version": "dsv_1"}
SCORES: dict[str, Any] = {"report_uri": "", "scores": {}, "base_scores": {}}
EVENTS: list[Event] = [
    DatasetReady(dataset_id="ds_1", version="dsv_1", name="faq", dataset_uri="u", rows=3),
    TrainingRequested(job_id="job_1", base="seedling", validation_id="ds_2", validation_version="dsv_2", **DATA),
    TrainingSucceeded(
        job_id="job_1",
        model_id="model_1",
        model_uri="u",
        name="tuned",
        base="owner/seedling",
        base_id="seedling",
        method="lora",
        **DATA,
    ),
    EvaluationCompleted(evaluation_id="evaluation_1", model_id="model_1", **DATA, **SCORES),
    ExportCompleted(export_id="export_1", model_id="model_1", format="onnx", export_uri="u", size=1),
    ModelReady(deployment_id="dep_1", model_id="model_1"),
    ModelReady(deployment_id="dep_2", model_id="seedling"),
    TrainingRequested(job_id="job_2", base="model_1", reproduces="model_1", **DATA),
    ModelUndeployed(deployment_id="dep_1", model_id="model_1"),
    ModelDeleted(model_id="model_1"),
]
EDGES = {
    "dataset/ds_1 version dataset/ds_1@dsv_1",
    "dataset/ds_1@dsv_1 trained_on job/job_1",
    "dataset/ds_2 version dataset/ds_2@dsv_2",
    "dataset/ds_2@dsv_2 validated_on job/job_1",
    "base_model/seedling fine_tuned job/job_1",
    "job/job_1 produced model/model_1",
}
USES = {
    "model/model_1 evaluated evaluation/evaluation_1",
    "model/model_1 exported export/export_1",
    "model/model_1 deployed deployment/dep_1",
    "model/model_1 fine_tuned job/job_2",
    "model/model_1 reproduced job/job_2",
}


async def publish(platform: RunningPlatform, events: Sequence[Event]) -> None:
    """Publish each event twice, and wait until all are handled."""
    for event in events:
        sequence = 1 + EVENTS.index(event)
        for _ in range(2):
            await platform.publish(event, sequence=sequence)
    async with platform.client() as client:

        async def handled() -> bool:
            return len((await client.get("/overview")).json()["recent"]) == 2 * len(events)

        await wait_until(handled)


async def lineage(platform: RunningPlatform, id: str) -> tuple[dict[str, Any], set[str]]:
    async with platform.client() as client:
        answer = await client.get("/lineage", params={"id": id})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found, {f"{edge['source']} {edge['relation']} {edge['target']}" for edge in found["edges"]}


@pytest.mark.parametrize("late", [False, True])
async def test_lineage_follows_events_in_any_order(platform: RunningPlatform, late: bool) -> None:
    await publish(platform, EVENTS[::-1] if late else EVENTS)
    found, edges = await lineage(platform, "model_1")
    assert edges == EDGES | USES
    assert found["key"] == "model/model_1"
    states = {node["key"]: node["state"] for node in found["nodes"]}
    assert (states["model/model_1"], states["deployment/dep_1"]) == ("deleted", "deleted")
    assert (states["dataset/ds_1@dsv_1"], states["base_model/seedling"]) == ("ready", None)

    _, edges = await lineage(platform, "dep_2")
    assert edges == {"base_model/seedling deployed deployment/dep_2"}
    _, edges = await lineage(platform, "evaluation_1")
    assert edges == EDGES | {
        "model/model_1 evaluated evaluation/evaluation_1",
        "dataset/ds_1@dsv_1 evaluated_on evaluation/evaluation_1",
    }
    _, edges = await lineage(platform, "ds_2@dsv_2")
    assert edges >= USES | {"dataset/ds_2@dsv_2 validated_on job/job_1"}
    assert "base_model/seedling fine_tuned job/job_1" not in edges


async def test_a_checkpoint_is_between_its_job_and_its_model(platform: RunningPlatform) -> None:
    published = CheckpointPublished(
        job_id="job_1",
        step=8,
        model_id="model_1-ckpt-step-8",
        model_uri="u",
        name="tuned:ckpt-step-8",
        base="owner/seedling",
        base_id="seedling",
        method="lora",
        **DATA,
    )
    await platform.publish(EVENTS[1], sequence=1)
    await platform.publish(published, sequence=1)
    async with platform.client() as client:

        async def recorded() -> bool:
            return len((await client.get("/overview")).json()["recent"]) == 2

        await wait_until(recorded)
    found, edges = await lineage(platform, "model_1-ckpt-step-8")
    assert {edge for edge in edges if "job_1" in edge and "dataset" not in edge} == {
        "base_model/seedling fine_tuned job/job_1",
        "job/job_1 checkpoint checkpoint/job_1@8",
        "checkpoint/job_1@8 produced model/model_1-ckpt-step-8",
    }
    nodes = {node["key"]: node for node in found["nodes"]}
    assert (nodes["checkpoint/job_1@8"]["kind"], nodes["checkpoint/job_1@8"]["id"]) == ("checkpoint", "job_1@8")
    assert nodes["model/model_1-ckpt-step-8"]["name"] == "tuned:ckpt-step-8"
    assert (await lineage(platform, "job_1@8"))[1] == edges


async def test_an_alias_comes_from_every_model_that_it_meant(platform: RunningPlatform) -> None:
    said: dict[str, Any] = {"alias_id": "alias_1", "alias": "support", "actor": "me", "reason": None}
    created = AliasCreated(alias_id="alias_1", alias="support", model_id="seedling", actor="me")
    await platform.publish(created, sequence=1)
    promoted = AliasPromoted(model_id="model_2", previous_model_id="seedling", candidate_id="c", **said)
    await platform.publish(promoted, sequence=2)
    await platform.publish(AliasRolledBack(model_id="seedling", previous_model_id="model_2", **said), sequence=3)
    async with platform.client() as client:

        async def recorded() -> bool:
            found = (await client.get("/lineage", params={"id": "support"})).json()
            return len(found.get("edges", [])) == 3

        await wait_until(recorded)
    _, edges = await lineage(platform, "support")
    assert edges == {
        "base_model/seedling created alias/support",
        "model/model_2 promoted alias/support",
        "base_model/seedling rolled_back_to alias/support",
    }


async def test_other_projects_see_no_lineage(platform: RunningPlatform) -> None:
    await publish(platform, EVENTS[:3])
    async with platform.client() as operator:
        made = (await operator.post("/auth/keys", json={"name": "b", "project": "team-b"})).json()
        assert (await operator.get("/lineage", params={"id": "job_9"})).json()["code"] == "not_found"
    async with platform.client(made["key"]) as stranger:
        assert (await stranger.get("/lineage", params={"id": "model_1"})).status_code == 404


async def test_a_long_answer_is_cut_and_says_so(platform: RunningPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MAX_EDGES", 3)
    await publish(platform, EVENTS[:6])
    found, edges = await lineage(platform, "model_1")
    assert (found["truncated"], len(edges)) == (True, 3)
