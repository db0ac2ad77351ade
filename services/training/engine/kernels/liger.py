"""Norms, gated MLPs and rotary embeddings on a GPU by Liger's kernels (arXiv 2410.10989), if they are installed.

Liger's own `apply_liger_kernel_to_...` functions know models by name and cannot be undone. Here each layer type gets a
kernel of its own, which kernels/cpu_fused.py uses only if a trial agrees. Liger's fused loss is not used: model/loss.py
computes logits for trained tokens only.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from shared.engine.loading.context import largest_size

_GATED_MLP_CHILDREN = {"gate_proj", "up_proj", "down_proj", "act_fn"}
_SILU_NAMES = ("SiLU", "SiLUActivation")  # torch's and transformers'
_ROPE_FUNCTION = "apply_rotary_pos_emb"
_TRIAL_TOKENS = 5


def is_installed() -> bool:
    """Whether Liger is installed, and Triton, which it is written in."""
    return all(importlib.util.find_spec(name) for name in ("liger_kernel", "triton"))


def liger_forward(module: Any) -> Callable[..., Tensor] | None:
    """A forward function for the layer that calls Liger's kernel (its first argument is the layer), or None."""
    if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
        return _rms_norm_forward
    if set(dict(module.named_children())) == _GATED_MLP_CHILDREN and type(module.act_fn).__name__ in _SILU_NAMES:
        return _gated_mlp_forward
    return None


def _rms_norm_forward(module: Any, x: Tensor) -> Tensor:
    from liger_kernel.transformers.functional import liger_rms_norm

    # In place, the backward pass would overwrite a gradient that the residual connection also uses.
    return liger_rms_norm(x, module.weight, module.variance_epsilon, in_place=False)


def _gated_mlp_forward(module: Any, x: Tensor) -> Tensor:
    from liger_kernel.transformers.functional import liger_swiglu

    return module.down_proj(liger_swiglu(module.gate_proj(x), module.up_proj(x)))


def use_liger_rope(model: Any, dtype: torch.dtype = torch.float32) -> list[str]:
    """Replace the rotary embedding function in the model's modules of transformers, if a trial agrees.

    The function is global, so this applies to the whole process. Returns a sentence for each trial that did not agree.
    """
    from liger_kernel.transformers.functional import liger_rope

    fallbacks = []
    for module in {sys.modules[type(module).__module__] for module in model.modules()}:
        if rope := getattr(module, _ROPE_FUNCTION, None):
            if _ropes_match(rope, liger_rope, model, dtype):
                setattr(module, _ROPE_FUNCTION, liger_rope)
            else:
                fallbacks.append("the rotary embedding keeps its own code: in a trial, Liger's gave other numbers")
    return fallbacks


def _ropes_match(original: Callable[..., Any], other: Callable[..., Any], model: Any, dtype: torch.dtype) -> bool:
    """Whether both give the same queries, keys and gradients, with the model's heads and angles.

    Either may overwrite its inputs.
    """
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    kv_heads = largest_size(config, "num_key_value_heads") or heads
    size = largest_size(config, "head_dim") or config.hidden_size // heads
    rotary = next((each for each in model.modules() if type(each).__name__.endswith("RotaryEmbedding")), None)
    counts, positions = (heads, kv_heads), 97 * torch.arange(_TRIAL_TOKENS, device=model.device)[None]
    tolerance, results = 1e-5 if dtype == torch.float32 else 3e-2, []
    for rope in (original, other):
        query, key = (_trial_projection(count, size, model, dtype).requires_grad_() for count in counts)
        try:
            cos, sin = rotary(torch.zeros(1, dtype=model.dtype, device=model.device), positions)  # type: ignore[misc]
            out = rope(query.clone(), key.clone(), cos, sin)
            upstream = [_trial_projection(n, size, model, each.dtype) for n, each in zip(counts, out, strict=True)]
            results.append([*out, *torch.autograd.grad(out, (query, key), upstream)])
        except Exception:  # another kind of rotation, or this machine cannot compile the kernel
            return False
    return all(
        torch.allclose(one.float(), two.float(), tolerance, tolerance) for one, two in zip(*results, strict=True)
    )


def _trial_projection(heads: int, size: int, model: Any, dtype: torch.dtype) -> Tensor:
    """Fixed values [1, heads, tokens, size] with the strides of a projection's output."""
    values = torch.linspace(-2, 2, heads * _TRIAL_TOKENS * size, device=model.device).sin_().to(dtype)
    return values.view(1, _TRIAL_TOKENS, heads, size).transpose(1, 2)
