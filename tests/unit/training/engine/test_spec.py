"""The engine's spec: defaults like the service's, the length of a run, and specs that are refused by field."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from services.training.engine.spec import Hyperparameters, Lora, Objective, TrainingSpec
from services.training.jobs.defaults import ModelAndData, resolve_settings
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine
from shared.engine.process.protocol import EngineError

SPEC: dict[str, Any] = {
    "workdir": "work",
    "model": {"path": "model"},
    "dataset": {"train": ["train.parquet"]},
    "hyperparameters": {"learning_rate": 1e-3},
    "output": "output",
    "checkpoints": "checkpoints",
}


def test_spec_by_hand_trains_as_a_job_does_by_default() -> None:
    by_data = {"objective", "learning_rate", "micro_batch_tokens", "threads", "lora"}
    engine = Hyperparameters(learning_rate=1e-3).model_dump(exclude=by_data, exclude_none=True)
    for form in ("messages", "unpaired"):
        subject = ModelAndData(parameters=5_000_000, context_length=1024, rows=240, form=form)
        machine = Machine(cpu=4, gpu=0, memory_gb=16)
        job = resolve_settings(TrainingSettings(), subject, machine, slots=1).hyperparameters
        assert engine == {name: job.get(name, engine[name]) for name in engine}
        assert Lora().model_dump() == job["lora"]


@pytest.mark.parametrize(
    ("settings", "rows", "steps"),
    [
        ({"batch_size": 4}, 9, 3),
        ({"batch_size": 4}, 0, 1),
        ({"batch_size": 4, "epochs": 2.0}, 9, 6),
        ({"batch_size": 4, "epochs": 0.5}, 9, 2),
        ({"batch_size": 4, "epochs": 0.01}, 9, 1),
        ({"batch_size": 4, "epochs": 2.0, "max_steps": 7}, 9, 7),
    ],
)
def test_run_takes_its_epochs_in_whole_steps(settings: dict[str, Any], rows: int, steps: int) -> None:
    assert Hyperparameters(learning_rate=1e-3, **settings).total_steps(rows) == steps


@pytest.mark.parametrize("form", ["text", "messages", "preference", "unpaired"])
@pytest.mark.parametrize("objective", get_args(Objective))
def test_objective_needs_rows_that_it_can_learn_from(objective: Objective, form: str) -> None:
    learned = {"sft": {"text", "messages", "preference"}, "dpo": {"preference"}, "kto": {"unpaired"}}
    settings = {**SPEC["hyperparameters"], "objective": objective}
    spec = {**SPEC, "dataset": {**SPEC["dataset"], "form": form}, "hyperparameters": settings}
    if form in learned[objective]:
        assert TrainingSpec.of(spec).hyperparameters.objective == objective
        return
    with pytest.raises(EngineError) as refused:
        TrainingSpec.of(spec)
    assert (refused.value.code, refused.value.fields["field"]) == ("bad_spec", "objective")


@pytest.mark.parametrize(
    ("changes", "field", "limit"),
    [
        ({"dataset": {"train": []}}, "dataset.train", None),
        ({"output": None, "checkpoints": None}, "output", None),  # the first of several
        ({"hyperparameters": {"learning_rate": 1e-3, "epoch": 3}}, "hyperparameters.epoch", None),
        (
            {
                "dataset": {"train": ["t"], "form": "unpaired"},
                "hyperparameters": {"learning_rate": 1e-3, "objective": "kto", "batch_size": 1},
            },
            "batch_size",
            2,
        ),
    ],
)
def test_refused_spec_names_the_field(changes: dict[str, Any], field: str, limit: int | None) -> None:
    with pytest.raises(EngineError) as refused:
        TrainingSpec.of({**SPEC, **changes})
    assert (refused.value.code, refused.value.fields["field"]) == ("bad_spec", field)
    assert refused.value.fields.get("limit") == limit
    assert field in refused.value.detail


@pytest.mark.parametrize("gpu_kernels", [True, False])
def test_rows_are_packed_on_a_cpu_and_on_request_on_a_gpu(gpu_kernels: bool) -> None:
    settings = Hyperparameters(learning_rate=1e-3, gpu_kernels=gpu_kernels)
    assert (settings.may_pack("cpu"), settings.may_pack("cuda")) == (True, gpu_kernels)
