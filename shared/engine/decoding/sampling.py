"""How one row chooses its next token; its own random generator makes it independent of the rest of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """Greedy at temperature 0. `top_k` 0 and `top_p` 1 leave all tokens in; a seed of None differs every time."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None


class Sampler:
    """One row's choice, token by token, in the order transformers applies: penalty, temperature, top-k, top-p."""

    def __init__(self, sampling: Sampling, prompt: Sequence[int], device: Any) -> None:
        self._sampling = sampling
        self._seen = set(prompt)
        self._generator = torch.Generator(device)
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)

    @property
    def plain(self) -> bool:
        """Whether the choice is simply the likeliest token."""
        return self._sampling.temperature == 0 and self._sampling.repetition_penalty == 1

    def accept(self, token: int) -> None:
        """Remember a token that was chosen."""
        self._seen.add(token)

    def choose(self, logits: Tensor) -> int:
        """The next token from logits [vocabulary]."""
        logits = self._penalised(logits)
        if self._sampling.temperature == 0:
            return int(logits.argmax())
        logits = _nucleus(_best(logits / self._sampling.temperature, self._sampling.top_k), self._sampling.top_p)
        return int(torch.multinomial(logits.softmax(-1), 1, generator=self._generator))

    def _penalised(self, logits: Tensor) -> Tensor:
        """Divide positive and multiply negative logits of tokens already seen (Keskar et al. 2019, CTRL)."""
        penalty = self._sampling.repetition_penalty
        if penalty == 1:
            return logits
        seen = torch.tensor(sorted(self._seen), device=logits.device)
        values = logits[seen]
        return logits.index_copy(0, seen, torch.where(values > 0, values / penalty, values * penalty))


def _best(logits: Tensor, count: int) -> Tensor:
    if not 0 < count < logits.numel():
        return logits
    return logits.masked_fill(logits < logits.topk(count).values[-1], -torch.inf)


def _nucleus(logits: Tensor, mass: float) -> Tensor:
    """Keep the likeliest tokens whose probabilities reach `mass` together (Holtzman et al. 2020)."""
    if mass >= 1:
        return logits
    ordered, index = logits.sort(descending=True)
    probabilities = ordered.softmax(-1)
    dropped = probabilities.cumsum(-1) - probabilities >= mass
    dropped[0] = False
    return logits.index_fill(0, index[dropped], -torch.inf)
