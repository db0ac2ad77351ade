"""The memory formula: its parts add up, grow with what they depend on, and are exact where one can count."""

from dataclasses import replace
from typing import Any

import pytest

from services.training.estimates.memory import StepPlan, count_trainable, estimate_memory
from shared.blobs.manifests import ModelShape

SHAPE = ModelShape(
    parameters=100_000_000,
    hidden=768,
    layers=12,
    heads=12,
    kv_heads=4,
    head_size=64,
    mlp=2048,
    vocab=32_000,
    tied=True,
    stored=4,
)
PLAN = StepPlan(method="lora", dtype="fp32", tokens=1024, length=512)


def test_parts_add_up_to_the_total() -> None:
    estimate = estimate_memory(SHAPE, PLAN)
    assert estimate.total == sum(vars(estimate).values()) - estimate.loading
    assert all(part > 0 for part in vars(estimate).values())


def test_small_model_matches_a_count_by_hand() -> None:
    """One layer, hidden 8, one head of 8, mlp 16, vocabulary 32, 10 tokens."""
    small = ModelShape(
        parameters=1000, hidden=8, layers=1, heads=1, kv_heads=1, head_size=8, mlp=16, vocab=32, tied=True, stored=4
    )
    estimate = estimate_memory(small, StepPlan(method="full", dtype="fp32", tokens=10, length=10))
    assert (estimate.weights, estimate.gradients, estimate.optimizer) == (4000, 4000, 8000)
    norms, attention, mlp, normalizer = 2 * 2 * 8, 3 * 8 + 2 * 8, 4 * 16, 1
    assert estimate.activations == 10 * 4 * (norms + attention + mlp + normalizer)
    assert estimate.logits == 10 * 32 * 4 * 3
    adapters = 4 * 4 * (8 + 8) + 3 * 4 * (8 + 16)
    assert count_trainable(small, "lora", 4) == adapters


def test_recomputed_activations_store_each_layers_input_and_one_layer() -> None:
    stored, recomputed = estimate_memory(SHAPE, PLAN), estimate_memory(SHAPE, replace(PLAN, recomputes=True))
    of_a_layer = stored.activations / SHAPE.layers
    assert recomputed.activations == pytest.approx(of_a_layer + SHAPE.layers * PLAN.tokens * SHAPE.hidden * 4)
    assert recomputed.total < stored.total


def test_full_training_needs_sixteen_bytes_per_parameter_and_adapters_hardly_more_than_the_weights() -> None:
    full, lora = estimate_memory(SHAPE, replace(PLAN, method="full")), estimate_memory(SHAPE, PLAN)
    assert full.weights + full.gradients + full.optimizer == 16 * SHAPE.parameters
    assert lora.gradients + lora.optimizer == 12 * count_trainable(SHAPE, "lora", 16) < 0.1 * full.gradients


def test_fewer_bits_per_weight_need_less_memory() -> None:
    fp32 = estimate_memory(SHAPE, PLAN).weights
    bf16 = estimate_memory(SHAPE, replace(PLAN, dtype="bf16")).weights
    nf4 = estimate_memory(SHAPE.model_copy(update={"vocab": 320}), replace(PLAN, method="qlora", dtype="bf16")).weights
    assert nf4 < bf16 < fp32


@pytest.mark.parametrize(
    "more", [{"tokens": 2048}, {"rank": 64}, {"trained": 1.0, "tokens": 1025}, {"method": "full"}, {"length": 600}]
)
def test_heavier_plans_need_more_memory(more: dict[str, Any]) -> None:
    assert (
        estimate_memory(SHAPE, replace(PLAN, **more)).total >= estimate_memory(SHAPE, replace(PLAN, trained=0.5)).total
    )


def test_larger_model_needs_more_in_every_part() -> None:
    larger = SHAPE.model_copy(update={"layers": 24, "parameters": 190_000_000})
    before, after = vars(estimate_memory(SHAPE, PLAN)), vars(estimate_memory(larger, PLAN))
    assert all(after[part] >= before[part] for part in before)


def test_files_of_another_dtype_are_in_memory_beside_the_weights() -> None:
    stored = SHAPE.model_copy(update={"stored": 2})
    same, other = estimate_memory(stored, replace(PLAN, dtype="bf16")), estimate_memory(stored, PLAN)
    assert other.loading - same.loading == 4 * SHAPE.parameters
    small = replace(PLAN, method="qlora", tokens=16, length=16)
    assert (
        estimate_memory(stored, small).peak
        == estimate_memory(stored, small).loading
        > estimate_memory(stored, small).total
    )


def test_logits_of_a_large_vocabulary_are_limited_by_chunks() -> None:
    large = SHAPE.model_copy(update={"vocab": 256_000})
    assert (
        estimate_memory(large, replace(PLAN, tokens=4096)).logits
        == estimate_memory(large, replace(PLAN, tokens=8192)).logits
    )
