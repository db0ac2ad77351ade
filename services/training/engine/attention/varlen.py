"""Packed attention on a GPU: torch's variable-length flash attention, one kernel call for a whole micro-batch.

It computes the same as attention/packed.py does document by document. It is used only where it supports the GPU, the
precision and the head size, and where a trial agrees with the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention

_DTYPES = (torch.bfloat16, torch.float16)
_MAX_HEAD_SIZE, _HEAD_SIZE_MULTIPLE = 256, 8
_TRIAL_LENGTHS, _TRIAL_WINDOWS = (37, 5, 64), (None, 16)
"""Document lengths (tokens) and sliding windows of a trial; documents are shorter and longer than a window."""
_TRIAL_TOLERANCE = 3e-2
"""Largest difference, relative to the largest value: half-precision kernels against an fp32 reference."""

PackedAttention = Callable[[Tensor, Tensor, Tensor, Sequence[int], float | None, int | None], Tensor]
"""Of query [1, heads, tokens, size], keys and values [1, kv heads, tokens, size], lengths, scale and window."""


def is_usable(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether the kernel can be used for query [1, heads, tokens, size], key and value [1, kv heads, tokens, size]."""
    dtype, size = query.dtype, query.shape[-1]
    return (
        query.is_cuda
        and value.shape[-1] == size
        and supports(dtype, size)
        and passes_trial(query.device, dtype, query.shape[1], key.shape[1], size)
    )


def supports(dtype: torch.dtype, size: int) -> bool:
    """Whether the kernel supports this precision and head size."""
    return dtype in _DTYPES and size <= _MAX_HEAD_SIZE and size % _HEAD_SIZE_MULTIPLE == 0


@lru_cache
def passes_trial(device: torch.device, dtype: torch.dtype, heads: int, kv_heads: int, size: int) -> bool:
    """Whether the kernel runs on this GPU and gives the right numbers; tried once per process."""
    try:
        return matches_reference(attend, device, dtype, heads, kv_heads, size)
    except Exception:  # the GPU is too old, or torch was built without the kernel
        return False


@torch.enable_grad()
def matches_reference(
    kernel: PackedAttention, device: torch.device, dtype: torch.dtype, heads: int, kv_heads: int, size: int
) -> bool:
    """Whether values and gradients of `kernel` equal those of documents that attend one by one in fp32."""
    tokens = sum(_TRIAL_LENGTHS)
    drawn = [
        torch.linspace(-3, 3 + number, tokens * count * size, device=device).sin_().view(1, tokens, count, size)
        for number, count in enumerate((heads, kv_heads, kv_heads))
    ]
    inputs = [tensor.to(dtype).transpose(1, 2).requires_grad_() for tensor in drawn]
    # The reference starts from the rounded inputs, so that only the kernel's own error counts.
    exact = [tensor.detach().float().requires_grad_() for tensor in inputs]
    return all(
        bool((one - other).abs().max() <= _TRIAL_TOLERANCE * other.abs().max())
        for window in _TRIAL_WINDOWS
        for one, other in zip(
            _output_and_gradients(kernel, inputs, window),
            _output_and_gradients(_reference_attention, exact, window),
            strict=True,
        )
    )


def _output_and_gradients(kernel: PackedAttention, inputs: Sequence[Tensor], window: int | None) -> tuple[Tensor, ...]:
    query, key, value = inputs
    out = kernel(query, key, value, _TRIAL_LENGTHS, None, window)
    weights = torch.linspace(-1, 1, out.numel(), device=out.device).view(out.shape).to(out.dtype)
    return out, *torch.autograd.grad(out, inputs, weights)


def _reference_attention(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], scale: float | None, window: int | None
) -> Tensor:
    attended = []
    documents = (tensor.split(list(lengths), 2) for tensor in (query, key, value))
    for queries, keys, values in zip(*documents, strict=True):
        tokens = queries.shape[2]
        mask = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril_()
        mask = mask if window is None else mask.triu_(1 - window)
        attended.append(
            scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scale, enable_gqa=True)
        )
    return torch.cat(attended, 2)


def attend(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], scale: float | None, window: int | None
) -> Tensor:
    """Causal attention [1, heads, tokens, size] of packed documents; a token sees at most `window` tokens."""
    bounds, longest = boundaries(tuple(lengths), query.device), max(lengths)
    attended = varlen_attn(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        cu_seq_q=bounds,
        cu_seq_k=bounds,
        max_q=longest,
        max_k=longest,
        scale=scale,
        window_size=(-1 if window is None else window - 1, 0),  # the token itself is not counted; 0 ahead is causal
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(attended, Tensor)  # it returns a tuple only if auxiliary outputs are requested
    return attended.transpose(0, 1)[None]


@lru_cache(maxsize=64)
def boundaries(lengths: tuple[int, ...], device: torch.device) -> Tensor:
    """Cumulative document lengths [documents + 1], as int32, from 0 to the number of tokens."""
    return torch.tensor((0, *lengths)).cumsum(0).to(device, torch.int32)
