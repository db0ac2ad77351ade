"""What preflight makes of a resolved job: the heaviest micro-batch, a verdict, and what would fit instead."""

from dataclasses import replace
from typing import Any

import pytest

from services.training.errors import DoesNotFit, UnsuitableDataset
from services.training.estimates import preflight
from services.training.estimates.lengths import Lengths
from services.training.estimates.preflight import Subject
from services.training.jobs.defaults import Resolved, resolve
from services.training.jobs.defaults import Subject as Asked
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
ROWS = Lengths([(100, 40, 60, 900), (300, 100, 200, 90), (2000, 10, 1990, 10)], 1000, 0)


def asked(shape: ModelShape, **settings: Any) -> Resolved:
    facts = Asked(parameters=shape.parameters, context_length=4096, rows=1000, form="messages")
    return resolve(TrainingSettings(**settings), facts, Machine(cpu=4, gpu=0, memory_gb=16), 1)


def on(shape: ModelShape, gib: float, lengths: Lengths | None = ROWS) -> Subject:
    return Subject(shape=shape, context=4096, lengths=lengths, limit=round(gib * 2**30), fast_bf16=False)


@pytest.mark.parametrize("gib", [4, 8, 24])
@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_the_bundled_model_fits_on_any_laptop(gib: float, method: str) -> None:
    resolved, subject = asked(SEEDLING, method=method), on(SEEDLING, gib, None)
    preflight.refuse(resolved, subject)
    assert preflight.verdict_of(resolved, subject) == "fits"


def test_what_cannot_fit_is_refused_with_settings_that_do() -> None:
    resolved, subject = asked(BILLION, method="full"), on(BILLION, 16)
    with pytest.raises(DoesNotFit) as refused:
        preflight.refuse(resolved, subject)
    problem = refused.value.problem()
    assert (problem["status"], problem["code"], problem["field"]) == (422, "does_not_fit", "method")
    assert problem["limit"] == 16 * 2**30 < problem["needed"]
    assert problem["fitting"][0]["method"] == "lora"
    assert "method lora" in problem["remedy"]


def test_every_suggestion_passes_the_same_check() -> None:
    resolved, subject = asked(BILLION, method="full"), on(BILLION, 12)
    fitting = preflight.what_would_fit(resolved, subject)
    assert fitting
    for fit in fitting:
        changed = {"micro_batch_tokens": 4096, **fit.changes}
        preflight.refuse(asked(BILLION, **{"method": "full", **changed}), subject)


def test_smaller_micro_batches_are_suggested_first() -> None:
    resolved = asked(BILLION, method="lora", micro_batch_tokens=65_536, batch_size=512)
    first = preflight.what_would_fit(resolved, on(BILLION, 14))[0]
    assert list(first.changes) == ["micro_batch_tokens"]


def test_what_was_left_to_us_is_set_so_that_it_fits_the_result_unchanged() -> None:
    whole = asked(BILLION, method="lora", batch_size=512, dtype="bf16")
    assert preflight.fitted(whole, on(BILLION, 64)) is whole
    parts = preflight.fitted(whole, on(BILLION, 10.5)).hyperparameters
    assert (parts["micro_batch_tokens"], parts["gradient_checkpointing"]) == (2048, False)
    anew = preflight.fitted(whole, on(BILLION, 4.8)).hyperparameters
    assert (anew["micro_batch_tokens"], anew["gradient_checkpointing"]) == (1024, True)
    assert anew | {"micro_batch_tokens": 4096, "gradient_checkpointing": False} == whole.hyperparameters


def test_what_was_asked_for_stays_and_is_refused_where_it_does_not_fit() -> None:
    settings = {"dtype": "bf16", "micro_batch_tokens": 4096, "batch_size": 512, "gradient_checkpointing": False}
    given = asked(BILLION, method="lora", **settings)
    assert preflight.fitted(given, on(BILLION, 6)) is given
    with pytest.raises(DoesNotFit) as refused:
        preflight.refuse(given, on(BILLION, 6))
    assert {"gradient_checkpointing": True} in refused.value.problem()["fitting"]


