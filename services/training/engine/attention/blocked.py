"""Causal attention of one document on a CPU, by matrix products over blocks of queries.

torch's own CPU kernel multiplies bf16 no faster than fp32 on the way back, and several times slower than this machine
could; here all is done by plain products, which the libraries do at full rate, and nothing above the diagonal blocks is
computed. What it keeps for the way back are the probabilities: half a square per head, so it is for documents of
moderate length.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BLOCK = {torch.float32: 64, torch.bfloat16: 128}
"""Queries in a block; with SHORTEST, the quickest that were measured (docs/experiments.md)."""
SHORTEST = {torch.float32: 160, torch.bfloat16: 112}
"""Tokens from which this is quicker than torch's kernel, in bf16 also than that one in fp32 (engine/alike.py)."""
MOST_KEPT = 1 << 22
"""Elements of probabilities that one document may keep (16 MB in fp32)."""


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
