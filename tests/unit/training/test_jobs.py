"""The state machine of a job, the outcome of its attempts, and which job may start."""

from datetime import timedelta
from typing import Any

import pytest

from services.training.errors import ExceedsMachine
from services.training.jobs.attempt import AttemptOutcome, outcome_of
from services.training.jobs.views import JobDetail
from services.training.models import Allocation, Checkpoint, Job, merge_warnings
from services.training.workers.capacity import BACKFILL_LIMIT, GpuPool, Machine, MachineCapacity, check_allocation
from services.training.workers.registry import RegisteredWorker, explain_waiting
from shared.documents.entities import now
from shared.events.training import TrainingCancelled, TrainingFailed, TrainingSucceeded
from shared.runtime.jobs.engine_runs import EngineOutcome
from shared.runtime.processes.watchdog import EngineStalled
from shared.warnings import ReportedWarning


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


@pytest.mark.parametrize(("lowest", "best"), [(2.0, True), (1.5, False)])
def test_checkpoint_is_not_the_best_after_a_lower_loss_between_checkpoints(lowest: float, best: bool) -> None:
    job = a_job(checkpoints=[Checkpoint(step=10, key="k", loss=2.0, best=True)])
    view = JobDetail.with_progress(job, {"evaluations": [{"step": 15, "loss": lowest}]})
    assert [checkpoint.best for checkpoint in view.checkpoints] == [best]


def test_latest_two_checkpoints_and_the_best_are_kept() -> None:
    job = a_job()
    for step, best in ((10, True), (20, True), (30, False), (40, False), (50, False)):
        job.add_checkpoint(checkpoint(step, best=best))
    assert [(c.step, c.best) for c in job.checkpoints] == [(20, True), (40, False), (50, False)]
    assert job.latest == job.checkpoints[-1]


def test_repeated_step_replaces_its_checkpoint() -> None:
    job = a_job()
    job.add_checkpoint(checkpoint(10))
    job.add_checkpoint(Checkpoint(step=10, key="default/jobs/job_1/t2/checkpoint-10"))
    assert [c.key for c in job.checkpoints] == ["default/jobs/job_1/t2/checkpoint-10"]


def test_only_progress_resets_the_attempt_count() -> None:
    job = a_job(state="running", attempts=3)
    job.add_checkpoint(checkpoint(10))
    assert job.attempts == 1
    job.attempts = 3
    job.add_checkpoint(checkpoint(10))
    assert job.attempts == 3
    (event,) = job.retry_or_fail("killed", "It died.")
    assert isinstance(event, TrainingFailed)


def test_job_of_a_dead_engine_is_queued_paused_or_cancelled() -> None:
    again, paused, cancelled = (
        a_job(state="running", attempts=1, wanted=wanted) for wanted in ("run", "pause", "cancel")
    )
    assert (list(again.retry_or_fail("killed", "")), again.state, again.attempts) == ([], "queued", 1)
    assert (list(paused.retry_or_fail("killed", "")), paused.state) == ([], "paused")
    assert isinstance(next(iter(cancelled.retry_or_fail("killed", ""))), TrainingCancelled)


def test_damaged_checkpoint_is_dropped() -> None:
    job = a_job(state="running", attempts=1)
    job.add_checkpoint(checkpoint(10))
    job.add_checkpoint(checkpoint(20))
    job.retry_or_fail("checkpoint_damaged", "")
    assert (job.state, [c.step for c in job.checkpoints]) == ("queued", [10])


def test_requested_stop_uses_no_attempt() -> None:
    job = a_job(state="running", attempts=2)
    job.interrupt()
    assert (job.state, job.attempts) == ("queued", 1)


def test_success_emits_an_event_with_the_model() -> None:
    job = a_job(state="publishing", after=["deploy"])
    (event,) = job.succeed("anneal://default/models/custom/m")
    assert isinstance(event, TrainingSucceeded)
    assert (event.model_id, event.after) == (job.model_id, ["deploy"])
    assert job.model_id == a_job().model_id != a_job("job_2").model_id


