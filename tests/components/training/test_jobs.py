"""The training room on its embedded adapters, with a small engine that speaks the whole protocol."""

import asyncio
import errno
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.training.jobs.checkpoints import store_checkpoint
from services.training.jobs.cleanup import Cleanup
from services.training.jobs.log_writer import Recorder
from services.training.jobs.publishing import finish, stage
from services.training.models import Job
from services.training.store import Stores
from shared.blobs.artifacts import publish, read_manifest
from shared.events.envelope import Envelope, Event
from shared.runtime.http.principal import HEADER, Principal
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.processes.children import Engines
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings
from tests.support.training_service import FINAL, PATIENCE, Room, losses, open_room, problem, put_dataset


async def test_a_job_becomes_a_published_model_and_says_so(room: Room) -> None:
    stated: asyncio.Queue[Envelope] = asyncio.Queue()
    await room.resources.bus.subscribe("evaluation", "training.succeeded.v1", stated.put)
    job = await room.submit(name="first", after=["evaluate"])
    done = await room.until(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]

    manifest = await read_manifest(room.resources.blobs, f"default/models/custom/{done['model_id']}")
    assert manifest["base_uri"] == "anneal://_shared/models/base/seedling"
    assert {entry["name"] for entry in manifest["files"]} == {"adapter_config.json", "adapter_model.safetensors"}
    assert done["progress"] == {"step": 20, "total": 20, "percent": 100}
    assert [e["step"] for e in done["evaluations"]] == [5, 10, 15, 20]

    event = await asyncio.wait_for(stated.get(), PATIENCE)
    assert event.correlationid == job["id"]
    assert (event.data["model_id"], event.data["after"]) == (done["model_id"], ["evaluate"])
    models = (await room.http.get("/models/custom")).json()["items"]
    assert done["model_id"] in [model["id"] for model in models]


@pytest.mark.parametrize("asked", [{}, {"method": "full"}, {"method": "qlora", "lora": {"rslora": True}}])
async def test_a_model_knows_the_request_that_repeats_its_job(room: Room, asked: dict[str, Any]) -> None:
    done = await room.until((await room.submit(**asked))["id"], *FINAL)
    manifest = await read_manifest(room.resources.blobs, f"default/models/custom/{done['model_id']}")
    answer = await room.http.post("/training/jobs", json=manifest["provenance"]["request"])
    assert answer.status_code == 201, answer.text
    again = answer.json()
    for member in ("base", "method", "dataset_id", "dataset_version", "hyperparameters"):
        assert again[member] == done[member]


async def test_ended_jobs_leave_no_files(room: Room) -> None:
    job = await room.submit()
    await room.until(job["id"], "succeeded")
    assert await room.resources.blobs.list(f"default/models/custom/{(await room.job(job['id']))['model_id']}")
    await Cleanup(room.resources.blobs, await Stores.open(room.resources)).sweep()
    assert await room.resources.blobs.list(f"default/jobs/{job['id']}") == []
    assert not list((room.resources.scratch / "training").glob(f"{job['id']}*"))


async def test_the_answer_shows_every_setting_and_which_were_defaults(room: Room) -> None:
    job = await room.submit(method="full", learning_rate=0.01)
    assert job["hyperparameters"]["learning_rate"] == 0.01
    assert job["hyperparameters"]["weight_decay"] == 0.01
    assert "weight_decay" in job["defaulted"]
    assert "learning_rate" not in job["defaulted"]
    await room.until(job["id"], *FINAL)


