"""Fused norms and LoRA layers for a CPU: fewer passes over memory, in the forward and the backward pass.

The libraries write these layers as chains of small operations, each of which reads and writes a whole activation. They
are bound by memory, not by arithmetic. `use_fused_kernels` replaces them where a trial agrees with the model's own
code. On a GPU, Liger's kernels are used instead (kernels/liger.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from services.training.engine.kernels import liger

Forward = Callable[..., Tensor]
"""A layer's forward function; its first argument is the layer."""
_TRIAL_TOKENS = 3
"""More than one, so that a kernel that mixes up rows is caught."""
_TOLERANCE, _HALF_TOLERANCE = 1e-4, 3e-2
"""Largest difference in a trial, relative to the largest value: in fp32, and in bf16 and fp16."""


def _compute_dtype(tensor: Tensor) -> torch.dtype:
    """The dtype of matrix products: autocast's, if it is enabled."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else tensor.dtype


def _reshaped(out: Tensor, shape: Sequence[int]) -> Tensor:
    """`out` as a function's result that the model's code may change in place, which autograd forbids for a view."""
    return torch.ops.aten._unsafe_view(out, shape)


class FusedRMSNorm(torch.autograd.Function):
    """weight * x / sqrt(mean(x²) + eps) over the last dimension (arXiv 1910.07467), returned in the compute dtype."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """x [..., size], weight [size]. Computes in fp32: squares of bf16 values sum up too coarsely."""
        size = x.shape[-1]
        rows, scale = x.reshape(-1, size).float(), weight.float()
        inverse = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).square_().div_(size).add_(eps).rsqrt_()
        ctx.save_for_backward(rows, scale, inverse)
        ctx.dtypes = x.dtype, weight.dtype
        return _reshaped((rows * inverse).mul_(scale).to(_compute_dtype(x)), x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """Layer norm's fused kernel with a mean of zero.

        That kernel also subtracts the gradient's mean, since layer norm centers its input and RMS norm does not; the
        term is added back.
        """
        rows, scale, inverse = ctx.saved_tensors
        size = rows.shape[-1]
        out = gradients[0].reshape(-1, size).float()
        needed = [True, ctx.needs_input_grad[1], False]
        grad_x, grad_weight, _ = torch.ops.aten.native_layer_norm_backward(
            out, rows, [size], torch.zeros_like(inverse), inverse, scale, None, needed
        )
        grad_x.add_((out @ scale)[:, None] * inverse / size)
        x_dtype, weight_dtype = ctx.dtypes
        return grad_x.to(x_dtype).view(gradients[0].shape), grad_weight.to(weight_dtype) if needed[1] else None, None


class FusedLoraLinear(torch.autograd.Function):
    """x Wᵀ + bias + scale * x Aᵀ Bᵀ with W frozen (LoRA, arXiv 2106.09685).

    The low-rank products accumulate into the result of the large one, so no [..., out] temporary is written.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        """x [..., in], weight W [out, in], down A [rank, in], up B [out, rank]."""
        dtype = _compute_dtype(x)
        rows, weight, down, up = (tensor.to(dtype) for tensor in (x.reshape(-1, x.shape[-1]), weight, down, up))
        low = rows @ down.t()
        out = rows @ weight.t() if bias is None else torch.addmm(bias.to(dtype), rows, weight.t())
        out.addmm_(low, up.t(), alpha=scale)
        ctx.save_for_backward(rows, weight, down, up, low)
        ctx.scale, ctx.input = scale, (x.dtype, x.shape)
        return _reshaped(out, (*x.shape[:-1], out.shape[-1]))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None, Tensor, Tensor, None]:
        """Gradients of x, if needed, and of A and B, in fp32 as these weights are."""
        rows, weight, down, up, low = ctx.saved_tensors
        out = gradients[0].reshape(-1, weight.shape[0])
        grad_low = (out @ up).mul_(ctx.scale)
        grad_up = (out.t() @ low).float().mul_(ctx.scale)
        grad_down = (grad_low.t() @ rows).float()
        grad_x, (dtype, shape) = None, ctx.input
        if ctx.needs_input_grad[0]:  # not in the first layer, whose input is not trained
            grad_x = (out @ weight).addmm_(grad_low, down).to(dtype).view(shape)
        return grad_x, None, None, grad_down, grad_up, None


