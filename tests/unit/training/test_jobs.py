"""The state machine of a job, and which job may start."""

from datetime import timedelta
from typing import Any

import pytest

from services.training.errors import ExceedsMachine
from services.training.jobs.attempt import Ended, how_it_ended
from services.training.models import Allocation, Checkpoint, Job
from services.training.workers.capacity import PATIENCE, Devices, Machine, MachineCapacity, check
from services.training.workers.registry import Site, why_it_waits
from shared.documents.entities import now
from shared.events.training import TrainingCancelled, TrainingFailed, TrainingSucceeded
from shared.runtime.jobs.engine_runs import EngineOutcome


def a_job(id: str = "job_1", **changes: Any) -> Job:
    fields: dict[str, Any] = {
        "project": "default",
        "name": "n",
        "base": "seedling",
        "base_uri": "anneal://_shared/models/base/seedling",
        "method": "lora",
        "dataset_id": "ds",
        "dataset_version": "v1",
        "hyperparameters": {},
        "resources": {"cpu": 1},
    }
    return Job.model_validate({"id": id, **fields, **changes})


def checkpoint(step: int, *, best: bool = False) -> Checkpoint:
    return Checkpoint(step=step, key=f"default/jobs/job_1/t1/checkpoint-{step}", best=best)


def test_the_last_two_checkpoints_and_the_best_are_kept() -> None:
    job = a_job()
    for step, best in ((10, True), (20, True), (30, False), (40, False), (50, False)):
        job.keep(checkpoint(step, best=best))
    assert [(c.step, c.best) for c in job.checkpoints] == [(20, True), (40, False), (50, False)]
    assert job.latest == job.checkpoints[-1]


def test_a_repeated_step_replaces_its_checkpoint() -> None:
    job = a_job()
    job.keep(checkpoint(10))
    job.keep(Checkpoint(step=10, key="default/jobs/job_1/t2/checkpoint-10"))
    assert [c.key for c in job.checkpoints] == ["default/jobs/job_1/t2/checkpoint-10"]


def test_only_new_progress_makes_attempts_count_anew() -> None:
    job = a_job(state="running", attempts=3)
    job.keep(checkpoint(10))
    assert job.attempts == 1
    job.attempts = 3
    job.keep(checkpoint(10))
    assert job.attempts == 3
    (event,) = job.retry("killed", "It died.")
    assert isinstance(event, TrainingFailed)


def test_a_died_engine_goes_where_its_owner_wished() -> None:
    again, paused, cancelled = (
        a_job(state="running", attempts=1, wanted=wanted) for wanted in ("run", "pause", "cancel")
    )
    assert (list(again.retry("killed", "")), again.state, again.attempts) == ([], "queued", 1)
    assert (list(paused.retry("killed", "")), paused.state) == ([], "paused")
    assert isinstance(next(iter(cancelled.retry("killed", ""))), TrainingCancelled)


def test_a_damaged_checkpoint_is_left_for_the_one_before() -> None:
    job = a_job(state="running", attempts=1)
    job.keep(checkpoint(10))
    job.keep(checkpoint(20))
    job.retry("checkpoint_damaged", "")
    assert (job.state, [c.step for c in job.checkpoints]) == ("queued", [10])


def test_a_job_that_stopped_as_told_has_used_no_attempt() -> None:
    job = a_job(state="running", attempts=2)
    job.interrupt()
    assert (job.state, job.attempts) == ("queued", 1)


def test_success_says_what_came_of_it() -> None:
    job = a_job(state="publishing", after=["deploy"])
    (event,) = job.succeed("anneal://default/models/custom/m")
    assert isinstance(event, TrainingSucceeded)
    assert (event.model_id, event.after) == (job.model_id, ["deploy"])
    assert job.model_id == a_job().model_id != a_job("job_2").model_id


@pytest.mark.parametrize(
    ("end", "signal", "told", "how", "cause"),
    [
        ({"kind": "result", "path": "x", "stopped": False}, None, False, "finished", ""),
        ({"kind": "result", "stopped": True}, None, True, "stopped", ""),
        ({"kind": "failed", "code": "out_of_memory", "detail": "no"}, None, False, "failed", "out_of_memory"),
        ({"kind": "failed", "code": "engine_crashed", "detail": "no"}, None, True, "stopped", ""),
        (None, 9, False, "failed", "killed"),
        (None, 9, True, "stopped", ""),
        (None, None, False, "failed", "killed"),
    ],
)
def test_how_an_attempt_ended(end: dict[str, Any] | None, signal: int | None, told: bool, how: str, cause: str) -> None:
    ended = how_it_ended(EngineOutcome(end, signal, told))
    assert (ended.how, ended.cause) == (how, cause)


def test_only_what_may_end_differently_is_tried_again() -> None:
    again = {
        cause
        for cause in ("killed", "engine_crashed", "checkpoint_damaged", "out_of_memory", "bad_data", "diverged")
        if Ended("failed", {"kind": "failed"}, cause).may_help
    }
    assert again == {"killed", "engine_crashed", "checkpoint_damaged"}


def test_a_remedy_goes_with_the_cause() -> None:
    end = {"kind": "failed", "code": "out_of_memory", "detail": "no memory"}
    assert "max_length" in how_it_ended(EngineOutcome(end)).detail


