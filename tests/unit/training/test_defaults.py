"""Defaults by method, model size and data."""

from typing import Any

import pytest

from services.training.engine.spec import Hyperparameters
from services.training.errors import ExceedsMachine, UnsuitableDataset
from services.training.jobs.defaults import Resolved, Subject, resolve
from services.training.models import Allocation
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine, check, check_processes

MACHINE = Machine(cpu=8, gpu=0, memory_gb=24)


def resolved(parameters: float = 5e6, rows: int = 240, form: str = "messages", **settings: Any) -> Resolved:
    subject = Subject(parameters=int(parameters), context_length=1024, rows=rows, form=form)
    return resolve(TrainingSettings(**settings), subject, MACHINE, slots=2)


@pytest.mark.parametrize(
    ("parameters", "method", "rate"),
    [
        (5e6, "lora", 3e-3),
        (5e6, "full", 1e-3),
        (135e6, "lora", 5e-4),
        (135e6, "full", 5e-5),
        (1e9, "qlora", 2e-4),
        (8e9, "full", 1e-5),
        (70e9, "lora", 1e-4),
        (70e9, "full", 5e-6),
    ],
)
def test_learning_rate_follows_method_and_size(parameters: float, method: str, rate: float) -> None:
    assert resolved(parameters, method=method).hyperparameters["learning_rate"] == rate


def test_a_tiny_model_takes_about_400_small_steps() -> None:
    values = resolved().hyperparameters
    assert (values["batch_size"], values["max_steps"], values["epochs"]) == (8, 400, None)


def test_tiny_data_is_not_repeated_for_ever() -> None:
    assert resolved(rows=16).total_steps == 40


def test_epochs_that_were_asked_for_are_kept_for_a_tiny_model() -> None:
    job = resolved(epochs=2)
    assert (job.hyperparameters["epochs"], job.hyperparameters["max_steps"], job.total_steps) == (2, None, 60)


def test_small_data_still_gets_about_a_hundred_steps() -> None:
    assert 75 <= resolved(135e6, rows=200).total_steps <= 120


def test_large_data_is_seen_once_and_in_steps_of_8k_tokens() -> None:
    values = resolved(135e6, rows=60_000).hyperparameters
    assert (values["epochs"], values["batch_size"]) == (1.0, 16)
    assert resolved(135e6, rows=10_000).hyperparameters["epochs"] == 3.0


def test_warm_up_is_three_percent_but_at_least_ten_steps_and_at_most_half() -> None:
    assert resolved(max_steps=1000).hyperparameters["warmup_steps"] == 30
    assert resolved(max_steps=100).hyperparameters["warmup_steps"] == 10
    assert resolved(max_steps=6).hyperparameters["warmup_steps"] == 3
    assert resolved(max_steps=1000, warmup_ratio=0.1).hyperparameters["warmup_steps"] == 100
    assert resolved(max_steps=1000, warmup_steps=0).hyperparameters["warmup_steps"] == 0


def test_evaluations_and_checkpoints_come_about_ten_times() -> None:
    values = resolved(max_steps=200).hyperparameters
    assert (values["eval_every"], values["checkpoint_every"]) == (20, 20)
    assert resolved(max_steps=200, eval_every=50).hyperparameters["checkpoint_every"] == 50


def test_raw_text_is_continued_pretraining() -> None:
    values = resolved(135e6, form="text").hyperparameters
    assert (values["learning_rate"], values["lora"]["rank"], values["lora"]["alpha"]) == (1e-4, 64, 128)


def test_alpha_follows_the_rank_that_was_asked_for() -> None:
    assert resolved(lora={"rank": 4}).hyperparameters["lora"]["alpha"] == 8


def test_full_training_has_no_adapter_and_some_weight_decay() -> None:
    values = resolved(method="full").hyperparameters
    assert (values["lora"], values["weight_decay"]) == (None, 0.01)


def test_zero_is_a_value_and_not_a_default() -> None:
    job = resolved(seed=0, weight_decay=0, lora={"dropout": 0})
    assert job.hyperparameters["seed"] == 0
    assert not {"seed", "weight_decay", "lora.dropout"} & set(job.defaulted)


def test_max_length_is_capped_by_the_model() -> None:
    assert resolved(max_length=100_000).hyperparameters["max_length"] == 1024
    assert resolved().hyperparameters["max_length"] is None


def test_what_was_left_out_is_named() -> None:
    job = resolved(learning_rate=1e-3, resources={"cpu": 1})
    assert {"method", "batch_size", "lora.rank", "resources.memory_gb", "priority"} <= set(job.defaulted)
    assert not {"learning_rate", "resources.cpu"} & set(job.defaulted)
    assert set(job.defaulted) - {name for name in job.defaulted if "." in name} <= {
        "method",
        "priority",
        *job.hyperparameters,
    }