async def test_the_answer_says_how_vllm_will_serve_it(room: Room) -> None:
    plain, wide = await room.submit(max_steps=1), await room.submit(max_steps=1, lora={"rank": 128})
    assert plain["serving"]["form"] == "adapter"
    assert (wide["serving"]["form"], wide["serving"]["reason"]) == ("merged", "rank 128 is above 64")
    assert wide["serving"]["remedy"]
    for job in (plain, wide):
        await room.until(job["id"], *FINAL)


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"learning_rate": -0.1}, 422, "invalid_input", "learning_rate"),
        ({"base": "nobody/nothing"}, 404, "unknown_base", "base"),
        ({"base": "../../etc"}, 404, "unknown_base", "base"),
        ({"dataset": "ds_none"}, 404, "unknown_dataset", "dataset"),
        ({"dataset": "ds_1@v9"}, 404, "unknown_dataset", "dataset"),
        ({"dataset": "../x"}, 404, "unknown_dataset", "dataset"),
        ({"dataset": "ds_empty"}, 422, "unsuitable_dataset", "dataset"),
        ({"learning_rat": 0.1}, 422, "invalid_input", "learning_rat"),
        ({"method": "magic"}, 422, "invalid_input", "method"),
        ({"epochs": 1, "max_steps": 5}, 422, "invalid_input", "body"),
        ({"resources": {"cpu": 10_000}}, 422, "exceeds_machine", "resources.cpu"),
        ({"preset": "nope"}, 404, "not_found", "preset"),
    ],
)
async def test_a_bad_request_names_field_limit_and_remedy(
    room: Room, fields: dict[str, Any], status: int, code: str, field: str
) -> None:
    await put_dataset(room.resources, "ds_empty", rows={"train": 0})
    before = (await room.http.get("/training/jobs")).json()["items"]
    answer = await room.http.post("/training/jobs", json={"dataset": "ds_1", **fields})
    assert (problem(answer, status, code))["field"] == field
    assert (await room.http.get("/training/jobs")).json()["items"] == before


async def test_an_unknown_base_names_what_is_available(room: Room) -> None:
    answer = await room.http.post("/training/jobs", json={"dataset": "ds_1", "base": "gpt-9"})
    assert "seedling" in answer.json()["limit"]


