"""Evaluations take a bounded share of a job's computation, and what the request sets is used as it is."""

from typing import Any

import pytest

from services.training.jobs import evaluation_share
from services.training.jobs.defaults import ModelAndData, ResolvedSettings, resolve_settings
from services.training.jobs.evaluation_share import EvaluationCosts, count_evaluations, evaluation_costs
from services.training.jobs.preparation import _setting_warnings
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine


def resolved(rows: int, validation_rows: int, **settings: Any) -> ResolvedSettings:
    subject = ModelAndData(
        parameters=135_000_000,
        context_length=8192,
        rows=rows,
        form={"dpo": "preference", "kto": "unpaired"}.get(settings.get("objective", ""), "messages"),
        validation_rows=validation_rows,
        row_tokens=200,
        validation_row_tokens=200,
    )
    return resolve_settings(TrainingSettings(**settings), subject, Machine(cpu=2, gpu=0, memory_gb=16), 1)


def test_a_long_job_evaluates_ten_times_on_200_rows() -> None:
    job = resolved(20_000, 1_000)
    assert (job.hyperparameters["eval_every"], job.hyperparameters["eval_rows"]) == (375, 200)
    assert job.evaluations
    assert job.evaluations.share < 0.05


def test_a_shorter_job_evaluates_on_fewer_rows_at_the_same_steps() -> None:
    job = resolved(2_000, 1_000)
    values = job.hyperparameters
    assert values["eval_every"] == values["checkpoint_every"]
    assert 50 <= values["eval_rows"] < 200
    assert {"eval_every", "eval_rows"} <= set(job.defaulted)


def test_a_small_job_evaluates_less_often_rather_than_on_a_few_rows() -> None:
    values = resolved(500, 1_000).hyperparameters
    assert values["eval_every"] % values["checkpoint_every"] == 0
    assert values["eval_every"] > values["checkpoint_every"]
    assert values["eval_rows"] >= 50


@pytest.mark.parametrize("rows", [400, 700, 1_000, 3_000, 9_000])
@pytest.mark.parametrize(
    "settings", [{}, {"method": "full"}, {"objective": "dpo"}, {"objective": "kto"}, {"max_eval_share": 0.05}]
)
def test_the_share_is_never_exceeded(rows: int, settings: dict[str, Any]) -> None:
    job = resolved(rows, 1_000, **settings)
    assert job.evaluations
    assert 0 < job.evaluations.share <= settings.get("max_eval_share", 0.1) or job.evaluations.every == job.total_steps


def test_a_very_short_job_evaluates_at_its_start_and_end() -> None:
    job = resolved(20, 1_000, epochs=1)
    assert job.evaluations
    assert (job.evaluations.every, job.evaluations.rows) == (job.total_steps, 50)
    assert job.evaluations.share > 0.1


def test_requested_evaluations_are_used_as_they_are() -> None:
    job = resolved(100, 1_000, eval_every=2)
    assert (job.hyperparameters["eval_every"], job.hyperparameters["eval_rows"]) == (2, 200)
    assert job.evaluations
    assert job.evaluations.share > 0.5
    rows = resolved(100, 1_000, eval_rows=300)
    assert rows.hyperparameters["eval_rows"] == 300
    assert rows.hyperparameters["eval_every"] == rows.total_steps


def test_without_validation_rows_nothing_is_planned() -> None:
    job = resolved(100, 0)
    assert job.evaluations is None
    assert job.hyperparameters["eval_every"] == job.hyperparameters["checkpoint_every"]


def test_costs_match_a_count_by_hand() -> None:
    """Ten steps of 4 rows of 100 tokens; LoRA costs two forward passes, and one more with recomputation."""
    values = {"objective": "sft", "max_length": None, "gradient_checkpointing": False, "batch_size": 4}
    costs = evaluation_costs("lora", values, 10, 100, 60)
    assert costs == EvaluationCosts(training=2 * 10 * 4 * 100, row=60, answers=3 * 30 + 90 * 68)
    assert costs.plan(10, 10, 10).share == pytest.approx(2 * (600 + 6210) / (2 * (600 + 6210) + 8000))
    longer = evaluation_costs("lora", {**values, "gradient_checkpointing": True, "max_length": 50}, 10, 100, 600)
    assert longer == EvaluationCosts(training=3 * 10 * 4 * 50, row=50, answers=3 * 25 + 90 * 58)
    pairs = evaluation_costs("full", {**values, "objective": "kto"}, 10, 100, 600)
    assert pairs == EvaluationCosts(training=6 * 10 * 4 * 100, row=4 * 600, answers=3 * 300 + 45 * 96)
    assert [count_evaluations(10, every) for every in (1, 5, 6, 10)] == [11, 3, 3, 2]


def test_affordable_rows_take_just_less_than_the_share() -> None:
    costs = EvaluationCosts(training=90_000, row=100, answers=500)
    rows = costs.affordable_rows(4, 0.1)
    assert (rows, costs.plan(3, 1, rows).share) == (20, pytest.approx(0.1))
    assert costs.affordable_rows(40, 0.1) < 0


def test_the_warning_names_share_rows_and_steps() -> None:
    job = resolved(100, 1_000, eval_every=2)
    assert job.evaluations
    warning = evaluation_share.large_share_warning(job.evaluations, 0.1, requested=True)
    assert warning.code == "evaluation_share"
    assert all(part in warning.detail for part in (f"{job.evaluations.share:.0%}", "10%", "200 rows every 2 steps"))


def test_a_short_job_is_told_what_its_evaluations_cost_where_that_is_notable() -> None:
    settings = TrainingSettings(max_steps=20)
    shares = {}
    for parameters in (5_000_000, 135_000_000):
        subject = ModelAndData(parameters, 8192, 280, "messages", validation_rows=40)
        job = resolve_settings(settings, subject, Machine(cpu=2, gpu=0, memory_gb=16), 1)
        assert job.evaluations
        assert job.evaluations.share > 0.1
        shares[parameters] = [warning.detail for warning in _setting_warnings(settings.given(), subject, job)]
    assert shares[5_000_000] == []
    assert "the job is short" in shares[135_000_000][0]
