"""Short documents of like lengths attend side by side: one call of torch's kernel instead of one for each.

Side by side they are padded by whatever follows them, which no token of theirs can see, since causal attention looks
back only; the gradient that comes back for padding is nothing. So a document's values are its own, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

SHORTER = {torch.float32: 64, torch.bfloat16: 112}
"""Documents of fewer tokens are worth it (docs/experiments.md). In bf16 torch's CPU kernel is slower than in fp32."""
_LIKE = 0.8
"""Of the longest one's length, at least."""

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of query [documents, heads, tokens, size], keys and values [documents, kv heads, tokens, size], causally."""


def runs(lengths: Sequence[int], shorter: int) -> list[list[int]]:
    """Lengths of documents that lie one behind the other, parted into those that attend together."""
    found: list[list[int]] = []
    for length in lengths:
        longest = found[-1][0] if found else 0
        if longest < shorter and _LIKE * longest <= length <= longest:
            found[-1].append(length)
        else:
            found.append([length])
    return found


def side_by_side(attend: Attend, query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]) -> Tensor:
    """`attend` for a run of documents end to end: query and result [1, heads, tokens, size], the longest one first."""
    padded, inverse = _places(tuple(lengths), query.device)
    rows = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]
    apart = [_Padded.apply(row, padded, inverse).unflatten(0, (len(lengths), -1)).transpose(1, 2) for row in rows]
    if query.device.type == "cpu":
        apart = [tensor.float() for tensor in apart]
    with torch.autocast("cpu", enabled=False):  # which would take the kernel back to bf16
        attended = attend(*apart).to(query.dtype).transpose(1, 2).flatten(0, 1)
    return _Unpadded.apply(attended, inverse).transpose(0, 1)[None]


@lru_cache(maxsize=64)
def _places(lengths: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Which token lies where side by side, and where each token lies then."""
    longest, sizes = lengths[0], torch.tensor(lengths)
    starts, column = sizes.cumsum(0) - sizes, torch.arange(longest)
    padded = (starts[:, None] + column).clamp_(max=sum(lengths) - 1).flatten()
    inverse = (column < sizes[:, None]).flatten().nonzero()[:, 0]
    return padded.to(device), inverse.to(device)


class _Padded(torch.autograd.Function):
    """Rows by `index`, some more than once; the gradient of a row is that of its one place in `inverse`."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        """rows [tokens, ...]."""
        ctx.save_for_backward(inverse)
        return rows.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """[tokens, ...]."""
        return gradients[0].index_select(0, *ctx.saved_tensors), None, None


class _Unpadded(torch.autograd.Function):
    """Rows by `inverse`; the others get no gradient."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, inverse: Tensor) -> Tensor:
        """rows [documents · longest, ...]."""
        ctx.save_for_backward(inverse)
        ctx.places = rows.shape[0]
        return rows.index_select(0, inverse)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """[documents · longest, ...]."""
        out, (inverse,) = gradients[0], ctx.saved_tensors
        return out.new_zeros(ctx.places, *out.shape[1:]).index_copy_(0, inverse, out), None
