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


SMALL = ModelShape(
    parameters=2000, hidden=8, layers=2, heads=2, kv_heads=1, head_size=4, mlp=16, vocab=32, tied=True, stored=4
)
"""Linear layers of 576 weights in each layer, with inputs and outputs of 128 in all; embeddings of 256."""
MIXTURE = SMALL.model_copy(update={"experts": 3, "expert_mlp": 4, "experts_per_token": 2})
"""Linear layers of 192 weights in each layer, with inputs and outputs of 56 in all; experts of 288."""
LORA = StepPlan(method="lora", dtype="fp32", tokens=10, length=10, rank=4)
NORMS, INPUTS, MLP, ADAPTERS = 2 * 8, 2 * 8 + 8, 4 * 16, 7 * 4
"""Numbers that a block keeps of a token; norms in fp32."""
QKVO = 2 * 8 + 2 * 4
PACKED = 4 * (NORMS + INPUTS + MLP + QKVO + ADAPTERS) + 4 * 2
BLOCKED = 4 * NORMS + 2 * (INPUTS + MLP + QKVO + ADAPTERS) + 2 * 2 * (10 + 128) // 2
"""Bytes that a block keeps of a token in fp32, with a normalizer for each head, and in bf16, with probabilities."""


def parts(shape: ModelShape, plan: StepPlan) -> dict[str, int]:
    return vars(estimate_memory(shape, plan))


def test_lora_matches_a_count_by_hand() -> None:
    """Of 1024 trained weights. The allocator holds 1.44 bytes for each byte, and a tenth of gradients and moments."""
    assert count_trainable(SMALL, "lora", 4) == 2 * 4 * 128
    activations, logits = 2 * 10 * PACKED, 10 * 32 * 12
    assert parts(SMALL, LORA) == {
        "weights": 4 * 2000 + 4 * 1024,
        "gradients": 4 * 1024,
        "optimizer": 8 * 1024,
        "activations": activations,
        "logits": logits,
        "overhead": round(80e6 + 0.44 * (activations + logits) + 0.1 * 12 * 1024),
        "loading": 80_000_000 + 4 * 2000,
    }


def test_lora_in_bf16_matches_a_count_by_hand() -> None:
    activations, logits = 2 * 10 * BLOCKED, 10 * 32 * 14
    assert parts(SMALL, replace(LORA, dtype="bf16")) == {
        "weights": 2 * 2000 + 4 * 1024,
        "gradients": 4 * 1024,
        "optimizer": 8 * 1024,
        "activations": activations,
        "logits": logits,
        "overhead": round(120e6 + 0.23 * (activations + logits) + 0.1 * 12 * 1024),
        "loading": 80_000_000 + (4 + 2) * 2000,
    }


def test_qlora_matches_a_count_by_hand() -> None:
    """In bf16, five adapters keep casts of their inputs, and the fp32 head is cast. 128 weights are quantized last."""
    activations, logits, head = 2 * 10 * (BLOCKED + 2 * 3 * 8), 10 * 32 * 14, 2 * 256
    loaded = (0.5 + 1 / 64 + 4 / 64 / 256) * 1152 + 4 * 848
    assert parts(SMALL, replace(LORA, method="qlora", dtype="bf16")) == {
        "weights": round(loaded + 4 * 1024),
        "gradients": 4 * 1024,
        "optimizer": 8 * 1024,
        "activations": activations,
        "logits": logits,
        "overhead": round(120e6 + 0.46 * (activations + logits) + 1.46 * head + 0.1 * 12 * 1024),
        "loading": round(80e6 + 4 * 2000 + loaded + 14 * 128),
    }


def test_qlora_in_fp32_and_int8_match_a_count_by_hand() -> None:
    fp32 = parts(SMALL, replace(LORA, method="qlora"))
    activations, logits = 2 * 10 * PACKED, 10 * 32 * 12
    assert fp32["activations"] == activations
    assert fp32["overhead"] == round(80e6 + 0.65 * (activations + logits) + 0.1 * 12 * 1024)
    int8 = parts(SMALL, replace(LORA, method="qlora", quantization="int8"))
    assert int8["weights"] == 1152 + 4 * 848 + 4 * 1024


