"""Cross entropy over the trained tokens. Memory stays bounded for large vocabularies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from services.training.engine.data.batches import MicroBatch

MAX_LOGITS = 1 << 26
"""Logits that exist at a time (256 MB in fp32). A vocabulary of 150,000 reaches the limit at 450 tokens."""


class StepLoss(nn.Module):
    """A model and its loss as one module, whose forward pass DDP can intercept."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: MicroBatch) -> Tensor:
        """The loss summed over the micro-batch's trained tokens, in nats."""
        return loss_sum(self.model, batch)


def loss_sum(model: Any, batch: MicroBatch) -> Tensor:
    """Cross entropy summed over the trained tokens, in nats; in training, with the router loss of a mixture.

    Logits are computed for trained tokens only (`logits_to_keep`). If they are more than MAX_LOGITS, the head runs on
    chunks of tokens, whose logits are recomputed in the backward pass (gradient checkpointing, arXiv 1604.06174).
    """
    head = model.get_output_embeddings()
    if (
        head is None
        or batch.targets.numel() * head.weight.shape[0] <= MAX_LOGITS
        or not applies_head_last(model, batch)
    ):
        out = model(**batch.inputs, use_cache=False)
        return _cross_entropy_sum(out.logits.flatten(0, 1), batch.targets.flatten()) + _router_loss(model, out, batch)
    with _bypassed(head):
        out = model(**batch.inputs, use_cache=False)
    chunk_size = max(1, MAX_LOGITS // head.weight.shape[0])
    chunks = zip(out.logits.flatten(0, 1).split(chunk_size), batch.targets.flatten().split(chunk_size), strict=True)
    losses = [checkpoint(_chunk_loss, head, *chunk, use_reentrant=False) for chunk in chunks]
    return torch.stack(losses).sum() + _router_loss(model, out, batch)


def balances_experts(model: Any) -> bool | None:
    """Whether the configuration of a mixture of experts asks for a router loss; None for any other model."""
    config = model.config.get_text_config()
    return getattr(config, "output_router_logits", None)


def _router_loss(model: Any, out: Any, batch: MicroBatch) -> Tensor | float:
    """The load-balancing loss (arXiv 2101.03961, equations 4 to 6) that the model computes and transformers adds.

    It is a mean over tokens, so it is multiplied by the trained ones, by which the step's loss is divided.
    """
    loss = getattr(out, "aux_loss", None)
    if not (model.training and balances_experts(model) and isinstance(loss, Tensor)):
        return 0.0
    config = model.config.get_text_config()
    names = ("router_aux_loss_coef", "aux_loss_coef")  # the latter is JetMoE's
    coefficient = next((value for name in names if (value := getattr(config, name, None))), 0.0)
    return coefficient * loss * batch.trained


@torch.no_grad()
def applies_head_last(model: Any, batch: MicroBatch) -> bool:
    """Whether the logits are the head's output itself, not scaled or capped afterwards; tries it out once per model.

    Only then can the head be applied in chunks. The inputs of `batch` show which attention the model uses now.
    """
    if (result := getattr(model, "_applies_head_last", None)) is None:
        head = model.get_output_embeddings()
        inputs: dict[str, Any] = {"input_ids": torch.arange(1, 6, device=model.device)[None], "use_cache": False}
        if "document_lengths" in batch.inputs:
            inputs["document_lengths"] = [5]
        logits = model(**inputs).logits
        with _bypassed(head):
            hidden = model(**inputs).logits
        applied = head(hidden)
        same_shape = logits.shape == applied.shape
        result = model._applies_head_last = same_shape and torch.allclose(logits, applied, 1e-2, 1e-3)
    return result


@contextmanager
def _bypassed(head: Any) -> Iterator[None]:
    """Within the context, the head returns its input: the model's "logits" are the hidden states."""
    head.forward = lambda hidden: hidden
    try:
        yield
    finally:
        del head.forward


def _chunk_loss(head: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    return _cross_entropy_sum(head(hidden), targets)


def _cross_entropy_sum(logits: Tensor, targets: Tensor) -> Tensor:
    # In fp32: a sum of exponentials over a large vocabulary loses too much in half precision.
    return cross_entropy(logits.float(), targets, ignore_index=-100, reduction="sum")
