"""What ends a run before all of its steps: divergence, and budgets of time and tokens."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from services.training.engine.loop.state import TrainingState
from services.training.engine.loop.stopping import MEDIAN_WINDOW, Diverged, check_divergence
from shared.engine.process.protocol import EngineError
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import Crash, Journal, make_spec, messages, run
from tests.unit.training.engine.test_train import plain_loss

RUNAWAY = {"method": "full", "max_steps": 60, "learning_rate": 0.4, "warmup_steps": 100, "weight_decay": 100.0}
"""Improves at first; then ever larger steps throw the weights from one side to the other, until they overflow."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def watched(losses: list[float]) -> int | None:
    """The step (from 1) at which these losses count as divergence."""
    state = TrainingState()
    for state.step, loss in enumerate(losses, 1):
        try:
            check_divergence(state, loss)
        except Diverged as how:
            return how.step
    return None


def noisy(level: float, steps: int, spread: float = 0.3) -> list[float]:
    chance = random.Random(level)
    return [level * (1 + chance.uniform(-spread, spread)) for _ in range(steps)]


def test_a_run_that_leaves_the_finite_world_delivers_the_best_before(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, **{**RUNAWAY, "eval_every": 5})
    result, journal = run(spec)
    evaluations = {m["step"]: m["loss"] for m in journal.of("evaluation")}
    assert result["ended"] == "diverged"
    assert result["best_step"] == min(evaluations, key=lambda step: evaluations[step]) > 0
    assert plain_loss(spec, messages(8, seed=1)) == pytest.approx(evaluations[result["best_step"]], rel=1e-4)
    assert f"at step {result['steps'] + 1}" in result["warning"]
    assert "lower learning rate" in result["warning"]
    assert journal.of("log")[-1]["level"] == "warning"


def test_a_run_that_diverges_before_it_was_better_than_its_base_fails(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, **{**RUNAWAY, "eval_every": 50})
    with pytest.raises(EngineError) as caught:
        run(spec)
    assert caught.value.code == "diverged"
    assert caught.value.fields["remedy"]


def test_losses_that_stay_far_above_their_lowest_are_divergence() -> None:
    good = [*noisy(5, 10), *noisy(2, 100)]
    assert 110 + MEDIAN_WINDOW // 2 < (watched([*good, *noisy(6, 100)]) or 0) <= 110 + MEDIAN_WINDOW
    assert watched([*good, *noisy(9, MEDIAN_WINDOW // 2 - 1), *noisy(2, 100)]) is None  # it came down again
    assert watched([*good, *noisy(2.6, 1000)]) is None
    assert watched([*noisy(0.02, 200), *noisy(0.4, 200, 0.9)]) is None  # memorised data vary by factors
    assert watched([*noisy(2, MEDIAN_WINDOW - 15), *noisy(50, 14)]) is None  # too short to tell
    assert watched([*noisy(2, 60), *([0.0] * 60), *([6.0] * 100)])  # from nothing at all too


def test_what_was_watched_is_remembered_over_a_resume(tmp_path: Path, model: Path) -> None:
    slowly = {"method": "full", "max_steps": 160, "learning_rate": 4.0, "warmup_steps": 200, "eval_every": 20}
    result, _ = run(make_spec(tmp_path / "a", model, **slowly, checkpoint_every=40))
    assert (result["ended"], "median" in result["warning"]) == ("diverged", True)

    killed = make_spec(tmp_path / "b", model, **slowly, checkpoint_every=40)
    with pytest.raises(Crash):
        run(killed, Journal(crash_at=41))
    again, _ = run({**killed, "resume_from": str(tmp_path / "b/checkpoints/step-00000040")})
    assert (again["steps"], again["best_step"]) == (result["steps"], result["best_step"])


@pytest.mark.parametrize("resumed", [False, True])
def test_a_token_budget_ends_the_run_and_its_schedule(tmp_path: Path, model: Path, resumed: bool) -> None:
    _, whole = run(make_spec(tmp_path / "a", model))
    spent = {m["step"]: m["tokens"] for m in whole.of("metric")}
    spec = make_spec(tmp_path / "b", model, max_tokens=spent[8] - 1, warmup_steps=5)
    if resumed:
        with pytest.raises(Crash):
            run(spec, Journal(crash_at=6))
        spec["resume_from"] = str(tmp_path / "b/checkpoints/step-00000005")
    result, journal = run(spec)
    assert (result["ended"], result["steps"], result["warning"]) == ("max_tokens", 7, None)
    assert journal.of("metric")[-1]["tokens"] == spent[7]
    assert [m["step"] for m in journal.of("evaluation")][-1] == 7
    assert journal.of("metric")[-1]["learning_rate"] < 2e-3  # of 6e-3: at the end of the cosine
    assert "budget" in journal.of("log")[-1]["message"]


def test_a_time_budget_counts_over_all_attempts(tmp_path: Path, model: Path) -> None:
    endless = {"max_steps": 1_000_000, "eval_every": 100_000}
    spec = make_spec(tmp_path, model, **endless, max_minutes=2 / 60)
    with pytest.raises(Crash):
        run(spec, Journal(crash_at=6))
    spec["resume_from"] = str(tmp_path / "checkpoints/step-00000005")
    result, journal = run(spec)
    assert result["ended"] == "max_minutes"
    assert journal.of("evaluation")[-1]["step"] == result["steps"] < 1_000_000
    index = (tmp_path / "checkpoints").glob("*/checkpoint.json")
    assert len(list(index)) > 1

    spent = {**spec, "resume_from": str(max((tmp_path / "checkpoints").iterdir()))}
    again, _ = run(spent)
    assert again["steps"] < result["steps"] + 50  # the little that the checkpoint had left
