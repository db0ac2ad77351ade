"""Whether a resolved job fits: its heaviest micro-batch, a verdict, and what would fit instead."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.training.errors import DoesNotFit, UnsuitableDataset
from services.training.estimates import feasibility
from services.training.estimates.feasibility import EstimateInputs
from services.training.estimates.lengths import RowLengths
from services.training.jobs.defaults import ModelAndData, ResolvedSettings, resolve_settings
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine
from shared.blobs.manifests import ModelShape

BILLION = ModelShape(
    parameters=1_200_000_000,
    hidden=2048,
    layers=16,
    heads=32,
    kv_heads=8,
    head_size=64,
    mlp=8192,
    vocab=128_000,
    tied=True,
    stored=2,
)
SEEDLING = ModelShape(
    parameters=4_721_408,
    hidden=256,
    layers=5,
    heads=4,
    kv_heads=2,
    head_size=64,
    mlp=768,
    vocab=3072,
    tied=True,
    stored=2,
)
ROWS = RowLengths([(100, 40, 60, 900), (300, 100, 200, 91), (2000, 10, 1990, 9)], 1000, 0)


def resolved_for(shape: ModelShape, form: str = "messages", **settings: Any) -> ResolvedSettings:
    facts = ModelAndData(parameters=shape.parameters, context_length=4096, rows=1000, form=form)
    return resolve_settings(TrainingSettings(**settings), facts, Machine(cpu=4, gpu=0, memory_gb=16), 1)


def inputs_for(shape: ModelShape, gib: float, lengths: RowLengths | None = ROWS) -> EstimateInputs:
    return EstimateInputs(shape=shape, context=4096, lengths=lengths, limit=round(gib * 2**30), fast_bf16=False)


@pytest.mark.parametrize("gib", [4, 8, 24])
@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_bundled_model_fits_on_any_laptop(gib: float, method: str) -> None:
    resolved, inputs = resolved_for(SEEDLING, method=method), inputs_for(SEEDLING, gib, None)
    feasibility.refuse_impossible(resolved, inputs)
    assert feasibility.judge(resolved, inputs) == "fits"


def test_job_that_cannot_fit_is_refused_with_settings_that_do() -> None:
    resolved, inputs = resolved_for(BILLION, method="full"), inputs_for(BILLION, 16)
    with pytest.raises(DoesNotFit) as refused:
        feasibility.refuse_impossible(resolved, inputs)
    problem = refused.value.problem()
    assert (problem["status"], problem["code"], problem["field"]) == (422, "does_not_fit", "method")
    assert problem["limit"] == 16 * 2**30 < problem["needed"]
    assert problem["fitting"][0]["method"] == "lora"
    assert "method lora" in problem["remedy"]
    assert (
        f"needs about {problem['needed'] / 1024**3:.1f} GiB of memory, and the machine has 16.0 GiB"
        in problem["detail"]
    )


def test_each_alternative_passes_the_same_check() -> None:
    resolved, inputs = resolved_for(BILLION, method="full"), inputs_for(BILLION, 12)
    alternatives = feasibility.find_alternatives(resolved, inputs)
    assert alternatives
    for alternative in alternatives:
        changed = {"micro_batch_tokens": 4096, **alternative.changes}
        feasibility.refuse_impossible(resolved_for(BILLION, **{"method": "full", **changed}), inputs)


def test_smaller_micro_batches_are_suggested_first() -> None:
    resolved = resolved_for(BILLION, method="lora", micro_batch_tokens=65_536, batch_size=512)
    first = feasibility.find_alternatives(resolved, inputs_for(BILLION, 14))[0]
    assert list(first.changes) == ["micro_batch_tokens"]


def test_open_settings_are_made_to_fit_without_changing_the_result() -> None:
    unchanged = resolved_for(BILLION, method="lora", batch_size=512, dtype="bf16")
    assert feasibility.fit_to_memory(unchanged, inputs_for(BILLION, 64)) is unchanged
    smaller = feasibility.fit_to_memory(unchanged, inputs_for(BILLION, 10.5)).hyperparameters
    assert (smaller["micro_batch_tokens"], smaller["gradient_checkpointing"]) == (2048, False)
    recomputed = feasibility.fit_to_memory(unchanged, inputs_for(BILLION, 4.8)).hyperparameters
    assert (recomputed["micro_batch_tokens"], recomputed["gradient_checkpointing"]) == (1024, True)
    assert recomputed | {"micro_batch_tokens": 4096, "gradient_checkpointing": False} == unchanged.hyperparameters


def test_requested_settings_are_not_changed_and_may_be_refused() -> None:
    settings = {"dtype": "bf16", "micro_batch_tokens": 4096, "batch_size": 512, "gradient_checkpointing": False}
    given = resolved_for(BILLION, method="lora", **settings)
    assert feasibility.fit_to_memory(given, inputs_for(BILLION, 6)) is given
    with pytest.raises(DoesNotFit) as refused:
        feasibility.refuse_impossible(given, inputs_for(BILLION, 6))
    assert {"gradient_checkpointing": True} in refused.value.problem()["fitting"]


def test_model_too_large_for_the_machine_is_refused_with_a_remedy() -> None:
    with pytest.raises(DoesNotFit, match="needs about") as refused:
        feasibility.refuse_impossible(resolved_for(BILLION, method="qlora"), inputs_for(BILLION, 1))
    assert "smaller base" in str(refused.value.remedy)


def test_nothing_is_refused_on_a_gpu_which_was_never_measured() -> None:
    resolved = resolved_for(BILLION, method="full")
    on_gpu = replace(resolved, resources=resolved.resources.model_copy(update={"gpu": 1}))
    feasibility.refuse_impossible(on_gpu, inputs_for(BILLION, 1))
    assert feasibility.judge(on_gpu, inputs_for(BILLION, 1)) == "unknown"


@pytest.mark.parametrize(("gpu_kernels", "layout"), [(False, "padded"), (True, "packed")])
def test_rows_on_a_gpu_are_packed_on_request_only(gpu_kernels: bool, layout: str) -> None:
    job = resolved_for(BILLION, gpu_kernels=gpu_kernels)
    on_gpu = replace(job, resources=job.resources.model_copy(update={"gpu": 1}))
    assert feasibility.plan_step(job, replace(inputs_for(BILLION, 8), lengths=None)).layout == "packed"
    assert feasibility.plan_step(on_gpu, replace(inputs_for(BILLION, 8), lengths=None)).layout == layout
    assert feasibility.plan_step(job, inputs_for(BILLION, 8)).layout == "packed"
    assert feasibility.plan_step(on_gpu, inputs_for(BILLION, 8)).layout == layout


def test_rows_without_a_token_to_learn_are_refused() -> None:
    with pytest.raises(UnsuitableDataset, match="No row"):
        feasibility.refuse_impossible(resolved_for(SEEDLING, max_length=32), inputs_for(SEEDLING, 8))


def test_heaviest_micro_batch_follows_from_rows_and_settings() -> None:
    small = feasibility.plan_step(resolved_for(SEEDLING, batch_size=2, max_length=320), inputs_for(SEEDLING, 8))
    assert small.tokens <= 2 * 300
    assert not small.accumulates
    large = feasibility.plan_step(
        resolved_for(SEEDLING, batch_size=64, micro_batch_tokens=1024), inputs_for(SEEDLING, 8)
    )
    assert (large.tokens, large.accumulates) == (1024, True)
    long = feasibility.plan_step(
        resolved_for(SEEDLING, micro_batch_tokens=256, max_length=2000), inputs_for(SEEDLING, 8)
    )
    assert long.tokens == long.length == 2000  # a longer row is a micro-batch of its own


def test_short_rows_of_similar_lengths_are_padded_as_in_the_engine() -> None:
    short = RowLengths([(60, 20, 40, 500), (64, 54, 10, 500)], 1000, 0)
    plan = feasibility.plan_step(
        resolved_for(SEEDLING, batch_size=64, micro_batch_tokens=512), inputs_for(SEEDLING, 8, short)
    )
    assert (plan.layout, plan.tokens, plan.length) == ("padded", 512, 64)
    assert plan.trained > (20 * 500 + 54 * 500) / (124 * 500)  # from the first column that any of the rows trains on
    uneven = RowLengths([(10, 5, 5, 500), (64, 54, 10, 500)], 1000, 0)
    assert feasibility.plan_step(resolved_for(SEEDLING), inputs_for(SEEDLING, 8, uneven)).layout == "packed"


def test_padding_counts_as_tokens_of_a_padded_micro_batch() -> None:
    few = RowLengths([(60, 30, 30, 990), (64, 34, 30, 10)], 1000, 0)
    plan = feasibility.plan_step(resolved_for(SEEDLING, batch_size=8), inputs_for(SEEDLING, 8, few))
    assert plan.layout == "padded"
    assert 8 * 60 < plan.tokens <= 8 * 64


def test_lengths_are_truncated_as_in_the_engine() -> None:
    stats = ROWS.truncated_to(200)
    assert (stats.rows, stats.longest) == (900, 100)
    assert stats.untrained == pytest.approx(0.1)
    assert ROWS.truncated_to(250).truncated == pytest.approx(0.091)
    assert ROWS.default_max_length(4096) == 320


def test_throughput_is_flops_of_the_cores_over_flops_of_a_token() -> None:
    inputs = inputs_for(SEEDLING, 16)
    full, lora = (resolved_for(SEEDLING, method=method, dtype="fp32") for method in ("full", "lora"))
    assert feasibility.estimate_throughput(full, inputs, 1e11) == pytest.approx(0.8 * 4e11 / (6 * 4_721_408))
    assert feasibility.estimate_throughput(lora, inputs, 1e11) == pytest.approx(0.8 * 4e11 / (4 * 4_721_408))
    recomputed = resolved_for(SEEDLING, method="full", dtype="fp32", gradient_checkpointing=True)
    assert feasibility.estimate_throughput(recomputed, inputs, 1e11) == pytest.approx(0.8 * 4e11 / (8 * 4_721_408))


def test_micro_batches_of_preferences_are_padded_to_the_longest_row() -> None:
    """As many rows as fit, in divisors of the batch; a pair has two answers, and kto needs two rows."""
    settings = {"batch_size": 6, "micro_batch_tokens": 3000, "max_length": 300}
    inputs = inputs_for(SEEDLING, 8)
    pairs = feasibility.plan_step(resolved_for(SEEDLING, "preference", **settings), inputs)
    assert (pairs.tokens, pairs.length, pairs.trained, pairs.layout) == (3 * 2 * 300, 300, 1.0, "padded")
    assert (pairs.objective, pairs.accumulates) == ("dpo", True)
    labelled = feasibility.plan_step(resolved_for(SEEDLING, "unpaired", **settings), inputs)
    assert (labelled.tokens, labelled.objective, labelled.accumulates) == (6 * 300, "kto", False)
    small = {**settings, "micro_batch_tokens": 100}
    assert feasibility.plan_step(resolved_for(SEEDLING, "unpaired", **small), inputs).tokens == 2 * 300
    assert feasibility.plan_step(resolved_for(SEEDLING, "preference", **small), inputs).tokens == 2 * 300


def test_preferences_are_judged_and_what_was_never_measured_is_not() -> None:
    pairs = resolved_for(SEEDLING, "preference")
    assert feasibility.judge(pairs, inputs_for(SEEDLING, 8)) == "fits"
    assert feasibility.judge(pairs, inputs_for(SEEDLING, 0.1)) == "does_not_fit"
    mixture = SEEDLING.model_copy(update={"experts": 4, "expert_mlp": 128, "experts_per_token": 2})
    assert feasibility.judge(resolved_for(SEEDLING), inputs_for(mixture, 0.1)) == "unknown"
    assert feasibility.unmeasured_case(resolved_for(SEEDLING), SEEDLING) is None
    for method in ("full", "qlora"):
        pairs = resolved_for(SEEDLING, "preference", method=method)
        assert feasibility.unmeasured_case(pairs, SEEDLING) == f"for preferences with method {method}"
    int8 = resolved_for(SEEDLING, method="qlora", quantization="int8")
    assert "int8" in str(feasibility.unmeasured_case(int8, SEEDLING))
    assert "processes" in str(feasibility.unmeasured_case(resolved_for(SEEDLING, processes=2), SEEDLING))


def test_a_job_of_exactly_the_limit_is_tight() -> None:
    resolved = resolved_for(SEEDLING)
    total = feasibility.total_bytes(resolved, inputs_for(SEEDLING, 8))
    verdicts = {
        limit: feasibility.judge(resolved, replace(inputs_for(SEEDLING, 8), limit=limit))
        for limit in (total - 1, total, total * 100 // 85 + 1)
    }
    assert list(verdicts.values()) == ["does_not_fit", "tight", "fits"]


def test_rows_that_were_not_counted_are_of_typical_length() -> None:
    stats = feasibility.truncated_rows(resolved_for(SEEDLING), inputs_for(SEEDLING, 8, None))
    assert (stats.mean, stats.mean_square, stats.longest, stats.trained) == (512, 512**2, 512, 1.0)
    shorter = feasibility.truncated_rows(resolved_for(SEEDLING, max_length=100), inputs_for(SEEDLING, 8, None))
    assert (shorter.mean, shorter.mean_square, shorter.longest) == (100, 100**2, 100)


def test_auto_is_bf16_on_a_gpu() -> None:
    resolved = resolved_for(SEEDLING)
    on_gpu = replace(resolved, resources=resolved.resources.model_copy(update={"gpu": 1}))
    assert feasibility.choose_dtype(on_gpu, inputs_for(SEEDLING, 8)) == "bf16"
    assert feasibility.choose_dtype(resolved, inputs_for(SEEDLING, 8)) == "fp32"


def test_bf16_is_an_alternative_to_fp32_only() -> None:
    inputs = inputs_for(BILLION, 8)
    for dtype, suggested in (("fp32", True), ("bf16", False)):
        resolved = resolved_for(BILLION, method="lora", dtype=dtype, micro_batch_tokens=1024, batch_size=512)
        changes = [found.changes for found in feasibility.find_alternatives(resolved, inputs)]
        assert any("dtype" in change and "method" not in change for change in changes) == suggested
        assert len(changes) == 4


@pytest.mark.parametrize("rows", [1, 2, 100, 101, 200, 212, 1000])
def test_default_max_length_is_the_engines(rows: int) -> None:
    """The engine takes np.percentile(lengths, 99, method="higher") of the same rows."""
    sizes = [64 * (n + 1) for n in range(rows)]
    lengths = RowLengths([(size, 1, 0, 1) for size in sizes], rows, 0)
    assert lengths.default_max_length(0) == int(np.percentile(sizes, 99, method="higher"))


def test_text_is_counted_in_the_pieces_that_the_engine_trains_on() -> None:
    pieces = RowLengths([(5000, 5000, 0, 2), (100, 100, 0, 1)], 3, 0).in_windows(2048)
    assert sorted(pieces.samples) == [(100, 100, 0, 1), (904, 904, 0, 2), (2048, 2048, 0, 4)]
    assert pieces.default_max_length(4096) == 2048
    assert pieces.truncated_to(2048).truncated == 0
