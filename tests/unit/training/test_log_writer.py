"""The voice of an attempt: in order, nothing lost while the database is away, nothing after the end."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.training.jobs.log_writer import Recorder
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


async def used(stores: Stores) -> dict[str, Any]:
    shown = job().model_copy(update={"state": "running"})
    return JobDetail.with_progress(shown, await stores.snapshots.get("job_1")).usage


async def said(stores: Stores) -> list[tuple[str, Any]]:
    return [
        (r["kind"], r.get("message") or r.get("done") or r.get("state")) for r in await stores.streams.read("job_1")
    ]


async def test_progress_is_told_before_the_state_that_it_led_to(resources: Resources) -> None:
    stores = await Stores.open(resources)
    recorder = await Recorder.open(resources.bus, stores, job())
    recorder.record("progress", done=19, total=20, unit="steps")
    recorder.record("progress", done=20, total=20, unit="steps")
    recorder.record("state", state="succeeded")
    await recorder.flush()
    assert await said(stores) == [("progress", 20), ("state", "succeeded")]


async def test_lines_of_an_outage_follow_once_and_in_order(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = await Stores.open(resources)
    recorder = await Recorder.open(resources.bus, stores, job())
    heads, answers_lost = recorder._writer._heads, 2

    async def patch(*args: Any, **more: Any) -> Any:
        nonlocal answers_lost
        done = await type(heads).patch(heads, *args, **more)
        answers_lost -= 1
        if answers_lost >= 0:
            raise Unavailable("The answer was lost.")
        return done

    monkeypatch.setattr(heads, "patch", patch)
    for number in (1, 2):
        recorder.log("info", f"line {number}")
        with pytest.raises(Unavailable):
            await recorder.flush()
    recorder.log("info", "line 3")
    await recorder.farewell()
    assert await said(stores) == [("log", f"line {number}") for number in (1, 2, 3)]


async def test_what_a_killed_engine_used_is_not_shown_of_the_next(resources: Resources) -> None:
    stores = await Stores.open(resources)
    killed = await Recorder.open(resources.bus, stores, job())
    killed.record("usage", cpu_percent=100.0, memory_mb=900.0)
    await killed.flush()
    assert (await used(stores))["memory_mb"] == 900

    following = await Recorder.open(resources.bus, stores, job().model_copy(update={"token": 3}))
    following.record("state", state="running", attempt=2)
    await following.flush()
    assert await used(stores) == {}