@pytest.mark.parametrize(
    ("end", "signal", "stop_requested", "status", "cause"),
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
def test_outcome_of_an_attempt(
    end: dict[str, Any] | None, signal: int | None, stop_requested: bool, status: str, cause: str
) -> None:
    outcome = outcome_of(EngineOutcome(end, signal, stop_requested))
    assert (outcome.status, outcome.cause) == (status, cause)


def test_only_transient_causes_are_retryable() -> None:
    retryable = {
        cause
        for cause in ("killed", "engine_crashed", "checkpoint_damaged", "out_of_memory", "bad_data", "diverged")
        if AttemptOutcome("failed", {"kind": "failed"}, cause).retryable
    }
    assert retryable == {"killed", "engine_crashed", "checkpoint_damaged"}


def test_detail_has_a_remedy() -> None:
    end = {"kind": "failed", "code": "out_of_memory", "detail": "no memory"}
    assert "max_length" in outcome_of(EngineOutcome(end)).detail


def test_a_stalled_engine_is_tried_again() -> None:
    outcome = outcome_of(EngineOutcome(None, 9, stalled=EngineStalled("It made no progress.")))
    assert (outcome.status, outcome.cause, outcome.retryable) == ("failed", "stalled", True)


def test_engine_killed_by_the_kernel_is_out_of_memory_and_retryable() -> None:
    outcome = outcome_of(EngineOutcome(None, 9, out_of_memory=True), longest=300)
    assert (outcome.cause, outcome.longest, outcome.retryable) == ("out_of_memory", 300, True)


@pytest.mark.parametrize(
    ("tokens", "batch_size", "longest", "reductions"),
    [
        (4096, 8, 600, [2048, 1024, 600, "recompute"]),
        (4096, 4, 100, [200, 100, "recompute"]),
        (512, 8, 600, ["recompute"]),
        (4096, 1, 600, ["recompute"]),
        (4096, 8, 0, []),
    ],
)
def test_micro_batches_shrink_to_the_longest_row_then_recompute_activations(
    tokens: int, batch_size: int, longest: int, reductions: list[int | str]
) -> None:
    job, found = a_job(hyperparameters={"micro_batch_tokens": tokens, "batch_size": batch_size}), []
    while job.reduce_memory(longest):
        found.append("recompute" if job.recomputes else job.micro_batch_tokens)
    assert found == reductions


def test_memory_is_not_reduced_further_where_activations_are_recomputed_already() -> None:
    settings = {"micro_batch_tokens": 512, "batch_size": 8, "gradient_checkpointing": True}
    assert not a_job(hyperparameters=settings).reduce_memory(600)


def capacity(slots: int = 2, cpu: int = 4) -> MachineCapacity:
    return MachineCapacity(Machine(cpu=cpu, gpu=1, memory_gb=8), slots)


def test_jobs_share_the_machine() -> None:
    machine, big, small = capacity(), a_job("a", resources={"cpu": 3}), a_job("b", resources={"cpu": 2})
    assert machine.fits(big, [])
    assert not machine.fits(small, [big])
    assert machine.waiting_reason(small, [big]) == "waits for cpu: it requests 2, 1 free"
    assert machine.fits(a_job("c"), [big])
    assert machine.waiting_reason(a_job("d"), [big, small]) == "waits for a free slot: 2 of 2 in use"


def test_small_jobs_do_not_starve_a_large_one() -> None:
    machine, running = capacity(), a_job("a", resources={"cpu": 2})
    large = a_job("b", resources={"cpu": 4}, created_at=now() - BACKFILL_LIMIT - timedelta(seconds=1))
    small = a_job("c")
    assert not machine.fits(large, [running])
    assert not machine.fits(small, [running])
    assert machine.fits(large, [])
    assert machine.fits(small, [])


def test_job_that_never_fits_here_blocks_nobody() -> None:
    """Another worker may be large enough for it."""
    machine = capacity()
    large = a_job("b", resources={"cpu": 64}, created_at=now() - BACKFILL_LIMIT - timedelta(seconds=1))
    assert not machine.fits(large, [])
    assert machine.fits(a_job("c"), [])


def worker(name: str, slots: int = 1, cpu: int = 4) -> RegisteredWorker:
    return RegisteredWorker(name, Machine(cpu=cpu, gpu=0, memory_gb=8), slots)


@pytest.mark.parametrize(
    ("cpu", "position", "running", "workers", "reason"),
    [
        (1, 1, ["a"], [worker("a"), worker("b")], "about to start"),
        (1, 3, ["a"], [worker("a"), worker("b")], "waits behind 2 other jobs"),
        (1, 1, ["a", "b"], [worker("a"), worker("b")], "waits for a free slot: 2 of 2 in use"),
        (4, 1, ["a"], [worker("a", slots=2)], "waits for cpu: it requests 4, 2 free"),
        (8, 1, ["b"], [worker("a"), worker("b", cpu=8)], "waits for a free slot: 1 of 1 in use"),
        (9, 1, [], [worker("a")], "no training worker is large enough: waits for cpu: it requests 9, 4 free"),
    ],
)
def test_waiting_job_names_the_missing_resource(
    cpu: int, position: int, running: list[str], workers: list[RegisteredWorker], reason: str
) -> None:
    held = [a_job(f"r{i}", state="running", runner=name, resources={"cpu": 2}) for i, name in enumerate(running)]
    assert explain_waiting(a_job(resources={"cpu": cpu}), position, held, workers) == reason


def test_request_must_fit_one_of_the_machines() -> None:
    small, large = Machine(cpu=2, gpu=0, memory_gb=8), Machine(cpu=16, gpu=0, memory_gb=64)
    check_allocation(Allocation(cpu=8), [small, large])
    with pytest.raises(ExceedsMachine) as refused:
        check_allocation(Allocation(cpu=32), [small, large])
    assert (refused.value.field, refused.value.limit) == ("resources.cpu", 16)


def test_count_of_skipped_rows_replaces_the_warning_at_submission() -> None:
    submitted = [
        ReportedWarning(code=code, detail="x", count=9) for code in ("unsupported_rows", "warmup_not_finished")
    ]
    counted = {"code": "rows_not_shown_by_template", "detail": "x", "count": 7}
    merged = merge_warnings(submitted, [counted])
    assert [warning.code for warning in merged] == ["warmup_not_finished", "rows_not_shown_by_template"]
    assert merge_warnings(submitted, []) == submitted


def test_new_job_may_be_overtaken() -> None:
    machine, running = capacity(), a_job("a", resources={"cpu": 2})
    assert not machine.fits(a_job("b", resources={"cpu": 4}), [running])
    assert machine.fits(a_job("c"), [running])


def test_each_gpu_is_allocated_once() -> None:
    gpus = GpuPool(["0", "1"])
    with gpus.allocate(1) as first, gpus.allocate(1) as second, gpus.allocate(0) as none:
        seen = [env["CUDA_VISIBLE_DEVICES"] for env in (first, second, none)]
    assert seen == ["0", "1", ""]
    with gpus.allocate(2) as both:
        assert both == {"CUDA_VISIBLE_DEVICES": "0,1"}
