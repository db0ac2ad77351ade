"""Rows become steps and micro-batches; how they are grouped changes nothing in what is learned."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import (
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import Sample, collate, epoch_order, step_rows
from services.training.engine.data.packing import micro_batches
from services.training.engine.interrupts import Interrupts
from services.training.engine.model.loading import packs_exactly
from services.training.engine.model.loss import StepLoss, loss_sum
from services.training.engine.model.optimizer import accumulate
from services.training.engine.spec import BatchLayout
from shared.engine.process.protocol import Commands

SHAPE: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
}


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE))


def sample(length: int, seed: int) -> Sample:
    """Random ids whose second half is trained."""
    ids = torch.randint(2, 64, (length,), generator=torch.Generator().manual_seed(seed))
    return Sample(ids, torch.arange(length) >= length // 2)


SAMPLES = [sample(length, seed) for seed, length in enumerate((17, 5, 30, 9, 2, 12))]


def test_order_is_a_pure_function_of_seed_and_epoch() -> None:
    torch.manual_seed(1)
    first = list(epoch_order(50, 7, 0))
    epoch_order.cache_clear()
    torch.manual_seed(2)
    assert epoch_order(50, 7, 0) == first
    assert sorted(first) == list(range(50))
    assert first not in ([*range(50)], epoch_order(50, 7, 1), epoch_order(50, 8, 0))


def test_steps_of_an_epoch_take_each_row_once() -> None:
    steps = [step_rows(23, 5, seed=3, step=step) for step in range(10)]
    assert [len(rows) for rows in steps] == [5, 5, 5, 5, 3] * 2
    for epoch in (steps[:5], steps[5:]):
        assert sorted(row for rows in epoch for row in rows) == list(range(23))


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_micro_batches_keep_to_the_budget_longest_first(layout: BatchLayout) -> None:
    lengths = [10, 90, 30, 60, 30]
    found = micro_batches(lengths, 120, layout)
    assert sorted(i for group in found for i in group) == [0, 1, 2, 3, 4]
    cost = sum if layout == "packed" else lambda sizes: max(sizes) * len(sizes)
    assert all(cost([lengths[i] for i in group]) <= 120 for group in found)
    assert found[0][0] == 1


def test_a_row_longer_than_the_budget_stands_alone() -> None:
    assert micro_batches([10, 300, 20], 64, "packed") == [[1], [2, 0]]
    assert micro_batches([10, 300, 20], 64, "padded") == [[1], [2, 0]]


def losses(model: Any, samples: Sequence[Sample], layout: BatchLayout, budget: int) -> tuple[float, dict[str, Tensor]]:
    """The step's loss and gradients."""
    model.zero_grad()
    groups = micro_batches([len(s) for s in samples], budget, layout)
    batches = [collate([samples[i] for i in group], layout) for group in groups]
    loss = accumulate(StepLoss(model), batches, layout, Accelerator(cpu=True), Interrupts(Commands(BytesIO())))
    return loss, {name: weight.grad.clone() for name, weight in model.named_parameters()}


def expected(model: Any, samples: Sequence[Sample]) -> tuple[float, dict[str, Tensor]]:
    """The same by transformers' own forward pass, one row at a time, with its whole logits."""
    model.zero_grad()
    total = torch.zeros(())
    for row in samples:
        logits = model(input_ids=row.ids[None]).logits[0, :-1]
        total = total + torch.nn.functional.cross_entropy(
            logits[row.trained[1:]], row.ids[1:][row.trained[1:]], reduction="sum"
        )
    loss = total / sum(int(row.trained[1:].sum()) for row in samples)
    loss.backward()
    return loss.item(), {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("layout", ["packed", "padded"])
@pytest.mark.parametrize("budget", [1, 20, 40, 4096])
def test_every_split_of_a_step_gives_the_same_loss_and_gradients(
    model: LlamaForCausalLM, layout: BatchLayout, budget: int
) -> None:
    loss, gradients = losses(model, SAMPLES, layout, budget)
    true_loss, true_gradients = expected(model, SAMPLES)
    assert loss == pytest.approx(true_loss, rel=1e-5)
    for name, gradient in true_gradients.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-3, atol=1e-5)


def test_documents_of_a_pack_do_not_see_each_other(model: LlamaForCausalLM) -> None:
    """Rewriting the first document must not move the second's loss by one bit."""
    second = sample(12, seed=9)
    seen = []
    for seed in (1, 2):
        silent = Sample(sample(20, seed).ids, torch.zeros(20, dtype=torch.bool))
        with attention_for(model, "packed"), torch.no_grad():
            seen.append(loss_sum(model, collate([silent, second], "packed")).item())
    assert seen[0] == seen[1]


def test_trained_counts_are_those_of_predicted_tokens() -> None:
    everything = Sample(torch.tensor([5, 6, 7]), torch.ones(3, dtype=torch.bool))
    for layout in ("packed", "padded"):
        batch = collate([everything, SAMPLES[0]], layout)  # nothing predicts a document's first token
        assert (batch.tokens, batch.trained) == (20, 2 + 9)


def test_sliding_windows_hold_within_each_document() -> None:
    torch.manual_seed(0)
    model = MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=6))
    assert packs_exactly(model)
    assert losses(model, SAMPLES, "packed", 4096)[0] == pytest.approx(expected(model, SAMPLES)[0], rel=1e-5)


def test_a_model_with_attention_of_its_own_is_not_packed(model: LlamaForCausalLM) -> None:
    sinks = GptOssForCausalLM(GptOssConfig(**SHAPE, num_local_experts=2, num_experts_per_tok=1))
    assert packs_exactly(model)
    assert not packs_exactly(sinks)
    assert losses(sinks, SAMPLES[:3], "padded", 64)[0] == pytest.approx(expected(sinks, SAMPLES[:3])[0], rel=1e-4)
