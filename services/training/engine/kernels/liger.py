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

_GATED_MLP_CHILDREN = {"gate_proj", "up_proj", "down_proj", "act_fn"}
_SILU_NAMES = ("SiLU", "SiLUActivation")  # torch's and transformers'
_ROPE_FUNCTION = "apply_rotary_pos_emb"


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


def use_liger_rope(model: Any) -> None:
    """Replace the rotary embedding function in the model's modules of transformers, if a trial agrees.

    The function is global, so this applies to the whole process.
    """
    from liger_kernel.transformers.functional import liger_rope

    modules = {sys.modules[type(module).__module__] for module in model.modules()}
    for module in modules:
        if (rope := getattr(module, _ROPE_FUNCTION, None)) and _ropes_match(rope, liger_rope, model):
            setattr(module, _ROPE_FUNCTION, liger_rope)


def _ropes_match(original: Callable[..., Any], other: Callable[..., Any], model: Any) -> bool:
    """Whether both give the same queries, keys and gradients; either may overwrite its inputs."""
    angles = torch.linspace(0, 3, 5 * 16, device=model.device).view(1, 5, 16).repeat(1, 1, 2)
    results = []
    for rope in (original, other):
        query, key = (_trial_projection(heads, model).requires_grad_() for heads in (4, 2))
        try:
            out = rope(query.clone(), key.clone(), angles.cos(), angles.sin())
            weights = [_trial_projection(heads, model) for heads in (4, 2)]
            results.append([*out, *torch.autograd.grad(out, (query, key), weights)])
        except Exception:  # another kind of rotation, or this machine cannot compile the kernel
            return False
    return all(torch.allclose(one, two, 1e-5, 1e-5) for one, two in zip(*results, strict=True))


def _trial_projection(heads: int, model: Any) -> Tensor:
    """Fixed values [1, heads, 5, 32] with the strides of a projection's output."""
    return torch.linspace(-2, 2, heads * 5 * 32, device=model.device).sin_().view(1, 5, heads, 32).transpose(1, 2)
