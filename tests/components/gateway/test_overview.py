"""The overview's read model, with events in any order."""

from typing import Any

from shared.events.dataset import DatasetDeleted, DatasetReady
from shared.events.envelope import Envelope
from shared.events.evaluation import EvaluationCompleted
from shared.events.inference import ModelReady, ModelUndeployed
from shared.events.training import (
    ModelDeleted,
    TrainingFailed,
    TrainingProgressed,
    TrainingRequested,
    TrainingSucceeded,
)
from tests.support.platform import RunningPlatform, wait_until


async def test_recent_activity_shows_names(platform: RunningPlatform) -> None:
    job = TrainingRequested(job_id="job_1", name="triage tuned")
    done = TrainingSucceeded(
        job_id="job_1", model_id="m_1", model_uri="u", name="triage tuned", base="seedling", method="lora",
        dataset_id="ds_1", dataset_version="1",
    )  # fmt: skip
    scored = EvaluationCompleted(evaluation_id="ev_1", model_id="m_1", report_uri="", scores={}, base_scores={})
    async with platform.client() as client:
        for number, event in enumerate((job, done, scored), 1):
            await platform.publish(event, sequence=number)

            async def recorded(number: int = number) -> bool:
                return len((await client.get("/overview")).json()["recent"]) == number

            await wait_until(recorded)
        recent = (await client.get("/overview")).json()["recent"]
    assert [line["name"] for line in recent] == ["triage tuned"] * 3


async def test_late_and_duplicate_events_do_not_change_the_overview(platform: RunningPlatform) -> None:
    ready = DatasetReady(dataset_id="ds_1", version="1", name="faq", dataset_uri="u", rows=3)
    done = TrainingSucceeded(
        job_id="job_1", model_id="m_1", model_uri="u", name="tuned", base="seedling", method="lora",
        dataset_id="ds_1", dataset_version="1",
    )  # fmt: skip
    twice = Envelope.of(ready, service="dataset", subject="ds_1", project="default", sequence=1)
    await platform.resources.bus.publish(twice)
    await platform.resources.bus.publish(twice)
    await platform.publish(done, sequence=9)
    await platform.publish(TrainingRequested(job_id="job_1"), sequence=1)
    await platform.publish(TrainingRequested(job_id="job_2"), sequence=1)
    await platform.publish(TrainingFailed(job_id="job_3", cause="out_of_memory", detail="too big"), sequence=4)
    await platform.publish(ModelReady(deployment_id="dep_1", model_id="m_1"), sequence=2)
    await platform.publish(ModelDeleted(model_id="m_0"), sequence=3)
    await platform.publish(ready, project="team-b")
    async with platform.client() as client:

        async def settled() -> dict[str, Any] | None:
            found: dict[str, Any] = (await client.get("/overview")).json()
            return found if len(found["recent"]) == 7 else None

        found = await wait_until(settled)
        counts = {name: found[name] for name in ("datasets", "custom_models", "deployments")}
        assert counts == {"datasets": 1, "custom_models": 1, "deployments": 1}
        assert {state: n for state, n in found["jobs"].items() if n} == {"queued": 1, "succeeded": 1, "failed": 1}
        malformed = Envelope.of(
            TrainingRequested(job_id="job_2"), service="training", subject="job_2", project="default"
        )
        await platform.resources.bus.broadcast(malformed.model_copy(update={"type": TrainingProgressed.type}))
        await platform.broadcast("job_2", [{"seq": 1, "kind": "state", "state": "running"}])
        await platform.publish(DatasetDeleted(dataset_id="ds_1"), sequence=5)
        await platform.publish(ModelUndeployed(deployment_id="dep_1", model_id="m_1"), sequence=5)

        async def updated() -> bool:
            found = (await client.get("/overview")).json()
            return (found["jobs"]["running"], found["datasets"], found["deployments"]) == (1, 0, 0)

        await wait_until(updated)


async def test_a_cleanup_is_one_line_and_leaves_the_first_steps_done(platform: RunningPlatform) -> None:
    ready = [DatasetReady(dataset_id=f"ds_{n}", version="1", name="faq", dataset_uri="u", rows=3) for n in range(30)]
    for event in ready:
        await platform.publish(event, sequence=1)
    for event in ready[1:]:
        await platform.publish(DatasetDeleted(dataset_id=event.dataset_id), sequence=2)
    async with platform.client() as client:

        async def cleaned() -> dict[str, Any] | None:
            found: dict[str, Any] = (await client.get("/overview")).json()
            return found if found["datasets"] == 1 and found["recent"][0]["count"] == 29 else None

        found = await wait_until(cleaned)
        assert [line["event"] for line in found["recent"]].count(DatasetDeleted.type) == 1
        shown = {line["subject"]: line["deleted"] for line in found["recent"] if line["event"] == DatasetReady.type}
        assert len(shown) == 19, "the other lines of the 20"
        assert all(deleted == (subject != "ds_0") for subject, deleted in shown.items())
        await platform.publish(DatasetDeleted(dataset_id="ds_0"), sequence=2)

        async def emptied() -> dict[str, Any] | None:
            found: dict[str, Any] = (await client.get("/overview")).json()
            return found if found["datasets"] == 0 else None

        assert (await wait_until(emptied))["first_steps"] == ["dataset"]
