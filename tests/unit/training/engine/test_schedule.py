"""Learning rates of the schedules, and schedules that resume from checkpoints of earlier releases."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from transformers import get_scheduler

from services.training.engine.model.optimizer import make_scheduler
from services.training.engine.spec import Hyperparameters
from services.training.settings import Scheduler
from tests.unit.training.engine.reference_training import schedule

WARMUP, STEPS = 4, 12


def make_adamw() -> torch.optim.Optimizer:
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=2.0)


def rates(scheduler: Any, optimizer: Any, steps: int) -> list[float]:
    """Take steps; return the learning rate of each."""
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("name", get_args(Scheduler))
def test_every_step_of_the_warmup_trains(name: str) -> None:
    optimizer = make_adamw()
    settings = Hyperparameters(learning_rate=2.0, scheduler=name, warmup_steps=WARMUP)
    found = rates(make_scheduler(optimizer, settings, STEPS), optimizer, STEPS)
    assert found[: WARMUP + 1] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0])
    assert max(found) == pytest.approx(2.0)


@pytest.mark.parametrize("name", get_args(Scheduler))
@pytest.mark.parametrize(("warmup", "total"), [(0, 1), (0, 5), (1, 1), (1, 2), (4, 12), (5, 5), (7, 5)])
def test_every_rate_equals_the_formula_and_none_is_zero(name: str, warmup: int, total: int) -> None:
    optimizer = make_adamw()
    settings = Hyperparameters(learning_rate=2.0, scheduler=name, warmup_steps=warmup)
    found = rates(make_scheduler(optimizer, settings, total), optimizer, total)
    assert found == pytest.approx([2.0 * schedule(name, step, warmup, total) for step in range(total)])
    assert min(found) > 0


@pytest.mark.parametrize(("name", "last"), [("linear", 1 / 8), ("cosine", 0.1342), ("constant", 1.0)])
def test_last_step_is_at_the_end_of_the_schedule(name: str, last: float) -> None:
    optimizer = make_adamw()
    settings = Hyperparameters(learning_rate=2.0, scheduler=name, warmup_steps=WARMUP)
    found = rates(make_scheduler(optimizer, settings, STEPS), optimizer, STEPS)
    assert found[-1] == pytest.approx(2.0 * last, rel=1e-3)
    assert found == sorted(found[:WARMUP]) + sorted(found[WARMUP:], reverse=True)


def test_warmup_ratio_is_rounded_up_to_whole_steps() -> None:
    assert Hyperparameters(learning_rate=1.0, warmup_ratio=0.03).warmup(100) == 3
    assert Hyperparameters(learning_rate=1.0, warmup_ratio=0.03).warmup(101) == 4
    assert Hyperparameters(learning_rate=1.0, warmup_ratio=0.5, warmup_steps=0).warmup(100) == 0
    assert Hyperparameters(learning_rate=1.0).warmup(100) == 0


@pytest.mark.parametrize("done", [2, 6])
def test_run_resumes_from_a_schedule_that_began_at_zero(done: int) -> None:
    earlier = make_adamw()
    schedule = get_scheduler("linear", earlier, num_warmup_steps=WARMUP, num_training_steps=STEPS)
    rates(schedule, earlier, done)
    resumed = make_adamw()
    settings = Hyperparameters(learning_rate=2.0, scheduler="linear", warmup_steps=WARMUP)
    scheduler = make_scheduler(resumed, settings, STEPS)
    resumed.load_state_dict(earlier.state_dict())
    scheduler.load_state_dict(schedule.state_dict())
    next_rates, earlier_rates = rates(scheduler, resumed, STEPS - done), rates(schedule, earlier, STEPS - done)
    after = max(0, WARMUP - done)
    assert next_rates[0] == earlier_rates[0]
    assert next_rates[after:] == pytest.approx(earlier_rates[after:])
    if done < WARMUP:
        assert next_rates[1] > earlier_rates[1]