async def test_a_repeated_request_makes_one_job(room: Room) -> None:
    key, body = {"Idempotency-Key": "once"}, {"dataset": "ds_1", "max_steps": 2}
    first, second = [await room.http.post("/training/jobs", json=body, headers=key) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    other = await room.http.post("/training/jobs", json={**body, "max_steps": 3}, headers=key)
    assert (problem(other, 409, "conflict"))["field"] == "Idempotency-Key"


async def test_a_repeated_request_is_answered_after_its_dataset_is_gone(room: Room) -> None:
    key, body = {"Idempotency-Key": "outlives"}, {"dataset": "ds_short", "max_steps": 1}
    await put_dataset(room.resources, "ds_short")
    first = await room.http.post("/training/jobs", json=body, headers=key)
    await room.until(first.json()["id"], *FINAL)
    await room.resources.blobs.delete("default/datasets/ds_short")
    again = await room.http.post("/training/jobs", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


async def test_a_killed_engine_goes_on_from_its_checkpoint(room: Room) -> None:
    undisturbed = await room.submit(seed=7)
    await room.until(undisturbed["id"], "succeeded")
    room.control(hold_at=12)
    job = await room.submit(seed=7)
    held = await room.until_logged(job["id"], "holding")
    os.kill(int(held["logs"][0]["message"].removeprefix("pid ")), signal.SIGKILL)
    done = await room.until(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]

    records = await room.records(job["id"])
    assert [r["step"] for r in records if r["kind"] == "rewind"] == [10]
    assert losses(records) == losses(await room.records(undisturbed["id"]))
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
    metrics = (await room.http.get(f"/training/jobs/{job['id']}/metrics", params={"after": 3, "limit": 4})).json()
    assert len(metrics["records"]) == 4
    assert metrics["records"][0]["seq"] > 3


async def test_an_engine_that_always_dies_is_given_up(room: Room) -> None:
    room.control(fail={"code": "engine_crashed", "detail": "boom"})
    job = await room.submit()
    done = await room.until(job["id"], *FINAL)
    assert (done["state"], done["cause"], done["attempts"]) == ("failed", "engine_crashed", 3)


async def test_out_of_memory_goes_on_in_smaller_micro_batches(room: Room) -> None:
    undisturbed = await room.submit(seed=7, batch_size=8)
    await room.until(undisturbed["id"], "succeeded")
    room.control(memory=300)
    job = await room.submit(seed=7, batch_size=8)
    done = await room.until(job["id"], *FINAL)
    assert (done["state"], done["attempts"]) == ("succeeded", 1), done["logs"]
    assert done["micro_batch_tokens"] == 200  # of 8 rows of at most 100 tokens: 400, then 200
    assert done["hyperparameters"] == undisturbed["hyperparameters"]

    told = [line["message"] for line in done["logs"] if line["level"] == "warning"]
    assert ["at most 400 tokens" in told[0], "at most 200 tokens" in told[1]] == [True, True]
    records = await room.records(job["id"])
    assert [r["step"] for r in records if r["kind"] == "rewind"] == [5, 5]
    assert losses(records) == losses(await room.records(undisturbed["id"]))


async def test_a_single_row_that_needs_too_much_memory_is_computed_without_keeping_activations(room: Room) -> None:
    room.control(memory=60)
    done = await room.until((await room.submit(batch_size=2))["id"], *FINAL)
    assert (done["state"], done["micro_batch_tokens"], done["recomputes"]) == ("succeeded", 100, True)
    assert "activations anew" in [line["message"] for line in done["logs"] if line["level"] == "warning"][-1]


async def test_one_that_even_then_needs_too_much_ends_the_job_with_a_remedy(room: Room) -> None:
    room.control(memory=40)
    job = await room.submit(batch_size=2)
    done = await room.until(job["id"], *FINAL)
    assert (done["state"], done["cause"], done["micro_batch_tokens"]) == ("failed", "out_of_memory", 100)
    assert "max_length" in done["detail"]


async def test_training_goes_on_while_a_checkpoint_is_stored(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, held = room.resources.blobs, asyncio.Event()
    put = blobs.put

    async def slow(key: str, data: Any) -> Any:
        if "/checkpoint-5/" in key:
            await held.wait()
        return await put(key, data)

    monkeypatch.setattr(blobs, "put", slow)
    room.control(hold_at=8)
    job = await room.submit()
    seen = await room.until_logged(job["id"], "holding")
    assert seen["checkpoints"] == []

    os.kill(int(seen["logs"][0]["message"].removeprefix("pid ")), signal.SIGKILL)
    held.set()
    done = await room.until(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    records = await room.records(job["id"])
    assert [r["step"] for r in records if r["kind"] == "rewind"] == [5]  # it was stored before the next attempt
    assert [r["step"] for r in records if r["kind"] == "checkpoint"] == [5, 10, 15, 20]


async def test_a_checkpoint_that_cannot_be_stored_is_an_attempt_that_failed(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, times = room.resources.blobs, [0]
    put = blobs.put

    async def broken_once(key: str, data: Any) -> Any:
        if "/checkpoint-10/" in key and not times[0]:
            times[0] += 1
            raise ConnectionError("the store is away")
        return await put(key, data)

    monkeypatch.setattr(blobs, "put", broken_once)
    done = await room.until((await room.submit())["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    assert [r["step"] for r in await room.records(done["id"]) if r["kind"] == "rewind"] == [5]


async def test_a_full_disk_keeps_the_last_checkpoint(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, full = room.resources.blobs, ["/checkpoint-10/", "/model/"]
    put = blobs.put

    async def little_room(key: str, data: Any) -> Any:
        if any(part in key for part in full):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return await put(key, data)

    monkeypatch.setattr(blobs, "put", little_room)
    job = await room.submit(max_steps=12)
    held_up = await room.until(job["id"], "paused", *FINAL)
    assert (held_up["state"], held_up["cause"]) == ("paused", "disk_full")
    assert "resume" in held_up["detail"]
    assert [c["step"] for c in held_up["checkpoints"]] == [5]
    assert any("checkpoint of step 10 is not stored" in line["message"] for line in held_up["logs"])

    full.clear()
    assert (await room.http.post(f"/training/jobs/{job['id']}/resume")).status_code == 202
    done = await room.until(job["id"], *FINAL)
    assert (done["state"], done["cause"]) == ("succeeded", None)
    assert [r["step"] for r in await room.records(job["id"]) if r["kind"] == "rewind"] == [5]


async def test_what_cannot_end_differently_is_not_repeated(room: Room) -> None:
    room.control(fail={"code": "diverged", "detail": "The loss is not a number."})
    job = await room.submit()
    done = await room.until(job["id"], *FINAL)
    assert (done["state"], done["cause"], done["attempts"]) == ("failed", "diverged", 1)
    assert "learning_rate" in done["detail"]


async def test_a_job_says_what_to_know_of_a_model_that_is_not_what_was_asked_for(room: Room) -> None:
    told = {"ended": "diverged", "warning": "The loss became nan at step 12. Start again with a lower learning rate."}
    room.control(result=told)
    done = await room.until((await room.submit())["id"], *FINAL)
    assert (done["state"], done["ended"], done["warning"]) == ("succeeded", *told.values())
    manifest = await read_manifest(room.resources.blobs, f"default/models/custom/{done['model_id']}")
    assert told.items() <= manifest["provenance"]["training"].items()


async def test_pause_and_resume(room: Room) -> None:
    room.control(hold_at=12)
    job = await room.submit()
    await room.until_logged(job["id"], "holding")
    assert (await room.http.post(f"/training/jobs/{job['id']}/pause")).status_code == 202
    paused = await room.until(job["id"], "paused")
    assert [c["step"] for c in paused["checkpoints"]] == [10, 12]
    await room.http.post(f"/training/jobs/{job['id']}/resume")
    done = await room.until(job["id"], *FINAL)
    assert done["state"] == "succeeded"
    assert [r["step"] for r in await room.records(job["id"]) if r["kind"] == "rewind"] == [12]
    problem(await room.http.post(f"/training/jobs/{job['id']}/resume"), 409, "conflict")


async def test_cancel_a_running_job_and_the_one_behind_it(room: Room) -> None:
    room.control(hold_at=2)
    running = await room.submit()
    await room.until_logged(running["id"], "holding")
    waiting, last = await room.submit(), await room.submit(priority=-5)
    shown = await room.job(last["id"])
    assert (shown["state"], shown["queue_position"]) == ("queued", 2)
    assert "slot" in shown["waits_for"]
    for job in (waiting, last):
        assert (await room.http.post(f"/training/jobs/{job['id']}/cancel")).json()["state"] == "cancelled"
    await room.http.post(f"/training/jobs/{running['id']}/cancel")
    assert (await room.until(running["id"], *FINAL))["state"] == "cancelled"


async def test_a_deaf_engine_is_ended(room: Room) -> None:
    room.control(hold_at=2, deaf=True)
    job = await room.submit()
    await room.until_logged(job["id"], "holding")
    await room.http.post(f"/training/jobs/{job['id']}/cancel")
    assert (await room.until(job["id"], *FINAL))["state"] == "cancelled"


async def test_a_stopping_platform_checkpoints_and_the_next_start_goes_on(
    tmp_path: Path, engines: Engines, tiny: Path
) -> None:
    async with open_room(tmp_path, engines, tiny) as first:
        first.control(hold_at=7)
        job = await first.submit()
        await first.until_logged(job["id"], "holding")
    async with open_room(tmp_path, engines, tiny) as second:
        done = await second.until(job["id"], *FINAL)
        assert (done["state"], done["attempts"]) == ("succeeded", 1)
        assert [r["step"] for r in await second.records(job["id"]) if r["kind"] == "rewind"] == [7]


async def test_a_publication_that_was_interrupted_is_finished_by_the_next_claim(
    tmp_path: Path, engines: Engines, tiny: Path
) -> None:
    async with open_resources(Settings(home=tmp_path)) as resources:
        stores = await Stores.open(resources)
        job = await stores.jobs.create(a_job("job_half"))
        job = await stores.jobs.change(job.id, lambda j: j.claim("a worker that died"))
        model = tmp_path / "model"
        model.mkdir()
        (model / "adapter_config.json").write_text("{}")
        await stage(resources.blobs, job, Lease(stores.jobs, job), {"path": str(model), "metrics": {}})
    async with open_room(tmp_path, engines, tiny) as room:
        done = await room.until("job_half", *FINAL)
        assert done["state"] == "succeeded"
        assert (await read_manifest(room.resources.blobs, f"default/models/custom/{done['model_id']}"))["files"]
        assert [r["state"] for r in await room.until_told("job_half", "succeeded")] == ["publishing", "succeeded"]


async def test_a_worker_that_publishes_too_late_leaves_nothing(tmp_path: Path) -> None:
    async with open_resources(Settings(home=tmp_path)) as resources:
        stores, blobs = await Stores.open(resources), resources.blobs
        job = await stores.jobs.create(a_job("job_late", state="running", token=1))
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "adapter_config.json").write_text("{}")
        stale, result = Lease(stores.jobs, job), {"path": str(tmp_path / "model"), "metrics": {}}
        staged = await stage(blobs, job, stale, result)
        cleanup = Cleanup(blobs, stores)
        await stores.jobs.change(job.id, lambda j: j.cancelled())
        assert await cleanup.sweep() == 1
        await publish(blobs, str(staged.staged), tmp_path / "model", {})  # it was reading while the cleanup deleted

        with pytest.raises(LeaseLost):
            await finish(blobs, stores, staged, stale)
        assert await blobs.list(f"default/models/custom/{job.model_id}")
        assert await cleanup.sweep() == 1
        assert await blobs.list("default/models/custom") == []
        assert await stores.models.find() == []


async def test_a_stale_token_writes_nothing(room: Room, tmp_path: Path) -> None:
    stores = await Stores.open(room.resources)
    job = a_job("job_stolen", state="running", token=1)
    await stores.jobs.create(job)
    stale = Lease(stores.jobs, job)
    old = await Recorder.open(room.resources.bus, stores, job)
    taken = await stores.jobs.change(job.id, take_over)
    await Recorder.open(room.resources.bus, stores, taken)

    old.log("info", "too late")
    with pytest.raises(LeaseLost):
        await old.flush()
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "state.json").write_text("{}")
    with pytest.raises(LeaseLost):
        await store_checkpoint(room.resources.blobs, job, stale, {"path": str(folder), "step": 5})
    with pytest.raises(LeaseLost):
        await stage(room.resources.blobs, job, stale, {"path": str(tmp_path), "metrics": {}})
    now = await stores.jobs.get(job.id)
    assert (now.checkpoints, now.manifest, await stores.streams.read(job.id)) == ([], None, [])
    await stores.jobs.change(job.id, lambda j: j.cancelled())


async def test_a_holder_that_lost_its_ended_job_says_no_more(room: Room) -> None:
    stores = await Stores.open(room.resources)
    job = a_job("job_ended", state="running", token=1)
    await stores.jobs.create(job)
    old = await Recorder.open(room.resources.bus, stores, job)

    def cancelled(job: Job) -> Sequence[Event]:
        job.token += 1
        return job.cancelled()

    ended = await stores.jobs.change(job.id, cancelled)
    await Recorder.take_over(room.resources.bus, stores, ended)

    old.log("info", "too late")
    with pytest.raises(LeaseLost):
        await old.flush()
    assert [(r["kind"], r["state"]) for r in await stores.streams.read(job.id)] == [("state", "cancelled")]


def take_over(job: Job) -> None:
    job.token += 1


def a_job(id: str, **changes: Any) -> Job:
    fields = {
        "id": id,
        "project": "default",
        "name": "half",
        "base": "seedling",
        "base_uri": "anneal://_shared/models/base/seedling",
        "method": "lora",
        "dataset_id": "ds_1",
        "dataset_version": "v1",
        "hyperparameters": {"max_length": None},
        "resources": {"cpu": 1},
    }
    return Job.model_validate({**fields, **changes})


async def test_presets_fill_what_a_request_leaves_out(room: Room) -> None:
    settings = {"max_steps": 4, "learning_rate": 0.5, "lora": {"rank": 4}, "priority": 3}
    saved = await room.http.post("/training/presets", json={"name": "quick", "settings": settings})
    assert saved.status_code == 201
    taken = await room.http.post("/training/presets", json={"name": "quick", "settings": {}})
    problem(taken, 409, "in_use")
    body = {"dataset": "ds_1", "preset": "quick", "epochs": 1, "lora": {"alpha": 9}}
    job = (await room.http.post("/training/jobs", json=body)).json()
    values = job["hyperparameters"]
    assert (values["learning_rate"], values["epochs"], values["max_steps"], job["priority"]) == (0.5, 1, None, 3)
    assert (values["lora"]["rank"], values["lora"]["alpha"]) == (4, 9)
    await room.http.post(f"/training/jobs/{job['id']}/cancel")
    assert (await room.http.delete(f"/training/presets/{saved.json()['id']}")).status_code == 204
    assert (await room.http.get("/training/presets")).json()["items"] == []


async def test_a_private_preset_is_listed_for_its_owner_only(room: Room) -> None:
    mine = {"name": "mine", "settings": {"max_steps": 4}, "shared": False}
    assert (await room.http.post("/training/presets", json=mine)).json()["shared"] is False
    await room.http.post("/training/presets", json={"name": "ours", "settings": {"max_steps": 4}})
    colleague = {HEADER: room.resources.signer.sign(Principal("colleague"))}

    async def names(headers: dict[str, str]) -> list[str]:
        presets = (await room.http.get("/training/presets", headers=headers)).json()["items"]
        return [preset["name"] for preset in presets]

    assert await names({}) == ["ours", "mine"]
    assert await names(colleague) == ["ours"]


async def test_the_machine_says_what_jobs_hold_of_it(room: Room) -> None:
    idle = (await room.http.get("/training/machine")).json()
    assert (idle["running"], idle["cpu_held"]) == (0, 0)
    assert idle["memory_used_gb"] > 0
    room.control(hold_at=1)
    job = await room.submit()
    await room.until(job["id"], "running")
    busy = (await room.http.get("/training/machine")).json()
    assert (busy["running"], busy["cpu_held"]) == (1, job["resources"]["cpu"])
    assert 0 <= busy["cpu_percent"] <= 100
    await room.http.post(f"/training/jobs/{job['id']}/cancel")


async def test_a_job_tells_what_its_engine_uses_while_it_runs(room: Room) -> None:
    room.control(hold_at=0)
    job = await room.submit()
    held = await room.until_logged(job["id"], "holding")
    assert held["usage"] == {"cpu_percent": 99.0, "memory_mb": 7.0}
    await room.http.post(f"/training/jobs/{job['id']}/cancel")
    assert (await room.until(job["id"], "cancelled"))["usage"] == {}


async def test_a_custom_model_can_be_renamed_trained_on_and_deleted(room: Room) -> None:
    first = await room.until((await room.submit())["id"], "succeeded")
    model = f"/models/custom/{first['model_id']}"
    renamed = await room.http.patch(model, json={"name": "Answers", "notes": "good"})
    assert (renamed.json()["name"], renamed.json()["notes"]) == ("Answers", "good")

    second = await room.until((await room.submit(base=first["model_id"]))["id"], *FINAL)
    assert second["state"] == "succeeded", second["logs"]
    assert second["base_uri"].endswith(first["model_id"])
    problem(await room.http.delete(model), 409, "in_use")
    assert (await room.http.delete(f"/models/custom/{second['model_id']}")).status_code == 204
    assert (await room.http.delete(model)).status_code == 204
    assert (await room.http.get(model)).status_code == 404
    assert await room.resources.blobs.list(f"default/models/custom/{first['model_id']}") == []


async def test_a_model_that_a_waiting_job_needs_stays(room: Room) -> None:
    first = await room.until((await room.submit())["id"], "succeeded")
    room.control(hold_at=1)
    job = await room.submit(base=first["model_id"])
    answer = problem(await room.http.delete(f"/models/custom/{first['model_id']}"), 409, "in_use")
    assert answer["job_id"] == job["id"]
    await room.http.post(f"/training/jobs/{job['id']}/cancel")
    await room.until(job["id"], *FINAL)


async def test_log_lines_by_level(room: Room) -> None:
    room.control(fail={"code": "bad_data", "detail": "row 3"})
    job = await room.submit()
    await room.until_told(job["id"], "failed")
    logs = (await room.http.get(f"/training/jobs/{job['id']}/logs", params={"level": "error"})).json()
    assert [line["level"] for line in logs["records"]] == ["error"]
    after = {"after": logs["next_after"]}
    assert (await room.http.get(f"/training/jobs/{job['id']}/logs", params=after)).json()["records"] == []


async def test_other_projects_see_nothing(room: Room) -> None:
    job = await room.submit(max_steps=1)
    other = {HEADER: room.resources.signer.sign(Principal("stranger", project="other"))}
    for path in (f"/training/jobs/{job['id']}", f"/training/jobs/{job['id']}/records"):
        assert (await room.http.get(path, headers=other)).status_code == 404
    assert (await room.http.get("/training/jobs", headers=other)).json()["items"] == []
    refused = await room.http.post("/training/jobs", json={"dataset": "ds_1"}, headers=other)
    problem(refused, 404, "unknown_dataset")
    await room.until(job["id"], *FINAL)