def test_full_training_in_bf16_matches_a_count_by_hand() -> None:
    """Autocast copies linear layers and head. The head's gradient exists twice, since it shares the embeddings."""
    plan = StepPlan(method="full", dtype="bf16", tokens=10, length=10)
    assert parts(SMALL, plan) == {
        "weights": 4 * 2000 + 2 * (1152 + 256),
        "gradients": 4 * 2000,
        "optimizer": 8 * 2000,
        "activations": 2 * 10 * (BLOCKED - 2 * ADAPTERS),
        "logits": 10 * 32 * 14,
        "overhead": round(120e6 + 2 * 4 * 256 + 0.1 * 12 * 2000),
        "loading": 80_000_000 + (4 + 4) * 2000,
    }
    untied = SMALL.model_copy(update={"tied": False})
    assert parts(untied, plan)["overhead"] == round(120e6 + 4 * 256 + 0.1 * 12 * 2000)
    assert parts(untied, replace(plan, accumulates=False))["overhead"] == round(120e6 + 0.1 * 12 * 2000)
    quantized = parts(SMALL, replace(plan, optimizer="adamw_8bit"))
    assert quantized["optimizer"] == round((2 + 8 / 256) * 2000)
    assert quantized["overhead"] == round(120e6 + 2 * 4 * 256 + 0.1 * (4 + 2 + 8 / 256) * 2000)


def test_a_gpu_has_its_context_and_a_tenth_of_fragmentation() -> None:
    """Its kernel keeps normalizers, no probabilities."""
    on_gpu = parts(SMALL, replace(LORA, dtype="bf16", gpu=True))
    activations = 2 * 10 * (4 * NORMS + 2 * (INPUTS + MLP + QKVO + ADAPTERS) + 4 * 2)
    assert (on_gpu["activations"], on_gpu["loading"]) == (activations, 600_000_000 + 6 * 2000)
    assert on_gpu["overhead"] == round(6e8 + 0.1 * (activations + 10 * 32 * 14))
    assert parts(SMALL, replace(LORA, dtype="fp16", gpu=True)) == on_gpu


def test_masked_attention_keeps_expanded_keys_and_the_mask() -> None:
    """Queries, keys, values and outputs of both heads, and a row of the mask."""
    padded = PACKED - 4 * QKVO + 4 * 4 * 8 + 4 * 10
    assert parts(SMALL, replace(LORA, layout="padded"))["activations"] == 2 * 10 * padded


