"""Causal attention of documents on a CPU, faster than torch's kernel: short ones batched, longer ones in blocks.

Batched: documents of similar length are padded to one batch and attend in one kernel call. The padding of a document
is whatever follows it; causal attention never looks ahead, so its values stay the same to the last bit.

Blocked: matrix products over blocks of queries. torch's CPU kernel multiplies bf16 no faster than fp32 in the backward
pass, several times slower than this machine can; plain products run at full rate, and nothing above the diagonal
blocks is computed. The probabilities kept for the backward pass take half a square per head, so this is for documents
of moderate length.
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


BLOCK = {torch.float32: 64, torch.bfloat16: 128}
"""Queries in a block; with SHORTEST, the quickest that were measured (docs/experiments.md)."""
SHORTEST = {torch.float32: 160, torch.bfloat16: 112}
"""Tokens from which this is quicker than torch's kernel, in bf16 also than that one in fp32 (engine/alike.py)."""
MOST_KEPT = 1 << 22
"""Elements of probabilities that one document may keep (16 MB in fp32)."""


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


def suits(query: Tensor) -> bool:
    """Whether this is the quicker way for query [1, heads, tokens, size]."""
    _, heads, tokens, _ = query.shape
    shortest = SHORTEST.get(query.dtype)
    return not query.is_cuda and shortest is not None and shortest <= tokens and heads * tokens**2 <= MOST_KEPT


class CausalAttention(torch.autograd.Function):
    """softmax(scale · q kᵀ, causal) v for q [1, heads, tokens, size], k and v [1, kv heads, tokens, size]."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Attention [1, heads, tokens, size]; heads share keys in groups, as in grouped-query attention."""
        with torch.autocast("cpu", enabled=False):  # which would do the softmax in fp32 and keep that
            return CausalAttention._attend(ctx, query, key, value, scale)

    @staticmethod
    def _attend(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        shared, tokens, size = key.shape[1:]
        queries = query.view(shared, -1, tokens, size)
        keys, values = key[0], value[0]
        out, kept = torch.empty_like(queries), []
        for begin in range(0, tokens, BLOCK[query.dtype]):
            end = min(tokens, begin + BLOCK[query.dtype])
            scores = torch.bmm(_rows(queries, begin, end), keys[:, :end].transpose(1, 2)).mul_(scale)
            _hide_later(scores, begin, end)
            probabilities = torch.softmax(scores, -1)
            out[:, :, begin:end] = torch.bmm(probabilities, values[:, :end]).view(shared, -1, end - begin, size)
            kept.append(probabilities)
        ctx.save_for_backward(queries, keys, values, out, *kept)
        ctx.scale = scale
        return out.view_as(query)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of q, k, v (arXiv 2205.14135, appendix B)."""
        queries, keys, values, out, *kept = ctx.saved_tensors
        shared, _, tokens, size = queries.shape
        from_out = gradients[0].reshape(queries.shape)
        shift = (from_out.float() * out.float()).sum(-1, keepdim=True)
        to_query, to_key, to_value = torch.empty_like(queries), torch.zeros_like(keys), torch.zeros_like(values)
        for number, probabilities in enumerate(kept):
            begin = number * BLOCK[queries.dtype]
            end = min(tokens, begin + BLOCK[queries.dtype])
            rows, grads = _rows(queries, begin, end), _rows(from_out, begin, end)
            scores = torch.bmm(grads, values[:, :end].transpose(1, 2))
            scores.sub_(_rows(shift, begin, end).to(scores.dtype)).mul_(probabilities).mul_(ctx.scale)
            to_query[:, :, begin:end] = torch.bmm(scores, keys[:, :end]).view(shared, -1, end - begin, size)
            to_key[:, :end].baddbmm_(scores.transpose(1, 2), rows)
            to_value[:, :end].baddbmm_(probabilities.transpose(1, 2), grads)
        return to_query.view(1, -1, tokens, size), to_key[None], to_value[None], None


def _rows(tensor: Tensor, begin: int, end: int) -> Tensor:
    """[kv heads, group · rows, size]: the queries of a block, those that share keys one under the other."""
    return tensor[:, :, begin:end].reshape(tensor.shape[0], -1, tensor.shape[-1])


def _hide_later(scores: Tensor, begin: int, end: int) -> None:
    """Minus infinity in the part of the diagonal block that lies ahead of each query."""
    rows = end - begin
    ahead = torch.full((rows, rows), float("-inf"), dtype=scores.dtype).triu_(1)
    scores.view(scores.shape[0], -1, rows, end)[..., begin:].add_(ahead)