def test_a_model_beyond_the_machine_is_refused_with_what_else_to_do() -> None:
    with pytest.raises(DoesNotFit, match="needs about") as refused:
        preflight.refuse(asked(BILLION, method="qlora"), on(BILLION, 1))
    assert "smaller base" in str(refused.value.remedy)


def test_nothing_is_refused_on_a_gpu_whose_figures_nobody_measured() -> None:
    resolved = asked(BILLION, method="full")
    on_gpu = replace(resolved, resources=resolved.resources.model_copy(update={"gpu": 1}))
    preflight.refuse(on_gpu, on(BILLION, 1))
    assert preflight.verdict_of(on_gpu, on(BILLION, 1)) == "unknown"


def test_rows_without_a_token_to_learn_are_refused_before_anything_runs() -> None:
    with pytest.raises(UnsuitableDataset, match="No row"):
        preflight.refuse(asked(SEEDLING, max_length=32), on(SEEDLING, 8))


def test_the_heaviest_micro_batch_follows_from_rows_and_settings() -> None:
    small = preflight.plan_of(asked(SEEDLING, batch_size=2, max_length=320), on(SEEDLING, 8))
    assert small.tokens <= 2 * 300
    assert not small.accumulates
    large = preflight.plan_of(asked(SEEDLING, batch_size=64, micro_batch_tokens=1024), on(SEEDLING, 8))
    assert (large.tokens, large.accumulates) == (1024, True)
    long = preflight.plan_of(asked(SEEDLING, micro_batch_tokens=256, max_length=2000), on(SEEDLING, 8))
    assert long.tokens == long.length == 2000  # a longer row stands alone


def test_short_rows_of_like_lengths_are_padded_as_the_engine_will_pad_them() -> None:
    short = Lengths([(60, 20, 40, 500), (64, 54, 10, 500)], 1000, 0)
    plan = preflight.plan_of(asked(SEEDLING, batch_size=64, micro_batch_tokens=512), on(SEEDLING, 8, short))
    assert (plan.layout, plan.tokens, plan.length) == ("padded", 512, 64)
    assert plan.trained > (20 * 500 + 54 * 500) / (124 * 500)  # from the first column that any row of them learns
    uneven = Lengths([(10, 5, 5, 500), (64, 54, 10, 500)], 1000, 0)
    assert preflight.plan_of(asked(SEEDLING), on(SEEDLING, 8, uneven)).layout == "packed"


def test_padding_is_part_of_a_padded_micro_batch() -> None:
    few = Lengths([(60, 30, 30, 990), (64, 34, 30, 10)], 1000, 0)
    plan = preflight.plan_of(asked(SEEDLING, batch_size=8), on(SEEDLING, 8, few))
    assert plan.layout == "padded"
    assert 8 * 60 < plan.tokens <= 8 * 64


def test_lengths_are_cut_as_the_engine_cuts_them() -> None:
    cut = ROWS.cut(200)
    assert (cut.rows, cut.longest) == (900, 100)
    assert cut.untrained == pytest.approx(0.1)
    assert ROWS.cut(250).truncated == pytest.approx(0.09)
    assert ROWS.suggested(4096) == 320


def test_the_pace_grows_with_cores_and_their_rate_and_falls_with_what_a_token_costs() -> None:
    subject = on(SEEDLING, 16)
    full, lora = (asked(SEEDLING, method=method, dtype="fp32") for method in ("full", "lora"))
    assert preflight.expected_pace(full, subject, 1e11) == pytest.approx(0.8 * 4e11 / (6 * 4_721_408))
    assert preflight.expected_pace(lora, subject, 1e11) == pytest.approx(0.8 * 4e11 / (4 * 4_721_408))
    anew = asked(SEEDLING, method="full", dtype="fp32", gradient_checkpointing=True)
    assert preflight.expected_pace(anew, subject, 1e11) == pytest.approx(0.8 * 4e11 / (8 * 4_721_408))
