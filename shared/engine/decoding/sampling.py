"""Sampling of a row's next token, with a random generator per row: the rest of the batch has no influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class SamplingParams:
    """Temperature 0 is greedy. `top_k` 0 and `top_p` 1 keep all tokens; a seed of None differs on every run."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None


class Sampler:
    """Samples one row, token by token.

    The order is that of transformers' logits processors: repetition penalty, temperature, top-k, top-p. It matters:
    top-p sums the probabilities that temperature and top-k leave.
    """

    def __init__(self, params: SamplingParams, prompt: Sequence[int], device: Any) -> None:
        self._params = params
        self._seen = set(prompt)
        self._generator = torch.Generator(device)
        if params.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(params.seed)

    @property
    def is_argmax(self) -> bool:
        """Whether the next token is always the one with the highest logit."""
        return self._params.temperature == 0 and self._params.repetition_penalty == 1

    def accept(self, token: int) -> None:
        """Record a generated token, for the repetition penalty."""
        self._seen.add(token)

    def sample(self, logits: Tensor) -> int:
        """The next token from logits [vocabulary]."""
        logits = self._penalize(logits)
        if self._params.temperature == 0:
            return int(logits.argmax())
        logits = _filter_top_p(_filter_top_k(logits / self._params.temperature, self._params.top_k), self._params.top_p)
        return int(torch.multinomial(logits.softmax(-1), 1, generator=self._generator))

    def _penalize(self, logits: Tensor) -> Tensor:
        """Lower the logits of tokens in prompt and answer (Keskar et al. 2019, CTRL).

        Positive logits are divided and negative ones multiplied: dividing a negative logit would raise it.
        """
        penalty = self._params.repetition_penalty
        if penalty == 1:
            return logits
        seen = torch.tensor(sorted(self._seen), device=logits.device)
        values = logits[seen]
        return logits.index_copy(0, seen, torch.where(values > 0, values / penalty, values * penalty))


def _filter_top_k(logits: Tensor, top_k: int) -> Tensor:
    if not 0 < top_k < logits.numel():
        return logits
    return logits.masked_fill(logits < logits.topk(top_k).values[-1], -torch.inf)


def _filter_top_p(logits: Tensor, top_p: float) -> Tensor:
    """Nucleus sampling (Holtzman et al. 2020): keep the fewest likeliest tokens whose probabilities sum to `top_p`.

    A token is dropped if those before it reach `top_p` by themselves; the likeliest one is always kept.
    """
    if top_p >= 1:
        return logits
    ordered, index = logits.sort(descending=True)
    probabilities = ordered.softmax(-1)
    dropped = probabilities.cumsum(-1) - probabilities >= top_p
    dropped[0] = False
    return logits.index_fill(0, index[dropped], -torch.inf)
