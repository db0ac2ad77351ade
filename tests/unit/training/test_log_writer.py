"""An attempt's records are written in order, and none is lost while the database is away."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.training.jobs.log_writer import LogWriter
from services.training.jobs.views import JobDetail, JobView
from services.training.models import Allocation, Checkpoint, Job
from services.training.store import Stores
from shared.runtime.errors import Unavailable
from shared.runtime.resources import Resources, open_resources
from shared.runtime.settings import Settings


@pytest.fixture
async def resources(tmp_path: Path) -> AsyncIterator[Resources]:
    async with open_resources(Settings(home=tmp_path)) as opened:
        yield opened


def job() -> Job:
    return Job(
        id="job_1",
        project="default",
        token=1,
        name="j",
        base="seedling",
        base_uri="anneal://_shared/models/base/seedling",
        method="lora",
        dataset_id="ds_1",
        dataset_version="v1",
        hyperparameters={},
        resources=Allocation(cpu=1),
    )


async def shown_usage(stores: Stores) -> dict[str, Any]:
    shown = job().model_copy(update={"state": "running"})
    return JobDetail.with_progress(shown, await stores.snapshots.get("job_1")).usage


async def written(stores: Stores) -> list[tuple[str, Any]]:
    return [
        (r["kind"], r.get("message") or r.get("done") or r.get("state")) for r in await stores.streams.read("job_1")
    ]


async def test_progress_is_written_before_the_state_that_follows(resources: Resources) -> None:
    stores = await Stores.open(resources)
    log_writer = await LogWriter.open(resources.bus, stores, job())
    log_writer.record("progress", done=19, total=20, unit="steps")
    log_writer.record("progress", done=20, total=20, unit="steps")
    log_writer.record("state", state="succeeded")
    await log_writer.flush()
    assert await written(stores) == [("progress", 20), ("state", "succeeded")]


async def test_lines_during_an_outage_are_written_once_and_in_order(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = await Stores.open(resources)
    log_writer = await LogWriter.open(resources.bus, stores, job())
    heads, lost_responses = log_writer._stream._heads, 2

    async def patch(*args: Any, **more: Any) -> Any:
        nonlocal lost_responses
        done = await type(heads).patch(heads, *args, **more)
        lost_responses -= 1
        if lost_responses >= 0:
            raise Unavailable("The response was lost.")
        return done

    monkeypatch.setattr(heads, "patch", patch)
    for number in (1, 2):
        log_writer.log("info", f"line {number}")
        with pytest.raises(Unavailable):
            await log_writer.flush()
    log_writer.log("info", "line 3")
    await log_writer.final_flush()
    assert await written(stores) == [("log", f"line {number}") for number in (1, 2, 3)]


async def test_usage_of_a_killed_engine_is_not_shown_for_the_next_attempt(resources: Resources) -> None:
    stores = await Stores.open(resources)
    killed = await LogWriter.open(resources.bus, stores, job())
    killed.record("usage", cpu_percent=100.0, memory_mb=900.0)
    await killed.flush()
    assert (await shown_usage(stores))["memory_mb"] == 900

    following = await LogWriter.open(resources.bus, stores, job().model_copy(update={"token": 3}))
    following.record("state", state="running", attempt=2)
    await following.flush()
    assert await shown_usage(stores) == {}


async def test_a_list_shows_the_latest_metrics_and_the_best_validation(resources: Resources) -> None:
    stores = await Stores.open(resources)
    log_writer = await LogWriter.open(resources.bus, stores, job())
    for step, loss in ((1, 3.0), (2, 2.0)):
        log_writer.record("metric", step=step, loss=loss, tokens_per_second=50.0)
        log_writer.record("evaluation", step=step, loss=loss + 1)
    log_writer.record("progress", done=2, total=8, unit="steps")
    await log_writer.flush()
    values = await stores.snapshots.of(["job_1", "job_2"])
    assert list(values) == ["job_1"]
    view = JobView.of(job(), values["job_1"])
    assert (view.loss, view.best_validation_loss, view.tokens_per_second) == (2.0, 3.0, 50.0)
    assert (view.progress.step, view.progress.total, view.progress.percent) == (2, 8, 25)


def test_the_best_validation_may_be_a_checkpoints() -> None:
    done = job().model_copy(update={"checkpoints": [Checkpoint(step=1, key="k", loss=1.5, best=True)]})
    assert JobView.of(done, {"evaluations": [{"step": 9, "loss": 1.7}]}).best_validation_loss == 1.5
    assert JobView.of(job(), {}).best_validation_loss is None