def use_fused_kernels(model: Any, dtype: torch.dtype = torch.float32) -> None:
    """Replace the forward functions of a model's layers: on a CPU by those of this module, on a GPU by Liger's.

    `dtype` is that of the run's matrix products. `model.kernel_fallbacks` says in words what kept the model's own code.
    With a GPU present, a model on the CPU stays as it is: it is about to be moved to the GPU.
    """
    model.kernel_fallbacks = []
    if model.device.type == "cuda":
        if liger.is_installed():
            model.kernel_fallbacks = replace_forwards(model, liger.liger_forward, dtype)
            model.kernel_fallbacks += liger.use_liger_rope(model, dtype)
    elif model.device.type == "cpu" and not torch.cuda.is_available():
        model.kernel_fallbacks = replace_forwards(model, _fused_forward, dtype) + _describe_other_adapters(model)


def replace_forwards(
    model: Any, find_forward: Callable[[Any], Forward | None], dtype: torch.dtype = torch.float32
) -> list[str]:
    """Replace the forward function of each layer for which `find_forward` has one, if a trial agrees.

    Layers of one type, shape, precision and scale share a trial. Returns a sentence for each trial that did not agree.
    A replaced layer becomes an instance of a subclass of its type.
    """
    classes: dict[type, type] = {}
    mismatches: dict[tuple[Any, ...], str | None] = {}
    for module in model.modules():
        if (forward := find_forward(module)) is not None:
            original, signature = type(module), _signature(module)
            if signature not in mismatches:
                mismatches[signature] = find_mismatch(module, forward, dtype)
            if mismatches[signature] is None:
                classes[original] = classes.get(original) or _subclass(original, forward)
                module.__class__ = classes[original]
    return [f"{key[0].__name__} keeps its own code: {reason}" for key, reason in mismatches.items() if reason]


def _signature(module: Any) -> tuple[Any, ...]:
    """What decides whether two layers compute the same function of their weights."""
    weights = tuple((name, w.shape, w.dtype, w.requires_grad) for name, w in module.named_parameters())
    constants = (str(getattr(module, name, None)) for name in ("scaling", "variance_epsilon"))
    return (type(module), repr(module), weights, *constants)


def replaced_layers(model: Any) -> list[str]:
    """The types of the layers whose forward function was replaced."""
    return sorted({type(module).__name__ for module in model.modules() if hasattr(module, "original_forward")})


def _subclass(original: type[Any], forward: Forward) -> type:
    """A subclass of the same name that differs only in its forward function."""
    members = {"forward": forward, "original_forward": original.forward, "__module__": original.__module__}
    return type(original.__name__, (original,), members)


def _fused_forward(module: Any) -> Forward | None:
    """A forward function of this module for the layer, or None."""
    if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
        return _rms_norm_forward
    return _lora_forward if _is_plain_lora(module) else None


def _is_plain_lora(module: Any) -> bool:
    """Whether a layer is one LoRA adapter without dropout on a plain linear layer."""
    return (
        type(module).__name__ == "Linear"
        and type(module).__module__ == "peft.tuners.lora.layer"
        and type(module.base_layer) is torch.nn.Linear
        and module.active_adapters == ["default"]
        and not (module.lora_variant or any(module.lora_bias.values()) or module.fan_in_fan_out)
        and isinstance(module.lora_dropout["default"], torch.nn.Identity)
    )


def _rms_norm_forward(module: Any, x: Tensor) -> Tensor:
    return FusedRMSNorm.apply(x, module.weight, module.variance_epsilon)


