"""Liger's kernels replace supported layers once a trial agrees.

The kernels need a GPU, so the tests install torch operations under their names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import gelu, rms_norm, silu
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

from services.training.engine.kernels import liger
from services.training.engine.kernels.cpu_fused import replace_forwards, replaced_layers, use_fused_kernels

ORIGINAL_ROPE = modeling_llama.apply_rotary_pos_emb


def norm(x: Tensor, weight: Tensor, eps: float, *, in_place: bool) -> Tensor:
    assert not in_place  # in place, the backward pass would overwrite the residual's gradient
    return rms_norm(x, weight.shape, weight, eps)


def rope_in_place(query: Tensor, key: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate as Llama does and overwrite the inputs with the result."""
    rotated = ORIGINAL_ROPE(query, key, cos, sin)
    for input, output in zip((query, key), rotated, strict=True):
        input.data.copy_(output.data)
    return rotated


def rope_reversed(query: Tensor, key: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return ORIGINAL_ROPE(query, key, cos, -sin)


def rope_of_small_heads(query: Tensor, key: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Right for heads of size 32 only."""
    return ORIGINAL_ROPE(query, key, cos, sin if query.shape[-1] == 32 else -sin)


def failing_kernel(*inputs: Tensor) -> Tensor:
    raise OSError("no compiler")


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that installs a fake Liger; the rotation of transformers is restored after the test."""

    def install(
        swiglu: Callable[..., Tensor] = lambda gate, up: silu(gate) * up, rope: Callable[..., Any] = rope_in_place
    ) -> None:
        functions = ModuleType("liger_kernel.transformers.functional")
        vars(functions).update(liger_rms_norm=norm, liger_swiglu=swiglu, liger_rope=rope)
        monkeypatch.setitem(sys.modules, functions.__name__, functions)

    monkeypatch.setattr(modeling_llama, "apply_rotary_pos_emb", ORIGINAL_ROPE)
    return install


def model(**other: Any) -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, num_hidden_layers=2, **sizes, **other))


def logits(model: Any) -> Tensor:
    return model(input_ids=torch.arange(1, 20)[None], use_cache=False).logits.detach()


def test_replaced_norms_mlps_and_rotations_keep_the_logits(kernels: Callable[..., None]) -> None:
    kernels()
    patched = model()
    original = logits(patched)
    replace_forwards(patched, liger.liger_forward)
    assert liger.use_liger_rope(patched) == []
    assert replaced_layers(patched) == ["LlamaMLP", "LlamaRMSNorm"]
    assert modeling_llama.apply_rotary_pos_emb is rope_in_place
    torch.testing.assert_close(logits(patched), original)


@pytest.mark.parametrize("swiglu", [lambda gate, up: gelu(gate) * up, failing_kernel])
def test_failing_or_wrong_kernel_is_not_used(kernels: Callable[..., None], swiglu: Callable[..., Tensor]) -> None:
    kernels(swiglu=swiglu)
    patched = model()
    (reason,) = replace_forwards(patched, liger.liger_forward)
    assert reason.startswith("LlamaMLP keeps its own code: ")
    assert "values differ by" in reason or reason.endswith("OSError no compiler")
    assert replaced_layers(patched) == ["LlamaRMSNorm"]


def test_mlp_with_another_activation_is_not_replaced(kernels: Callable[..., None]) -> None:
    kernels(swiglu=lambda gate, up: gelu(gate) * up)
    patched = model(hidden_act="gelu")
    replace_forwards(patched, liger.liger_forward)
    assert replaced_layers(patched) == ["LlamaRMSNorm"]


@pytest.mark.parametrize("rope", [rope_reversed, rope_of_small_heads, failing_kernel])
def test_failing_or_wrong_rotation_is_not_used(kernels: Callable[..., None], rope: Callable[..., Any]) -> None:
    kernels(rope=rope)
    (reason,) = liger.use_liger_rope(model())
    assert "keeps its own code" in reason
    assert modeling_llama.apply_rotary_pos_emb is ORIGINAL_ROPE


def test_liger_is_not_used_on_cpu(kernels: Callable[..., None]) -> None:
    kernels()
    patched = model()
    use_fused_kernels(patched)
    assert replaced_layers(patched) == ["LlamaRMSNorm"]
    assert modeling_llama.apply_rotary_pos_emb is ORIGINAL_ROPE
