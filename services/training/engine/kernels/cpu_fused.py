"""Norms and LoRA layers on a CPU in fewer passes over memory, forwards and backwards.

The libraries write them as chains of small operations, each of which reads and writes a whole activation; between fast
products that is where the time goes. `fuse` replaces them by the functions below, where a trial shows that the model's
own code gives the same. On a GPU they are Liger's kernels (engine/liger.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from services.training.engine.kernels import liger

Forward = Callable[..., Tensor]
"""Of a layer, which is its first argument."""
_TOKENS = 3
"""Of a trial: enough to tell rows apart."""


def _compute_dtype(tensor: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else tensor.dtype


class RootMeanSquareNorm(torch.autograd.Function):
    """weight · x / sqrt(mean(x²) + eps) over the last dimension (arXiv 1910.07467), in the precision of products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """x [..., size], weight [size]."""
        size = x.shape[-1]
        rows, scale = x.reshape(-1, size).float(), weight.float()
        inverse = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).square_().div_(size).add_(eps).rsqrt_()
        ctx.save_for_backward(rows, scale, inverse)
        ctx.like = x.dtype, weight.dtype
        return (rows * inverse).mul_(scale).to(_compute_dtype(x)).view(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """By layer norm's kernel at a mean of zero, which takes one term too much: it is given back."""
        rows, scale, inverse = ctx.saved_tensors
        size = rows.shape[-1]
        out = gradients[0].reshape(-1, size).float()
        wanted = [True, ctx.needs_input_grad[1], False]
        to_x, to_weight, _ = torch.ops.aten.native_layer_norm_backward(
            out, rows, [size], torch.zeros_like(inverse), inverse, scale, None, wanted
        )
        to_x.add_((out @ scale)[:, None] * inverse / size)
        kind, weight_kind = ctx.like
        return to_x.to(kind).view(gradients[0].shape), to_weight.to(weight_kind) if wanted[1] else None, None


class LowRankLinear(torch.autograd.Function):
    """x Wᵀ + bias + scale · x Aᵀ Bᵀ with W frozen (arXiv 2106.09685), all of it products that add where they end."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        """x [..., in], weight [out, in], down [rank, in], up [out, rank]."""
        kind = _compute_dtype(x)
        rows, weight, down, up = (tensor.to(kind) for tensor in (x.reshape(-1, x.shape[-1]), weight, down, up))
        low = rows @ down.t()
        out = rows @ weight.t() if bias is None else torch.addmm(bias.to(kind), rows, weight.t())
        out.addmm_(low, up.t(), alpha=scale)
        ctx.save_for_backward(rows, weight, down, up, low)
        ctx.scale, ctx.like = scale, (x.dtype, x.shape)
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None, Tensor, Tensor, None]:
        """Of x, where it is wanted, and of both trained matrices, in fp32 as they are."""
        rows, weight, down, up, low = ctx.saved_tensors
        out = gradients[0].reshape(-1, weight.shape[0])
        to_low = (out @ up).mul_(ctx.scale)
        to_up = (out.t() @ low).float().mul_(ctx.scale)
        to_down = (to_low.t() @ rows).float()
        to_x, (kind, shape) = None, ctx.like
        if ctx.needs_input_grad[0]:
            to_x = (out @ weight).addmm_(to_low, down).to(kind).view(shape)
        return to_x, None, None, to_down, to_up, None


def fuse(model: Any) -> None:
    """Let the layers of a model compute by the functions above, or on a GPU by Liger's.

    Where there is a GPU, a model that lies on the CPU is on its way there.
    """
    if model.device.type == "cuda":
        if liger.installed():
            replace(model, liger.quick)
            liger.rotate_quickly(model)
    elif model.device.type == "cpu" and not torch.cuda.is_available():
        replace(model, _quick)


def replace(model: Any, quick_way: Callable[[Any], Forward | None]) -> None:
    """Let layers compute in the quick way that there is for them, each kind of layer if a trial agrees.

    Such a layer becomes one of a class like its own: layers that share their code can be compiled together.
    """
    quicker: dict[type, type] = {}
    for module in model.modules():
        if (quick := quick_way(module)) is not None:
            kind = type(module)
            if kind not in quicker:
                quicker[kind] = _like(kind, quick) if _agrees(module, quick) else kind
            module.__class__ = quicker[kind]


def replaced(model: Any) -> list[str]:
    """The kinds of layers that do not go their own way."""
    return sorted({type(module).__name__ for module in model.modules() if hasattr(module, "own_forward")})


def _like(kind: type[Any], quick: Forward) -> type:
    """A class that differs in its forward pass alone."""
    members = {"forward": quick, "own_forward": kind.forward, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), members)


def _quick(module: Any) -> Forward | None:
    """A layer's forward by a function above; None where none of them is meant for it."""
    if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
        return _normalized
    return _adapted if _plain_lora(module) else None


def _plain_lora(module: Any) -> bool:
    """One adapter without dropout over a plain linear layer."""
    return (
        type(module).__name__ == "Linear"
        and type(module).__module__ == "peft.tuners.lora.layer"
        and type(module.base_layer) is torch.nn.Linear
        and module.active_adapters == ["default"]
        and not (module.lora_variant or any(module.lora_bias.values()) or module.fan_in_fan_out)
        and isinstance(module.lora_dropout["default"], torch.nn.Identity)
    )


def _normalized(module: Any, x: Tensor) -> Tensor:
    return RootMeanSquareNorm.apply(x, module.weight, module.variance_epsilon)


def _adapted(module: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A LoRA layer, which goes its own way while its adapter is switched off or merged."""
    if module.disable_adapters or module.merged or args or kwargs:
        return module.own_forward(x, *args, **kwargs)
    base, down, up = module.base_layer, module.lora_A["default"].weight, module.lora_B["default"].weight
    return LowRankLinear.apply(x, base.weight, base.bias, down, up, module.scaling["default"])


def _agrees(module: Any, quick: Forward) -> bool:
    """Whether both ways give the same values and the same gradient of their input."""
    weight = next(module.parameters())
    width = weight.shape[-1]
    row = torch.linspace(-2, 2, _TOKENS * width, dtype=weight.dtype, device=weight.device)
    x = row.sin_().view(1, _TOKENS, width).requires_grad_()
    tolerance = 1e-5 if weight.dtype == torch.float32 else 3e-2
    found = []
    for way in (module.forward, partial(quick, module)):
        try:
            out = way(x)
            found.append((out, *torch.autograd.grad(out.sum(), x)))
        except Exception:  # a layer called otherwise, or a kernel that this machine cannot compile
            return False
    return all(torch.allclose(one, other, tolerance, tolerance) for one, other in zip(*found, strict=True))
