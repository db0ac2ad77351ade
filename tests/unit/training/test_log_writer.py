"""An attempt's records are written in order, and none is lost while the database is away."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.training.jobs.log_writer import LogWriter
from services.training.jobs.views import JobDetail
from services.training.models import Allocation, Job
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