def _lora_forward(module: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The LoRA layer, by its original code while the adapter is disabled or merged."""
    if module.disable_adapters or module.merged or args or kwargs:
        return module.original_forward(x, *args, **kwargs)
    base, down, up = module.base_layer, module.lora_A["default"].weight, module.lora_B["default"].weight
    return FusedLoraLinear.apply(x, base.weight, base.bias, down, up, module.scaling["default"])


def _describe_other_adapters(model: Any) -> list[str]:
    """A sentence if adapters of a kind that is not fused are in use; those that a trial rejects have their own."""
    other = [m for m in model.modules() if hasattr(m, "lora_A") and not _is_plain_lora(m)]
    dropout = any(not isinstance(each, torch.nn.Identity) for m in other for each in m.lora_dropout.values())
    base_layers = {type(m.get_base_layer()) for m in other} - {torch.nn.Linear}
    layers = ", ".join(sorted(each.__name__ for each in base_layers))
    why = (
        "they have dropout" if dropout else f"they are over layers of {layers}" if layers else "they are not plain LoRA"
    )
    return [f"{len(other)} adapters keep peft's own code: {why}"] if other else []


def find_mismatch(module: Any, forward: Forward, dtype: torch.dtype = torch.float32) -> str | None:
    """Why `forward` cannot replace the layer's own: other values or gradients in a trial, or an error; None if it can.

    `dtype` is that of matrix products, by autocast where the weights have another.
    """
    weight = next(module.parameters())
    width = weight.shape[-1]
    row = torch.linspace(-2, 2, _TRIAL_TOKENS * width, dtype=weight.dtype, device=weight.device)
    x = row.mul_(7).sin_().view(1, _TRIAL_TOKENS, width).requires_grad_()
    half = torch.float32 != dtype or weight.dtype != torch.float32
    autocast = torch.autocast(weight.device.type, dtype, enabled=dtype != torch.float32)
    try:
        with torch.enable_grad(), varied_weights(module), autocast:
            own, other = (_values_and_gradients(f, module, x) for f in (module.forward, partial(forward, module)))
    except Exception as error:  # the layer has another signature, or this machine cannot compile the kernel
        return f"the trial failed with {type(error).__name__} {error}".splitlines()[0]
    return describe_difference(own, other, _HALF_TOLERANCE if half else _TOLERANCE)


def describe_difference(own: Sequence[Tensor], other: Sequence[Tensor], tolerance: float) -> str | None:
    """Values come first, then gradients; None if each is within `tolerance` of the largest."""
    for number, (one, two) in enumerate(zip(own, other, strict=True)):
        difference = float((one.float() - two.float()).abs().max() / one.float().abs().max().clamp(min=1e-30))
        if not difference <= tolerance:
            return f"in a trial, the faster code's {'gradients' if number else 'values'} differ by {difference:.1%}"
    return None


@contextmanager
def varied_weights(module: Any) -> Iterator[None]:
    """Within the context, no weight is constant: an untrained B of zeros or a norm of ones would hide mistakes."""
    constant = [w for w in module.parameters() if w.is_floating_point() and bool((w == w.flatten()[0]).all())]
    saved = [weight.detach().clone() for weight in constant]
    with torch.no_grad():
        for weight in constant:
            weight.add_(torch.arange(1, weight.numel() + 1, device=weight.device).sin().view(weight.shape))
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, before in zip(constant, saved, strict=True):
                weight.copy_(before)


def _values_and_gradients(function: Callable[[Tensor], Tensor], module: Any, x: Tensor) -> tuple[Tensor, ...]:
    """The output, and the gradients of the input and of the layer's trained weights."""
    out = function(x)
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    upstream = torch.arange(1, out.numel() + 1, device=out.device).cos().view(out.shape).to(out.dtype)
    return out.detach(), *torch.autograd.grad(out, (x, *weights), upstream)
