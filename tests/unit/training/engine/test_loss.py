"""The chunked loss and its gradients match the loss of one chunk."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
)

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import Sample, collate
from services.training.engine.model import loss
from services.training.engine.spec import BatchLayout
from tests.unit.training.engine.test_batches import SAMPLES, SHAPE, sample


def loss_and_gradients(model: Any) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    with attention_for(model, "packed"):
        total = loss.loss_sum(model, collate(SAMPLES, "packed"))
        total.backward()
    return total.item(), {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("tied", [True, False])
def test_chunked_loss_matches_loss_and_gradients_of_one_chunk(monkeypatch: pytest.MonkeyPatch, tied: bool) -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=tied))
    full_loss, full_gradients = loss_and_gradients(model)
    monkeypatch.setattr(loss, "MAX_LOGITS", 5 * SHAPE["vocab_size"])
    chunk_sizes: list[int] = []
    vocab_size = model.lm_head.weight.shape[0]
    model.lm_head.register_forward_hook(
        lambda _, inputs, out: chunk_sizes.append(inputs[0].shape[-2]) if out.shape[-1] == vocab_size else None
    )
    chunked_loss, chunked_gradients = loss_and_gradients(model)
    assert max(chunk_sizes) == 5, "each chunk holds at most five positions"
    assert chunked_loss == pytest.approx(full_loss, rel=1e-6)
    for name, gradient in full_gradients.items():
        torch.testing.assert_close(chunked_gradients[name], gradient, rtol=1e-4, atol=1e-6)


def test_model_with_logit_softcapping_computes_all_logits_at_once() -> None:
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(Gemma2Config(**SHAPE, final_logit_softcapping=0.5, attn_logit_softcapping=None))
    assert not loss.applies_head_last(model, collate(SAMPLES, "padded"))


@pytest.mark.parametrize("max_logits", [1 << 26, 5 * SHAPE["vocab_size"]])
@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_router_loss_is_added_as_transformers_adds_it(
    monkeypatch: pytest.MonkeyPatch, layout: BatchLayout, max_logits: int
) -> None:
    monkeypatch.setattr(loss, "MAX_LOGITS", max_logits)
    torch.manual_seed(0)
    experts = {"num_local_experts": 3, "num_experts_per_tok": 1, "router_aux_loss_coef": 0.5}
    model = MixtralForCausalLM(MixtralConfig(**SHAPE, **experts, output_router_logits=True)).train()
    ids = sample(20, 3).ids
    expected = model(input_ids=ids[None, :-1], labels=ids[None, 1:], shift_labels=ids[None, 1:])
    expected.loss.backward()
    gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    batch = collate([Sample(ids, torch.ones(20, dtype=torch.bool))], layout)
    with attention_for(model, layout):
        total = loss.loss_sum(model, batch)
        (total / batch.trained).backward()
        model.eval()
        evaluated = loss.loss_sum(model, batch)
    assert (total / batch.trained).item() == pytest.approx(expected.loss.item(), rel=1e-5)
    assert expected.aux_loss > 1
    without = expected.loss.item() - 0.5 * expected.aux_loss.item()
    assert (evaluated / batch.trained).item() == pytest.approx(without, rel=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(dict(model.named_parameters())[name].grad, gradient, rtol=1e-3, atol=1e-5)


def test_mixture_whose_configuration_has_no_router_loss_gets_none() -> None:
    torch.manual_seed(0)
    experts = {"num_local_experts": 3, "num_experts_per_tok": 1, "router_aux_loss_coef": 0.5}
    model = MixtralForCausalLM(MixtralConfig(**SHAPE, **experts)).train()
    batch = collate(SAMPLES, "padded")
    trained = loss.loss_sum(model, batch)
    assert trained.item() == pytest.approx(loss.loss_sum(model.eval(), batch).item())
    assert loss.balances_experts(model) is False
    assert loss.balances_experts(LlamaForCausalLM(LlamaConfig(**SHAPE))) is None


@pytest.mark.parametrize(("spare", "chunked"), [(0, False), (-1, True)])
def test_head_runs_in_chunks_if_the_logits_exceed_the_limit(
    monkeypatch: pytest.MonkeyPatch, spare: int, chunked: bool
) -> None:
    model = LlamaForCausalLM(LlamaConfig(**SHAPE))
    batch = collate(SAMPLES, "padded")
    monkeypatch.setattr(loss, "MAX_LOGITS", batch.targets.numel() * SHAPE["vocab_size"] + spare)
    positions: list[int] = []
    model.lm_head.register_forward_hook(lambda _, inputs, out: positions.append(out.shape[:-1].numel()))
    loss.applies_head_last(model, batch)
    positions.clear()
    loss.loss_sum(model, batch)
    assert (len(positions) > 1) is chunked
