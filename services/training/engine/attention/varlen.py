"""Packed documents on a GPU: torch's variable-length flash attention, one kernel for a whole micro-batch.

It computes what `ragged_attention` computes document by document. Where the GPU, the precision or the size of the heads
does not suit it, or a trial finds other values, documents attend one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention

_DTYPES = (torch.bfloat16, torch.float16)
_LARGEST, _MULTIPLE = 256, 8
"""Of the size of a head."""
_TRIAL, _WINDOWS = (37, 5, 64), (None, 16)
"""Tokens of the documents of a trial, and how many of them a token sees at most."""

Attend = Callable[[Tensor, Tensor, Tensor, Sequence[int], float | None, int | None], Tensor]
"""Of query [1, heads, tokens, size], keys and values [1, kv heads, tokens, size], lengths, scale and window."""


def suits(query: Tensor, key: Tensor) -> bool:
    """Whether query [1, heads, tokens, size] and key [1, kv heads, tokens, size] can attend in one kernel."""
    dtype, size = query.dtype, query.shape[-1]
    return query.is_cuda and knows(dtype, size) and works(query.device, dtype, query.shape[1], key.shape[1], size)


def knows(dtype: torch.dtype, size: int) -> bool:
    """Whether the kernel is for this precision and heads of this size."""
    return dtype in _DTYPES and size <= _LARGEST and size % _MULTIPLE == 0


@lru_cache
def works(device: torch.device, dtype: torch.dtype, heads: int, shared: int, size: int) -> bool:
    """Whether this GPU has the kernel, and it is right; found out once."""
    try:
        return agrees(attend, device, dtype, heads, shared, size)
    except Exception:  # too old a GPU, or a torch that was built without it
        return False


@torch.enable_grad()
def agrees(way: Attend, device: torch.device, dtype: torch.dtype, heads: int, shared: int, size: int) -> bool:
    """Whether `way` gives the values and gradients that documents give which attend one by one in fp32."""
    tokens = sum(_TRIAL)
    made = [
        torch.linspace(-3, 3 + number, tokens * each * size, device=device).sin_().view(1, tokens, each, size)
        for number, each in enumerate((heads, shared, shared))
    ]
    inputs = [tensor.to(dtype).transpose(1, 2).requires_grad_() for tensor in made]
    exact = [tensor.detach().float().requires_grad_() for tensor in inputs]
    return all(
        bool((one - other).abs().max() <= 3e-2 * other.abs().max())
        for window in _WINDOWS
        for one, other in zip(_learned(way, inputs, window), _learned(_one_by_one, exact, window), strict=True)
    )


def _learned(way: Attend, inputs: Sequence[Tensor], window: int | None) -> tuple[Tensor, ...]:
    query, key, value = inputs
    out = way(query, key, value, _TRIAL, None, window)
    weights = torch.linspace(-1, 1, out.numel(), device=out.device).view(out.shape).to(out.dtype)
    return out, *torch.autograd.grad(out, inputs, weights)


def _one_by_one(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], scale: float | None, window: int | None
) -> Tensor:
    attended = []
    parts = (tensor.split(list(lengths), 2) for tensor in (query, key, value))
    for queries, keys, values in zip(*parts, strict=True):
        tokens = queries.shape[2]
        sees = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril_()
        sees = sees if window is None else sees.triu_(1 - window)
        attended.append(
            scaled_dot_product_attention(queries, keys, values, attn_mask=sees, scale=scale, enable_gqa=True)
        )
    return torch.cat(attended, 2)


def attend(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], scale: float | None, window: int | None
) -> Tensor:
    """Causal attention [1, heads, tokens, size] of documents end to end; a token sees `window` tokens at most."""
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
        window_size=(-1 if window is None else window - 1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(attended, Tensor)  # with nothing else asked for
    return attended.transpose(0, 1)[None]


@lru_cache(maxsize=64)
def boundaries(lengths: tuple[int, ...], device: torch.device) -> Tensor:
    """Where each document begins, and the last one ends: [documents + 1]."""
    return torch.tensor((0, *lengths)).cumsum(0).to(device, torch.int32)
