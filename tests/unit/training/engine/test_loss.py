"""The chunked loss and its gradients match the loss of one chunk."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import collate
from services.training.engine.model import loss
from tests.unit.training.engine.test_batches import SAMPLES, SHAPE


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