@pytest.mark.parametrize(
    ("dtype", "length", "probabilities"),
    [
        ("fp32", 159, 4 * 2),
        ("fp32", 160, 4 * 2 * (160 + 64) // 2),
        ("fp32", 1448, 4 * 2 * (1448 + 64) // 2),
        ("fp32", 1449, 4 * 2),
        ("bf16", 1, 2 * 2 * (1 + 128) / 2),
        ("bf16", 1449, 4 * 2),
    ],
)
def test_blocked_attention_keeps_probabilities(dtype: str, length: int, probabilities: float) -> None:
    """From a minimum length until two heads have more than 2^22 of them."""
    size = {"fp32": 4, "bf16": 2}[dtype]
    kept = 4 * NORMS + size * (INPUTS + MLP + QKVO + ADAPTERS) + probabilities
    assert parts(SMALL, replace(LORA, dtype=dtype, length=length))["activations"] == 2 * 10 * kept


def test_gradient_checkpointing_keeps_the_input_of_each_layer() -> None:
    """In the dtype of the weights of LoRA, in fp32 otherwise; and all of one layer."""
    recomputed = {
        ("lora", "fp32"): 2 * 8 * 4 + PACKED,
        ("lora", "bf16"): 2 * 8 * 2 + BLOCKED,
        ("qlora", "bf16"): 2 * 8 * 4 + BLOCKED + 2 * 3 * 8,
        ("full", "bf16"): 2 * 8 * 4 + BLOCKED - 2 * ADAPTERS,
    }
    for (method, dtype), kept in recomputed.items():
        plan = replace(LORA, method=method, dtype=dtype, recomputes=True)
        assert parts(SMALL, plan)["activations"] == 10 * kept


def test_logits_are_those_of_trained_tokens_up_to_a_chunk() -> None:
    large = SMALL.model_copy(update={"vocab": 1 << 20})
    assert parts(large, replace(LORA, tokens=64, trained=0.5))["logits"] == 32 * (1 << 20) * 12
    assert parts(large, replace(LORA, tokens=100))["logits"] == (1 << 26) * 12


def test_preferences_have_tiles_of_the_logits_of_all_tokens() -> None:
    """29 bytes and the logit itself, and the fp32 gradient of the head's input."""
    pairs = replace(LORA, objective="dpo", trained=0.1)
    found = parts(SMALL, pairs)
    assert found["logits"] == 10 * 32 * (29 + 4) + 4 * 10 * 8
    assert found["overhead"] == round(80e6 + 0.44 * found["activations"] + 0.1 * 12 * 1024)
    assert parts(SMALL, replace(pairs, dtype="bf16"))["logits"] == 10 * 32 * (29 + 2) + 4 * 10 * 8
    large = SMALL.model_copy(update={"vocab": 40_000})
    assert parts(large, replace(pairs, tokens=5000))["logits"] == 4096 * 32_768 * (29 + 4) + 4 * 5000 * 8


def test_a_mixture_matches_a_count_by_hand() -> None:
    """Two experts of a token keep copies of their inputs and outputs; adapted weights of all experts are copies."""
    assert count_trainable(MIXTURE, "lora", 4) == 2 * 4 * (56 + 3 * (8 + 2 * 4 + 4 + 8))
    mlp = 2 * (2 * 8 + 4 * 4)
    kept = 4 * (NORMS + INPUTS + mlp + QKVO + 4 * 4) + 4 * 2
    assert parts(MIXTURE, LORA)["activations"] == 2 * 10 * kept + 4 * 2 * 288
    recomputed = parts(MIXTURE, replace(LORA, recomputes=True))
    assert recomputed["activations"] == 10 * (2 * 8 * 4 + kept) + 4 * 288
    quantized = parts(MIXTURE, replace(LORA, method="qlora", dtype="bf16"))
    bf16 = 4 * NORMS + 2 * (INPUTS + 3 * 8 + mlp + QKVO + 4 * 4) + 2 * 2 * (10 + 128) // 2
    assert quantized["activations"] == 2 * 10 * bf16 + 4 * 2 * 288
    full = parts(MIXTURE, StepPlan(method="full", dtype="bf16", tokens=10, length=10))
    assert full["weights"] == 4 * 2000 + 2 * (2 * 192 + 2 * 288 + 256)
    assert full["activations"] == 2 * 10 * (bf16 - 2 * (3 * 8 + 4 * 4))


def test_the_defaults_of_a_plan_are_the_heavier_ones() -> None:
    explicit = replace(LORA, trained=1.0, accumulates=True, rank=16, quantization=None, recomputes=False, gpu=False)
    assert StepPlan(method="lora", dtype="fp32", tokens=10, length=10) == explicit


def test_the_peak_is_the_larger_of_step_and_loading() -> None:
    estimate = estimate_memory(SMALL, LORA)
    assert estimate.peak == estimate.total == sum(parts(SMALL, LORA).values()) - estimate.loading
    stored = SMALL.model_copy(update={"stored": 1e6})
    assert (
        estimate_memory(stored, LORA).peak == estimate_memory(stored, LORA).loading == 80_000_000 + (10**6 + 4) * 2000
    )


def test_four_bits_scales_and_their_scales_are_counted() -> None:
    """75,497,472 quantized weights: half a byte each, a byte per 64, and four bytes per 64 x 256."""
    adapters = 4 * 16 * 12 * 13_568
    quantized = 75_497_472 // 2 + 75_497_472 // 64 + 75_497_472 // 4096
    estimate = estimate_memory(SHAPE, replace(PLAN, method="qlora"))
    assert estimate.weights == quantized + 4 * (100_000_000 - 75_497_472) + adapters
