"""Liger's kernels are offered where they are meant to be, and taken where a trial agrees.

They need a GPU; torch's own operations stand for them here, under their names.
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

OWN = modeling_llama.apply_rotary_pos_emb


def norm(x: Tensor, weight: Tensor, eps: float, *, in_place: bool) -> Tensor:
    assert not in_place  # its gradient is also the residual's
    return rms_norm(x, weight.shape, weight, eps)


def over_its_input(query: Tensor, key: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Rotates as Llama does, and leaves the result where the input was."""
    rotated = OWN(query, key, cos, sin)
    for given, made in zip((query, key), rotated, strict=True):
        given.data.copy_(made.data)
    return rotated


def backwards(query: Tensor, key: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return OWN(query, key, cos, -sin)


def missing(*inputs: Tensor) -> Tensor:
    raise OSError("no compiler")


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a Liger of these functions; what it makes of transformers ends with the test."""

    def install(
        swiglu: Callable[..., Tensor] = lambda gate, up: silu(gate) * up, rope: Callable[..., Any] = over_its_input
    ) -> None:
        functions = ModuleType("liger_kernel.transformers.functional")
        vars(functions).update(liger_rms_norm=norm, liger_swiglu=swiglu, liger_rope=rope)
        monkeypatch.setitem(sys.modules, functions.__name__, functions)

    monkeypatch.setattr(modeling_llama, "apply_rotary_pos_emb", OWN)
    return install


def model(**other: Any) -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, num_hidden_layers=2, **sizes, **other))


def logits(model: Any) -> Tensor:
    return model(input_ids=torch.arange(1, 20)[None], use_cache=False).logits.detach()


def test_norms_gated_layers_and_rotations_are_replaced_and_nothing_changes(kernels: Callable[..., None]) -> None:
    kernels()
    quick = model()
    own = logits(quick)
    replace_forwards(quick, liger.liger_forward)
    liger.use_liger_rope(quick)
    assert replaced_layers(quick) == ["LlamaMLP", "LlamaRMSNorm"]
    assert modeling_llama.apply_rotary_pos_emb is over_its_input
    torch.testing.assert_close(logits(quick), own)


@pytest.mark.parametrize("swiglu", [lambda gate, up: gelu(gate) * up, missing])
def test_a_kernel_that_fails_or_computes_otherwise_is_left_out(
    kernels: Callable[..., None], swiglu: Callable[..., Tensor]
) -> None:
    kernels(swiglu=swiglu)
    quick = model()
    replace_forwards(quick, liger.liger_forward)
    assert replaced_layers(quick) == ["LlamaRMSNorm"]


def test_a_layer_gated_otherwise_is_not_offered_one(kernels: Callable[..., None]) -> None:
    kernels(swiglu=lambda gate, up: gelu(gate) * up)
    quick = model(hidden_act="gelu")
    replace_forwards(quick, liger.liger_forward)
    assert replaced_layers(quick) == ["LlamaRMSNorm"]


@pytest.mark.parametrize("rope", [backwards, missing])
def test_a_rotation_that_fails_or_goes_another_way_is_left_out(
    kernels: Callable[..., None], rope: Callable[..., Any]
) -> None:
    kernels(rope=rope)
    liger.use_liger_rope(model())
    assert modeling_llama.apply_rotary_pos_emb is OWN


def test_a_cpu_keeps_to_its_own_ways(kernels: Callable[..., None]) -> None:
    kernels()
    quick = model()
    use_fused_kernels(quick)
    assert replaced_layers(quick) == ["LlamaRMSNorm"]
    assert modeling_llama.apply_rotary_pos_emb is OWN
