"""Conditions that end a run early: divergence and budgets of time and tokens."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from services.training.engine.loop.state import TrainingState
from services.training.engine.loop.stopping import (
    MEDIAN_WINDOW,
    Diverged,
    check_divergence,
    scale_warmup,
    steps_within_token_budget,
)
from services.training.engine.spec import Hyperparameters
from shared.engine.process.protocol import EngineError
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import RecordingReporter, SimulatedCrash, chat_rows, make_spec, run
from tests.unit.training.engine.test_train import reference_loss

RUNAWAY = {"method": "full", "max_steps": 60, "learning_rate": 0.4, "warmup_steps": 100, "weight_decay": 100.0}
"""Improves at first; then the growing steps make the weights oscillate until they overflow."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def divergence_step(losses: list[float]) -> int | None:
    """Return the step (from 1) at which these losses count as divergence, or None."""
    state = TrainingState()
    for state.step, loss in enumerate(losses, 1):
        try:
            check_divergence(state, loss)
        except Diverged as error:
            return error.step
    return None


def noisy(level: float, steps: int, spread: float = 0.3) -> list[float]:
    rng = random.Random(level)
    return [level * (1 + rng.uniform(-spread, spread)) for _ in range(steps)]


def test_diverged_run_saves_the_best_earlier_weights(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, **{**RUNAWAY, "eval_every": 5})
    result, reporter = run(spec)
    evaluations = {m["step"]: m["loss"] for m in reporter.of_kind("evaluation")}
    assert result["ended"] == "diverged"
    assert result["best_step"] == min(evaluations, key=lambda step: evaluations[step]) > 0
    assert reference_loss(spec, chat_rows(8, seed=1)) == pytest.approx(evaluations[result["best_step"]], rel=1e-4)
    (warning,) = [each for each in reporter.of_kind("warning") if each["code"] == "diverged"]
    assert f"at step {result['steps'] + 1}" in warning["detail"]
    assert f"those of step {result['best_step']}" in warning["detail"]
    assert "lower learning rate" in warning["remedy"]
    assert reporter.of_kind("log")[-1]["level"] == "warning"


def test_run_that_diverges_before_it_improves_fails(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, **{**RUNAWAY, "eval_every": 50})
    with pytest.raises(EngineError) as caught:
        run(spec)
    assert caught.value.code == "diverged"
    assert caught.value.fields["remedy"]


