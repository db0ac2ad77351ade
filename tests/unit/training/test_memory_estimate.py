"""The formula of preflight: parts that add up, grow with what they depend on, and are right where one can count."""

from dataclasses import replace
from typing import Any

import pytest

from services.training.estimates.memory import Plan, memory, trainable
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
PLAN = Plan(method="lora", dtype="fp32", tokens=1024, length=512)


def test_the_parts_add_up() -> None:
    found = memory(SHAPE, PLAN)
    assert found.total == sum(vars(found).values()) - found.loading
    assert all(part > 0 for part in vars(found).values())


def test_a_small_case_by_hand() -> None:
    """One layer, hidden 8, one head of 8, mlp 16, vocabulary 32, 10 tokens: every number can be counted on paper."""
    small = ModelShape(
        parameters=1000, hidden=8, layers=1, heads=1, kv_heads=1, head_size=8, mlp=16, vocab=32, tied=True, stored=4
    )
    found = memory(small, Plan(method="full", dtype="fp32", tokens=10, length=10))
    assert (found.weights, found.gradients, found.optimizer) == (4000, 4000, 8000)
    norms, attention, mlp, normalizer = 2 * 2 * 8, 3 * 8 + 2 * 8, 4 * 16, 1
    assert found.activations == 10 * 4 * (norms + attention + mlp + normalizer)
    assert found.logits == 10 * 32 * 4 * 3
    adapters = 4 * 4 * (8 + 8) + 3 * 4 * (8 + 16)
    assert trainable(small, "lora", 4) == adapters


def test_activations_computed_anew_leave_what_goes_into_each_layer_and_those_of_one() -> None:
    kept, anew = memory(SHAPE, PLAN), memory(SHAPE, replace(PLAN, recomputes=True))
    of_a_layer = kept.activations / SHAPE.layers
    assert anew.activations == pytest.approx(of_a_layer + SHAPE.layers * PLAN.tokens * SHAPE.hidden * 4)
    assert anew.total < kept.total


def test_full_training_keeps_four_times_its_weights_and_an_adapter_hardly_more_than_them() -> None:
    full, lora = memory(SHAPE, replace(PLAN, method="full")), memory(SHAPE, PLAN)
    assert full.weights + full.gradients + full.optimizer == 16 * SHAPE.parameters
    assert lora.gradients + lora.optimizer == 12 * trainable(SHAPE, "lora", 16) < 0.1 * full.gradients


def test_four_bits_take_less_than_sixteen_and_these_less_than_thirty_two() -> None:
    fp32 = memory(SHAPE, PLAN).weights
    bf16 = memory(SHAPE, replace(PLAN, dtype="bf16")).weights
    nf4 = memory(SHAPE.model_copy(update={"vocab": 320}), replace(PLAN, method="qlora", dtype="bf16")).weights
    assert nf4 < bf16 < fp32


@pytest.mark.parametrize(
    "more", [{"tokens": 2048}, {"rank": 64}, {"trained": 1.0, "tokens": 1025}, {"method": "full"}, {"length": 600}]
)
def test_more_takes_more(more: dict[str, Any]) -> None:
    assert memory(SHAPE, replace(PLAN, **more)).total >= memory(SHAPE, replace(PLAN, trained=0.5)).total


def test_a_larger_model_takes_more_in_every_part() -> None:
    larger = SHAPE.model_copy(update={"layers": 24, "parameters": 190_000_000})
    before, after = vars(memory(SHAPE, PLAN)), vars(memory(larger, PLAN))
    assert all(after[part] >= before[part] for part in before)


def test_files_of_another_type_are_in_memory_beside_what_is_made_of_them() -> None:
    stored = SHAPE.model_copy(update={"stored": 2})
    same, other = memory(stored, replace(PLAN, dtype="bf16")), memory(stored, PLAN)
    assert other.loading - same.loading == 4 * SHAPE.parameters
    small = replace(PLAN, method="qlora", tokens=16, length=16)
    assert memory(stored, small).peak == memory(stored, small).loading > memory(stored, small).total


def test_a_large_vocabulary_is_computed_in_chunks() -> None:
    vast = SHAPE.model_copy(update={"vocab": 256_000})
    assert memory(vast, replace(PLAN, tokens=4096)).logits == memory(vast, replace(PLAN, tokens=8192)).logits
