"""The loss in pieces is the loss in one, and so are its gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import collate
from services.training.engine.model import loss
from tests.unit.training.engine.test_batches import SAMPLES, SHAPE


def gradients(model: Any) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    with attention_for(model, "packed"):
        found = loss.loss_sum(model, collate(SAMPLES, "packed"))
        found.backward()
    return found.item(), {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("tied", [True, False])
def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch, tied: bool) -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=tied))
    whole, expected = gradients(model)
    monkeypatch.setattr(loss, "MOST_LOGITS", 5 * SHAPE["vocab_size"])
    sizes: list[int] = []
    real = model.lm_head.weight.shape[0]
    model.lm_head.register_forward_hook(
        lambda _, inputs, out: sizes.append(inputs[0].shape[-2]) if out.shape[-1] == real else None
    )
    found, pieces = gradients(model)
    assert max(sizes) == 5, "beside the trial's five positions, no more rows at once"
    assert found == pytest.approx(whole, rel=1e-6)
    for name, gradient in expected.items():
        torch.testing.assert_close(pieces[name], gradient, rtol=1e-4, atol=1e-6)


def test_a_model_that_bends_its_logits_keeps_them_whole() -> None:
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(Gemma2Config(**SHAPE, final_logit_softcapping=0.5, attn_logit_softcapping=None))
    assert not loss.applies_head_last(model, collate(SAMPLES, "padded"))