def test_losses_far_above_their_minimum_count_as_divergence() -> None:
    healthy = [*noisy(5, 10), *noisy(2, 100)]
    assert 110 + MEDIAN_WINDOW // 2 < (divergence_step([*healthy, *noisy(6, 100)]) or 0) <= 110 + MEDIAN_WINDOW
    assert divergence_step([*healthy, *noisy(9, MEDIAN_WINDOW // 2 - 1), *noisy(2, 100)]) is None  # recovers
    assert divergence_step([*healthy, *noisy(2.6, 1000)]) is None
    # The loss of memorized data varies by factors.
    assert divergence_step([*noisy(0.02, 200), *noisy(0.4, 200, 0.9)]) is None
    assert divergence_step([*noisy(2, MEDIAN_WINDOW - 15), *noisy(50, 14)]) is None  # too few losses
    assert divergence_step([*noisy(2, 60), *([0.0] * 60), *([6.0] * 100)])  # also from a loss of zero


def test_median_moves_after_25_steps_and_runs_of_50_have_no_earlier_one() -> None:
    assert divergence_step([2.0] * 50 + [100.0] * 24 + [2.0] * 50) is None
    assert divergence_step([2.0] * 50 + [100.0] * 25) == 75
    assert divergence_step([2.0] * 25 + [100.0] * 25) is None


@pytest.mark.parametrize(
    ("lowest", "level", "diverges"), [(2.0, 3.9, False), (2.0, 4.1, True), (0.5, 1.4, False), (0.5, 1.6, True)]
)
def test_divergence_is_twice_the_lowest_median_and_one_nat_above(lowest: float, level: float, diverges: bool) -> None:
    assert (divergence_step([lowest] * 60 + [level] * 60) is not None) == diverges


@pytest.mark.parametrize(
    ("budget", "steps"), [(None, 5), (1, 1), (20, 1), (39, 1), (40, 2), (59, 2), (99, 4), (100, 5), (1000, 5)]
)
def test_token_budget_covers_whole_steps_but_at_least_one(budget: int | None, steps: int) -> None:
    settings = Hyperparameters(learning_rate=1e-3, batch_size=2, max_tokens=budget)
    assert steps_within_token_budget(settings, [10] * 10, 5) == steps


@pytest.mark.parametrize(("warmup", "total", "expected"), [(20, 50, 10), (20, 53, 11), (1, 1, 1), (0, 50, 0)])
def test_warmup_stays_the_same_share_of_a_shorter_run(warmup: int, total: int, expected: int) -> None:
    settings = Hyperparameters(learning_rate=1e-3, max_steps=100, warmup_steps=warmup)
    assert scale_warmup(settings, total, rows=10).warmup_steps == expected


def test_divergence_window_survives_a_resume(tmp_path: Path, model: Path) -> None:
    slow_divergence = {"method": "full", "max_steps": 160, "learning_rate": 4.0, "warmup_steps": 200, "eval_every": 20}
    result, reporter = run(make_spec(tmp_path / "a", model, **slow_divergence, checkpoint_every=40))
    diverged = [each["detail"] for each in reporter.of_kind("warning") if each["code"] == "diverged"]
    assert (result["ended"], ["median" in detail for detail in diverged]) == ("diverged", [True])

    killed_spec = make_spec(tmp_path / "b", model, **slow_divergence, checkpoint_every=40)
    with pytest.raises(SimulatedCrash):
        run(killed_spec, RecordingReporter(crash_at=41))
    resumed_result, _ = run({**killed_spec, "resume_from": str(tmp_path / "b/checkpoints/step-00000040")})
    assert (resumed_result["steps"], resumed_result["best_step"]) == (result["steps"], result["best_step"])


@pytest.mark.parametrize("resumed", [False, True])
def test_token_budget_ends_the_run_and_its_schedule(tmp_path: Path, model: Path, resumed: bool) -> None:
    _, uninterrupted = run(make_spec(tmp_path / "a", model))
    spent = {m["step"]: m["tokens"] for m in uninterrupted.of_kind("metric")}
    spec = make_spec(tmp_path / "b", model, max_tokens=spent[8] - 1, warmup_steps=5)
    if resumed:
        with pytest.raises(SimulatedCrash):
            run(spec, RecordingReporter(crash_at=6))
        spec["resume_from"] = str(tmp_path / "b/checkpoints/step-00000005")
    result, reporter = run(spec)
    assert (result["ended"], result["steps"]) == ("max_tokens", 7)
    assert reporter.of_kind("metric")[-1]["tokens"] == spent[7]
    assert [m["step"] for m in reporter.of_kind("evaluation")][-1] == 7
    assert reporter.of_kind("metric")[-1]["learning_rate"] < 2e-3  # the peak is 6e-3; the cosine schedule is at its end
    assert "budget" in reporter.of_kind("log")[-1]["message"]


def test_time_budget_counts_all_attempts(tmp_path: Path, model: Path) -> None:
    endless = {"max_steps": 1_000_000, "eval_every": 100_000}
    spec = make_spec(tmp_path, model, **endless, max_minutes=4 / 60)
    with pytest.raises(SimulatedCrash):
        run(spec, RecordingReporter(crash_at=6))
    spec["resume_from"] = str(tmp_path / "checkpoints/step-00000005")
    result, reporter = run(spec)
    assert result["ended"] == "max_minutes"
    assert reporter.of_kind("evaluation")[-1]["step"] == result["steps"] < 1_000_000
    index = (tmp_path / "checkpoints").glob("*/checkpoint.json")
    assert len(list(index)) > 1

    spent = {**spec, "resume_from": str(max((tmp_path / "checkpoints").iterdir()))}
    resumed_result, _ = run(spent)
    assert resumed_result["steps"] < result["steps"] + 50  # the time that the checkpoint had left


def test_time_budget_includes_loading_and_tokenization(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_steps=2, checkpoint_every=1)
    _, reporter = run(spec)
    started = {span["name"]: span["start"] for span in reversed(reporter.of_kind("span"))}  # the first of each
    index = next((tmp_path / "checkpoints").glob("*/checkpoint.json"))
    spent = json.loads(index.read_text())["position"]["seconds"]
    assert spent >= (started["train"] - started["load model"]) / 1e9
