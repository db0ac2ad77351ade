"""Norms, gated layers and rotary embeddings on a GPU by Liger's kernels (arXiv 2410.10989), where they are installed.

Its own `apply_liger_kernel_to_…` know models by name and cannot be undone; here each kind of layer is offered one by
one, for whoever lets a trial decide (engine/fused.py). The loss stays ours: it has logits for trained tokens alone.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_GATED = {"gate_proj", "up_proj", "down_proj", "act_fn"}
_SILU = ("SiLU", "SiLUActivation")  # of torch and of transformers
_ROTATE = "apply_rotary_pos_emb"


def installed() -> bool:
    """Whether Liger is here, and Triton, in which it is written."""
    return all(importlib.util.find_spec(name) for name in ("liger_kernel", "triton"))


def quick(module: Any) -> Callable[..., Tensor] | None:
    """A layer's forward by a kernel of Liger's, which takes the layer first; None where none is meant for it."""
    if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
        return _normalized
    if set(dict(module.named_children())) == _GATED and type(module.act_fn).__name__ in _SILU:
        return _gated
    return None


def _normalized(module: Any, x: Tensor) -> Tensor:
    from liger_kernel.transformers.functional import liger_rms_norm

    return liger_rms_norm(x, module.weight, module.variance_epsilon, in_place=False)


def _gated(module: Any, x: Tensor) -> Tensor:
    from liger_kernel.transformers.functional import liger_swiglu

    return module.down_proj(liger_swiglu(module.gate_proj(x), module.up_proj(x)))


def rotate_quickly(model: Any) -> None:
    """Let the model's family rotate queries and keys by Liger's kernel, if a trial agrees; for this process."""
    from liger_kernel.transformers.functional import liger_rope

    families = {sys.modules[type(module).__module__] for module in model.modules()}
    for family in families:
        if (own := getattr(family, _ROTATE, None)) and _rotates_alike(own, liger_rope, model):
            setattr(family, _ROTATE, liger_rope)


def _rotates_alike(own: Callable[..., Any], other: Callable[..., Any], model: Any) -> bool:
    """Whether both give the same queries and keys, and the same gradients; each may write over what it is given."""
    angles = torch.linspace(0, 3, 5 * 16, device=model.device).view(1, 5, 16).repeat(1, 1, 2)
    found = []
    for way in (own, other):
        query, key = (_made(heads, model).requires_grad_() for heads in (4, 2))
        try:
            out = way(query.clone(), key.clone(), angles.cos(), angles.sin())
            weights = [_made(heads, model) for heads in (4, 2)]
            found.append([*out, *torch.autograd.grad(out, (query, key), weights)])
        except Exception:  # another kind of rotation, or a kernel that this machine cannot compile
            return False
    return all(torch.allclose(one, two, 1e-5, 1e-5) for one, two in zip(*found, strict=True))


def _made(heads: int, model: Any) -> Tensor:
    """[1, heads, 5, 32], strided as a projection is."""
    return torch.linspace(-2, 2, heads * 5 * 32, device=model.device).sin_().view(1, 5, heads, 32).transpose(1, 2)
