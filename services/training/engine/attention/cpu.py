"""Causal attention on a CPU in blocks of queries, faster than torch's kernel.

In the backward pass, torch's CPU kernel is no faster in bf16 than in fp32, several times slower than the CPU's bf16
matrix products. Plain products run at full speed, and blocks above the diagonal are skipped. The probabilities saved
for the backward pass take tokens² / 2 elements per head, so this is for documents of moderate length.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BLOCK_QUERIES = {torch.float32: 64, torch.bfloat16: 128}
"""Queries per block. These and BLOCKED_FROM_TOKENS were the fastest of those measured (docs/experiments.md)."""
BLOCKED_FROM_TOKENS = {torch.float32: 160, torch.bfloat16: 1}
"""Document length from which blocks are faster than torch's kernel."""
MAX_PROBABILITIES = 1 << 22
"""Probabilities that one document may save for the backward pass (16 MB in fp32)."""


def prefers_blocks(query: Tensor) -> bool:
    """Whether BlockedAttention is the fastest for query [1, heads, tokens, size]."""
    _, heads, tokens, _ = query.shape
    minimum = BLOCKED_FROM_TOKENS.get(query.dtype)
    return not query.is_cuda and minimum is not None and minimum <= tokens and heads * tokens**2 <= MAX_PROBABILITIES


class BlockedAttention(torch.autograd.Function):
    """softmax(scale * q kᵀ, causal) v for q [1, heads, tokens, size], k and v [1, kv heads, tokens, size].

    The values may have another size than queries and keys, as in multi-head latent attention (arXiv 2405.04434).
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Attention [1, heads, tokens, size]; groups of heads share keys (arXiv 2305.13245)."""
        with torch.autocast("cpu", enabled=False):  # autocast would save fp32 probabilities, twice the memory
            return BlockedAttention._forward(ctx, query, key, value, scale)

    @staticmethod
    def _forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        kv_heads, tokens, size = key.shape[1:]
        queries = query.view(kv_heads, -1, tokens, size)
        keys, values = key[0], value[0]
        width = values.shape[-1]
        out, saved = queries.new_empty(*queries.shape[:3], width), []
        for begin in range(0, tokens, BLOCK_QUERIES[query.dtype]):
            end = min(tokens, begin + BLOCK_QUERIES[query.dtype])
            # No query of this block sees a key at `end` or later, so those products are skipped.
            scores = torch.bmm(_block_rows(queries, begin, end), keys[:, :end].transpose(1, 2)).mul_(scale)
            _mask_future(scores, begin, end)
            probabilities = torch.softmax(scores, -1)
            out[:, :, begin:end] = torch.bmm(probabilities, values[:, :end]).view(kv_heads, -1, end - begin, width)
            saved.append(probabilities)
        ctx.save_for_backward(queries, keys, values, out, *saved)
        ctx.scale = scale
        return out.view(1, -1, tokens, width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of q, k and v (FlashAttention, arXiv 2205.14135, appendix B)."""
        queries, keys, values, out, *saved = ctx.saved_tensors
        kv_heads, _, tokens, size = queries.shape
        grad_out = gradients[0].reshape(out.shape)
        # The softmax's gradient is dS = P ∘ (dP - D) with D = rowsum(dO ∘ O). D is summed in fp32, because every
        # score of its row inherits its rounding error.
        delta = (grad_out.float() * out.float()).sum(-1, keepdim=True)
        grad_query, grad_key, grad_value = torch.empty_like(queries), torch.zeros_like(keys), torch.zeros_like(values)
        for number, probabilities in enumerate(saved):
            begin = number * BLOCK_QUERIES[queries.dtype]
            end = min(tokens, begin + BLOCK_QUERIES[queries.dtype])
            rows, grad_rows = _block_rows(queries, begin, end), _block_rows(grad_out, begin, end)
            grad_scores = torch.bmm(grad_rows, values[:, :end].transpose(1, 2))
            block_delta = _block_rows(delta, begin, end).to(grad_scores.dtype)
            grad_scores.sub_(block_delta).mul_(probabilities).mul_(ctx.scale)
            grad_query[:, :, begin:end] = torch.bmm(grad_scores, keys[:, :end]).view(kv_heads, -1, end - begin, size)
            grad_key[:, :end].baddbmm_(grad_scores.transpose(1, 2), rows)
            grad_value[:, :end].baddbmm_(probabilities.transpose(1, 2), grad_rows)
        return grad_query.view(1, -1, tokens, size), grad_key[None], grad_value[None], None


def _block_rows(tensor: Tensor, begin: int, end: int) -> Tensor:
    """A block of [kv heads, group, tokens, size] as [kv heads, group * rows, size]: one product per kv head."""
    return tensor[:, :, begin:end].reshape(tensor.shape[0], -1, tensor.shape[-1])


def _mask_future(scores: Tensor, begin: int, end: int) -> None:
    """Add minus infinity above the diagonal of the block's last columns; all earlier keys are visible."""
    rows = end - begin
    future = torch.full((rows, rows), float("-inf"), dtype=scores.dtype).triu_(1)
    scores.view(scores.shape[0], -1, rows, end)[..., begin:].add_(future)