def test_one_setting_in_place_of_another_is_no_default() -> None:
    job = resolved(max_steps=9, warmup_ratio=0.1)
    assert not {"max_steps", "epochs", "warmup_steps"} & set(job.defaulted)


def test_a_job_takes_its_share_of_the_cores() -> None:
    job = resolved()
    assert (job.resources.cpu, job.hyperparameters["threads"]) == (4, 4)
    assert resolved(resources={"cpu": 1}).hyperparameters["threads"] == 1


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@pytest.mark.parametrize("parameters", [5e6, 1e9])
def test_the_engine_understands_every_resolved_setting(method: str, parameters: float) -> None:
    values = resolved(parameters, method=method).hyperparameters
    parsed = Hyperparameters.model_validate({"method": method, **values})
    assert parsed.model_dump(include=set(values)) == values


def test_the_engine_counts_the_same_steps() -> None:
    job = resolved(1e9, rows=999, epochs=2.5, batch_size=7)
    assert Hyperparameters.model_validate(job.hyperparameters).total_steps(999) == job.total_steps


def test_asking_for_more_than_the_machine_names_what_it_has() -> None:
    with pytest.raises(ExceedsMachine) as refused:
        check(Allocation(cpu=1, gpu=2), [MACHINE])
    assert (refused.value.field, refused.value.limit) == ("resources.gpu", 0)


def test_preference_pairs_are_compared_unless_asked_otherwise() -> None:
    compared = resolved(1e9, form="preference").hyperparameters
    assert (compared["objective"], compared["beta"], compared["learning_rate"]) == ("dpo", 0.1, 5e-6)
    assert compared["epochs"] == 1.0
    assert resolved(1e9, form="preference", method="full").hyperparameters["learning_rate"] == 5e-7
    learned = resolved(1e9, form="preference", objective="sft").hyperparameters
    assert (learned["objective"], learned["beta"], learned["learning_rate"]) == ("sft", None, 2e-4)
    assert {"objective", "beta"} <= set(resolved(form="preference").defaulted)
    assert resolved().hyperparameters["objective"] == "sft"
    assert resolved(form="preference").hyperparameters["max_steps"] == 3 * 240 / 8


def test_without_a_second_answer_there_is_nothing_to_compare() -> None:
    with pytest.raises(UnsuitableDataset) as caught:
        resolved(form="messages", objective="dpo")
    assert (caught.value.field, caught.value.limit) == ("objective", "preference")
    with pytest.raises(ValueError, match="beta has no meaning"):
        TrainingSettings(objective="sft", beta=0.2)


def test_pairs_are_compared_in_one_process() -> None:
    assert resolved(form="preference", objective="sft", processes=2).hyperparameters["processes"] == 2
    with pytest.raises(UnsuitableDataset) as caught:
        resolved(form="preference", processes=2)
    assert (caught.value.field, caught.value.limit) == ("processes", 1)


def test_each_of_several_processes_gets_a_gpu_or_a_core_of_its_own() -> None:
    subject = Subject(parameters=10**9, context_length=1024, rows=240, form="messages")
    on_gpus = resolve(TrainingSettings(processes=4), subject, Machine(cpu=8, gpu=4, memory_gb=64), slots=4)
    assert (on_gpus.resources.gpu, on_gpus.resources.cpu) == (4, 4)
    assert resolved(processes=6).resources.cpu == 6


@pytest.mark.parametrize(("gpu", "limit"), [(2, 2), (0, 8)])
def test_more_processes_than_gpus_or_cores_are_refused(gpu: int, limit: int) -> None:
    subject = Subject(parameters=10**9, context_length=1024, rows=240, form="messages")
    job = resolve(TrainingSettings(processes=9), subject, Machine(cpu=8, gpu=gpu, memory_gb=64), slots=1)
    with pytest.raises(ExceedsMachine) as caught:
        check_processes(9, job.resources)
    assert (caught.value.field, caught.value.limit) == ("processes", limit)
    assert "resources." in str(caught.value.remedy)


@pytest.mark.parametrize("other", [{"method": "qlora"}, {"optimizer": "adamw_8bit"}, {"dtype": "fp16"}])
def test_what_cannot_be_parted_is_not_trained_with_fsdp(other: dict[str, Any]) -> None:
    TrainingSettings(strategy="ddp", **other)
    with pytest.raises(ValueError, match="use ddp"):
        TrainingSettings(strategy="fsdp", **other)