def test_an_engine_that_the_kernel_ended_ran_out_of_memory_and_may_run_again() -> None:
    ended = how_it_ended(EngineOutcome(None, 9, out_of_memory=True), longest=300)
    assert (ended.cause, ended.longest, ended.may_help) == ("out_of_memory", 300, True)


@pytest.mark.parametrize(
    ("asked", "batch_size", "longest", "smaller"),
    [
        (4096, 8, 600, [2048, 1024, 600, "anew"]),
        (4096, 4, 100, [200, 100, "anew"]),
        (512, 8, 600, ["anew"]),
        (4096, 1, 600, ["anew"]),
        (4096, 8, 0, []),
    ],
)
def test_micro_batches_shrink_to_the_longest_row_whose_activations_are_then_computed_anew(
    asked: int, batch_size: int, longest: int, smaller: list[int | str]
) -> None:
    job, found = a_job(hyperparameters={"micro_batch_tokens": asked, "batch_size": batch_size}), []
    while job.shrink(longest):
        found.append("anew" if job.recomputes else job.micro_batch_tokens)
    assert found == smaller


def test_nothing_is_left_to_save_where_activations_were_computed_anew_as_asked() -> None:
    asked = {"micro_batch_tokens": 512, "batch_size": 8, "gradient_checkpointing": True}
    assert not a_job(hyperparameters=asked).shrink(600)


def capacity(slots: int = 2, cpu: int = 4) -> MachineCapacity:
    return MachineCapacity(Machine(cpu=cpu, gpu=1, memory_gb=8), slots)


def test_jobs_share_the_machine() -> None:
    room, big, small = capacity(), a_job("a", resources={"cpu": 3}), a_job("b", resources={"cpu": 2})
    assert room.fits(big, [])
    assert not room.fits(small, [big])
    assert room.wants(small, [big]) == "waits for cpu: it asks for 2, 1 free"
    assert room.fits(a_job("c"), [big])
    assert room.wants(a_job("d"), [big, small]) == "waits for a free slot: 2 of 2 in use"


def test_small_jobs_do_not_overtake_a_large_one_for_ever() -> None:
    room, running = capacity(), a_job("a", resources={"cpu": 2})
    large = a_job("b", resources={"cpu": 4}, created_at=now() - PATIENCE - timedelta(seconds=1))
    small = a_job("c")
    assert not room.fits(large, [running])
    assert not room.fits(small, [running])
    assert room.fits(large, [])
    assert room.fits(small, [])


def test_what_never_fits_here_holds_nobody_up() -> None:
    """Another worker may be large enough for it."""
    room = capacity()
    large = a_job("b", resources={"cpu": 64}, created_at=now() - PATIENCE - timedelta(seconds=1))
    assert not room.fits(large, [])
    assert room.fits(a_job("c"), [])


def site(name: str, slots: int = 1, cpu: int = 4) -> Site:
    return Site(name, Machine(cpu=cpu, gpu=0, memory_gb=8), slots)


@pytest.mark.parametrize(
    ("cpu", "place", "running", "sites", "why"),
    [
        (1, 1, ["a"], [site("a"), site("b")], "about to start"),
        (1, 3, ["a"], [site("a"), site("b")], "waits behind 2 other jobs"),
        (1, 1, ["a", "b"], [site("a"), site("b")], "waits for a free slot: 2 of 2 in use"),
        (4, 1, ["a"], [site("a", slots=2)], "waits for cpu: it asks for 4, 2 free"),
        (8, 1, ["b"], [site("a"), site("b", cpu=8)], "waits for a free slot: 1 of 1 in use"),
        (9, 1, [], [site("a")], "no training worker is large enough: waits for cpu: it asks for 9, 4 free"),
    ],
)
def test_a_job_waits_for_what_the_workers_lack_together(
    cpu: int, place: int, running: list[str], sites: list[Site], why: str
) -> None:
    held = [a_job(f"r{i}", state="running", runner=name, resources={"cpu": 2}) for i, name in enumerate(running)]
    assert why_it_waits(a_job(resources={"cpu": cpu}), place, held, sites) == why


def test_a_request_must_fit_one_of_the_machines() -> None:
    small, large = Machine(cpu=2, gpu=0, memory_gb=8), Machine(cpu=16, gpu=0, memory_gb=64)
    check(Allocation(cpu=8), [small, large])
    with pytest.raises(ExceedsMachine) as refused:
        check(Allocation(cpu=32), [small, large])
    assert (refused.value.field, refused.value.limit) == ("resources.cpu", 16)


def test_a_job_that_came_just_now_may_be_overtaken() -> None:
    room, running = capacity(), a_job("a", resources={"cpu": 2})
    assert not room.fits(a_job("b", resources={"cpu": 4}), [running])
    assert room.fits(a_job("c"), [running])


def test_each_gpu_is_lent_once() -> None:
    devices = Devices(["0", "1"])
    with devices.lent(1) as first, devices.lent(1) as second, devices.lent(0) as none:
        seen = [env["CUDA_VISIBLE_DEVICES"] for env in (first, second, none)]
    assert seen == ["0", "1", ""]
    with devices.lent(2) as both:
        assert both == {"CUDA_VISIBLE_DEVICES": "0,1"}
