"""Negative log-likelihood of each row under a model, over the tokens that training trains on."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shared.engine.process.protocol import EngineError
from shared.engine.text.samples import EncodedSample

LOGITS = 1 << 27
"""Logits of a batch: 512 MB in float32. With a large vocabulary this, not `batch_tokens`, bounds a batch."""


@dataclass(frozen=True)
class Loss:
    """Nats summed over the trained tokens of a row, and how many those are."""

    nats: float
    tokens: int

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(self.nats + other.nats, self.tokens + other.tokens)


@torch.inference_mode()
def losses_of(
    model: Any, samples: Sequence[EncodedSample], batch_tokens: int, on_progress: Callable[[int, int], None]
) -> list[Loss]:
    """One Loss per sample, in order. Batches hold samples of like length; the first token is never predicted."""
    found = [Loss(0.0, 0)] * len(samples)
    budget = min(batch_tokens, LOGITS // model.config.get_text_config().vocab_size)
    done = 0
    for batch in _batches([len(sample.input_ids) for sample in samples], budget):
        for index, loss in zip(batch, _batch_losses(model, [samples[i] for i in batch]), strict=True):
            found[index] = loss
        done += len(batch)
        on_progress(done, len(samples))
    return found


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices, longest first, with padded size up to `budget` tokens or one sample."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _batch_losses(model: Any, samples: Sequence[EncodedSample]) -> list[Loss]:
    width = max(len(sample.input_ids) for sample in samples)
    ids = _padded([sample.input_ids for sample in samples], width, model.device)
    mask = _padded([[1] * len(sample.input_ids) for sample in samples], width, model.device)
    trained = _padded([sample.trained for sample in samples], width, model.device).bool()
    targets = trained[:, 1:].any(0).nonzero()[:, 0] + 1
    if not len(targets):
        return [Loss(0.0, 0)] * len(samples)
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=targets - 1, use_cache=False).logits.float()
    nats = -logits.log_softmax(-1).gather(-1, ids[:, targets, None])[..., 0]
    counted = trained[:, targets]
    sums = (nats * counted).double().sum(1).tolist()
    if not all(map(math.isfinite, sums)):
        raise EngineError("not_finite", "The model's outputs are not numbers.", remedy="Train it again, more gently.")
    return [Loss(total, int(count)) for total, count in zip(sums, counted.sum(1).tolist(), strict=True)]


def _padded(rows: Sequence[Sequence[int]], width: int, device: Any) -> Tensor:
    return torch.tensor([[*row, *([0] * (width - len(row)))] for row in rows], device=device)
