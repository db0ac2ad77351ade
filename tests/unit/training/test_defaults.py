"""Defaults by method, model size and data."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.training.engine.spec import Hyperparameters
from services.training.errors import ExceedsMachine, UnsuitableDataset
from services.training.jobs.defaults import ModelAndData, ResolvedSettings, resolve_settings
from services.training.models import Allocation
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine, check_allocation, check_process_count
from tests.support.data_cases import data_case

GUIDE = Path(__file__).parents[3] / "docs/guides/training.md"
MACHINE = Machine(cpu=8, gpu=0, memory_gb=24)


def resolved(parameters: float = 5e6, rows: int = 240, form: str = "messages", **settings: Any) -> ResolvedSettings:
    subject = ModelAndData(parameters=int(parameters), context_length=1024, rows=rows, form=form)
    return resolve_settings(TrainingSettings(**settings), subject, MACHINE, slots=2)


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


def test_guide_lists_the_defaults_by_size() -> None:
    lines = (line.strip("|").split("|") for line in GUIDE.read_text().splitlines())
    rows = [line for line in lines if len(line) == 4 and line[0].split()[0] in ("under", "to", "above")]
    for largest, (_, adapter, full, per_step) in zip((50e6, 0.6e9, 4e9, 14e9, 1e12), rows, strict=True):
        for method, rate in (("lora", adapter), ("qlora", adapter), ("full", full)):
            values = resolved(largest - 1, rows=1_000_000, method=method).hyperparameters
            assert values["learning_rate"] == float(rate)
            assert values["micro_batch_tokens"] == (4096 if largest <= 4e9 else 2048)
            size = int("".join(filter(str.isdigit, per_step)))
            assert values["batch_size"] == (size if "rows" in per_step else size * 1024 // 512)


def test_adapters_are_on_all_linear_layers_without_dropout() -> None:
    expected = {"rank": 16, "alpha": 32, "dropout": 0, "rslora": False, "targets": "all-linear"}
    assert resolved().hyperparameters["lora"] == expected
    assert resolved(lora={"rslora": True}).hyperparameters["lora"] == {**expected, "rslora": True, "alpha": 8}


def test_tiny_model_takes_400_small_steps() -> None:
    values = resolved().hyperparameters
    assert (values["batch_size"], values["max_steps"], values["epochs"]) == (8, 400, None)


def test_tiny_data_is_repeated_at_most_20_times() -> None:
    assert resolved(rows=16).total_steps == 40


def test_requested_epochs_apply_to_a_tiny_model() -> None:
    job = resolved(epochs=2)
    assert (job.hyperparameters["epochs"], job.hyperparameters["max_steps"], job.total_steps) == (2, None, 60)


def test_small_data_gets_about_100_steps() -> None:
    assert 75 <= resolved(135e6, rows=200).total_steps <= 120


def test_large_data_gets_one_epoch_in_steps_of_8k_tokens() -> None:
    values = resolved(135e6, rows=60_000).hyperparameters
    assert (values["epochs"], values["batch_size"]) == (1.0, 16)
    assert resolved(135e6, rows=10_000).hyperparameters["epochs"] == 3.0


def test_warmup_is_3_percent_at_least_10_steps_at_most_half() -> None:
    assert resolved(max_steps=1000).hyperparameters["warmup_steps"] == 30
    assert resolved(max_steps=100).hyperparameters["warmup_steps"] == 10
    assert resolved(max_steps=6).hyperparameters["warmup_steps"] == 3
    assert resolved(max_steps=1000, warmup_ratio=0.1).hyperparameters["warmup_steps"] == 100
    assert resolved(max_steps=1000, warmup_steps=0).hyperparameters["warmup_steps"] == 0


def test_job_has_about_ten_evaluations_and_checkpoints() -> None:
    values = resolved(max_steps=200).hyperparameters
    assert (values["eval_every"], values["checkpoint_every"]) == (20, 20)
    assert resolved(max_steps=200, eval_every=50).hyperparameters["checkpoint_every"] == 50


def test_raw_text_is_continued_pretraining() -> None:
    values = resolved(135e6, form="text").hyperparameters
    assert (values["learning_rate"], values["lora"]["rank"], values["lora"]["alpha"]) == (1e-4, 64, 128)


def test_alpha_follows_the_requested_rank() -> None:
    assert resolved(lora={"rank": 4}).hyperparameters["lora"]["alpha"] == 8


def test_full_training_has_no_adapter_and_some_weight_decay() -> None:
    values = resolved(method="full").hyperparameters
    assert (values["lora"], values["weight_decay"]) == (None, 0.01)


def test_zero_is_a_value_not_a_default() -> None:
    job = resolved(seed=0, weight_decay=0, lora={"dropout": 0})
    assert job.hyperparameters["seed"] == 0
    assert not {"seed", "weight_decay", "lora.dropout"} & set(job.defaulted)


def test_max_length_is_capped_by_the_model() -> None:
    assert resolved(max_length=100_000).hyperparameters["max_length"] == 1024
    assert resolved().hyperparameters["max_length"] is None


def test_defaulted_settings_are_named() -> None:
    job = resolved(learning_rate=1e-3, resources={"cpu": 1})
    assert {"method", "batch_size", "lora.rank", "resources.memory_gb", "priority"} <= set(job.defaulted)
    assert not {"learning_rate", "resources.cpu"} & set(job.defaulted)
    assert set(job.defaulted) - {name for name in job.defaulted if "." in name} <= {
        "method",
        "priority",
        *job.hyperparameters,
    }


def test_setting_replaced_by_another_is_not_a_default() -> None:
    job = resolved(max_steps=9, warmup_ratio=0.1)
    assert not {"max_steps", "epochs", "warmup_steps"} & set(job.defaulted)


def test_job_gets_its_share_of_the_cores() -> None:
    job = resolved()
    assert (job.resources.cpu, job.hyperparameters["threads"]) == (4, 4)
    assert resolved(resources={"cpu": 1}).hyperparameters["threads"] == 1


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@pytest.mark.parametrize("parameters", [5e6, 1e9])
def test_engine_parses_every_resolved_setting(method: str, parameters: float) -> None:
    values = resolved(parameters, method=method).hyperparameters
    parsed = Hyperparameters.model_validate({"method": method, **values})
    assert parsed.model_dump(include=set(values)) == values


def test_engine_counts_the_same_steps() -> None:
    job = resolved(1e9, rows=999, epochs=2.5, batch_size=7)
    assert Hyperparameters.model_validate(job.hyperparameters).total_steps(999) == job.total_steps


def test_request_beyond_the_machine_is_refused_with_the_limit() -> None:
    with pytest.raises(ExceedsMachine) as refused:
        check_allocation(Allocation(cpu=1, gpu=2), [MACHINE])
    assert (refused.value.field, refused.value.limit) == ("resources.gpu", 0)


def test_preference_pairs_default_to_dpo() -> None:
    dpo = resolved(1e9, form="preference").hyperparameters
    assert (dpo["objective"], dpo["beta"], dpo["learning_rate"]) == ("dpo", 0.1, 5e-6)
    assert dpo["epochs"] == 1.0
    assert resolved(1e9, form="preference", method="full").hyperparameters["learning_rate"] == 5e-7
    tiny = [resolved(form="preference", method=method).hyperparameters["learning_rate"] for method in ("lora", "full")]
    assert tiny == [5e-4, 5e-5]
    sft = resolved(1e9, form="preference", objective="sft").hyperparameters
    assert (sft["objective"], sft["beta"], sft["learning_rate"]) == ("sft", None, 2e-4)
    assert {"objective", "beta"} <= set(resolved(form="preference").defaulted)
    assert resolved().hyperparameters["objective"] == "sft"
    assert resolved(form="preference").hyperparameters["max_steps"] == 3 * 240 / 8


def test_dpo_needs_preference_pairs() -> None:
    with pytest.raises(UnsuitableDataset) as caught:
        resolved(form="messages", objective="dpo")
    assert (caught.value.field, caught.value.limit) == ("objective", "preference")
    with pytest.raises(ValueError, match="beta has no meaning"):
        TrainingSettings(objective="sft", beta=0.2)


def test_dpo_runs_in_one_process() -> None:
    assert resolved(form="preference", objective="sft", processes=2).hyperparameters["processes"] == 2
    with pytest.raises(UnsuitableDataset) as caught:
        resolved(form="preference", processes=2)
    assert (caught.value.field, caught.value.limit) == ("processes", 1)


def test_each_process_gets_its_own_gpu_or_core() -> None:
    subject = ModelAndData(parameters=10**9, context_length=1024, rows=240, form="messages")
    on_gpus = resolve_settings(TrainingSettings(processes=4), subject, Machine(cpu=8, gpu=4, memory_gb=64), slots=4)
    assert (on_gpus.resources.gpu, on_gpus.resources.cpu) == (4, 4)
    assert resolved(processes=6).resources.cpu == 6


def test_what_was_never_measured_on_a_gpu_is_off_there() -> None:
    subject, machine = ModelAndData(10**9, 1024, 240, "messages"), Machine(cpu=8, gpu=1, memory_gb=64)
    for settings in ({}, {"gpu_kernels": True}):
        job = resolve_settings(TrainingSettings(**settings), subject, machine, slots=1)
        assert job.hyperparameters["gpu_kernels"] == bool(settings)
        assert ("gpu_kernels" in job.defaulted) == (not settings)


def test_compile_is_refused_with_the_reason_unless_it_is_off() -> None:
    with pytest.raises(ValidationError, match="compile is gone: compiled layers gained nothing"):
        TrainingSettings.model_validate({"compile": True})
    assert TrainingSettings.model_validate({"compile": None, "seed": 7}).given() == {"seed": 7}
    queued = Hyperparameters.model_validate({"learning_rate": 1.0, "compile": True})  # by an earlier version
    assert "compile" not in queued.model_dump()


@pytest.mark.parametrize(("gpu", "limit"), [(2, 2), (0, 8)])
def test_more_processes_than_gpus_or_cores_are_refused(gpu: int, limit: int) -> None:
    subject = ModelAndData(parameters=10**9, context_length=1024, rows=240, form="messages")
    job = resolve_settings(TrainingSettings(processes=9), subject, Machine(cpu=8, gpu=gpu, memory_gb=64), slots=1)
    with pytest.raises(ExceedsMachine) as caught:
        check_process_count(9, job.resources)
    assert (caught.value.field, caught.value.limit) == ("processes", limit)
    assert "resources." in str(caught.value.remedy)


@pytest.mark.parametrize("other", [{"method": "qlora"}, {"optimizer": "adamw_8bit"}, {"dtype": "fp16"}])
def test_fsdp_is_refused_for_unshardable_settings(other: dict[str, Any]) -> None:
    TrainingSettings(strategy="ddp", **other)
    with pytest.raises(ValueError, match="use ddp"):
        TrainingSettings(strategy="fsdp", **other)


@data_case(
    "Preferences",
    "Supervised training on unpaired preferences",
    "refused, with the remedy to use objective `kto` or to keep only rows with label true; by default `kto`",
    "huggingface/trl#1116; LLaMA-Factory data/kto_en_demo.json",
)
def test_unpaired_preferences_are_trained_by_kto_only() -> None:
    kto = resolved(1e9, form="unpaired").hyperparameters
    assert (kto["objective"], kto["beta"], kto["learning_rate"], kto["epochs"]) == ("kto", 0.1, 5e-6, 1.0)
    assert (kto["desirable_weight"], kto["undesirable_weight"]) == (1.0, 1.0)
    assert "desirable_weight" not in resolved(1e9).hyperparameters
    with pytest.raises(UnsuitableDataset) as caught:
        resolved(form="unpaired", objective="sft")
    assert caught.value.remedy == "Use objective kto, or keep only the rows with label true."
    with pytest.raises(UnsuitableDataset) as caught:
        resolved(form="messages", objective="kto")
    assert (caught.value.limit, caught.value.remedy) == ("unpaired", "Use objective sft, or upload rows with them.")


@data_case("Preferences", "`method: kto` or `method: dpo`", "read as the objective", "OpenAI method.type")
def test_objective_may_be_given_as_the_method() -> None:
    job = resolved(form="unpaired", method="kto")
    assert (job.method, job.hyperparameters["objective"]) == ("lora", "kto")
    assert "method" in job.defaulted
    with pytest.raises(ValueError, match="known methods are full, lora, qlora"):
        TrainingSettings.model_validate({"method": "kto", "objective": "dpo"})


@pytest.mark.parametrize(
    ("form", "settings", "limit"),
    [
        ("unpaired", {"batch_size": 1}, 2),
        ("unpaired", {"processes": 2}, 1),
        ("messages", {"desirable_weight": 2.0}, "kto"),
        ("messages", {"beta": 0.2}, "dpo or kto"),
        ("messages", {"quantization": "nf4"}, "qlora"),
    ],
)
def test_settings_that_the_objective_or_method_cannot_use_are_refused(
    form: str, settings: dict[str, Any], limit: object
) -> None:
    with pytest.raises(UnsuitableDataset) as caught:
        resolved(form=form, **settings)
    assert ([caught.value.field], caught.value.limit) == ([*settings], limit)
    assert caught.value.remedy


def test_default_step_of_kto_has_two_rows() -> None:
    assert resolved(1e9, rows=50, form="unpaired").hyperparameters["batch_size"] == 2
    assert resolved(1e9, rows=50, form="preference").hyperparameters["batch_size"] == 1


def test_empty_list_of_lora_targets_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one module"):
        resolved(lora={"targets": []})
