"""Runs prompts through a model: the tuned one, and an export in the runtime that its users have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from services.export.engine.prompts import NEW_TOKENS, Prompts
from shared.engine.decoding.generate import ContinuousBatch, Request

TOP_OF_EXPORT, TOP_OF_TUNED = 10, 50
"""How many of the likeliest next tokens are compared, and among how many of the tuned model's they are looked up."""
_ROWS_PER_BATCH = 16

LogProbs = dict[int, float]
"""Natural log-probabilities of the likeliest next tokens, by token id."""


@dataclass
class Outputs:
    """A model's greedy answers, the next token's log-probabilities at each of their steps, and reference scores.

    An answer is without its stop token, whose step counts. `references` are the log-probabilities of the tokens of
    all reference answers.
    """

    answers: list[list[int]] = field(default_factory=list)
    steps: list[list[LogProbs]] = field(default_factory=list)
    references: list[float] = field(default_factory=list)


class Runtime(Protocol):
    """A loaded model."""

    def answer_all(self, prompts: Sequence[list[int]], top: int) -> tuple[list[list[int]], list[list[LogProbs]]]:
        """Greedy answers of at most NEW_TOKENS tokens, and the `top` likeliest tokens at each step."""
        ...

    def score(self, prompt: list[int], answer: list[int]) -> list[float]:
        """The log-probability of each token of the answer."""
        ...


def run_prompts(runtime: Runtime, prompts: Prompts, top: int, alive: Callable[[], Any] = lambda: None) -> Outputs:
    """Answer all prompts and score all references."""
    outputs = Outputs()
    for start in range(0, len(prompts.ids), _ROWS_PER_BATCH):
        answers, steps = runtime.answer_all(prompts.ids[start : start + _ROWS_PER_BATCH], top)
        outputs.answers += answers
        outputs.steps += steps
        alive()
    for ids, reference in zip(prompts.ids, prompts.references, strict=True):
        outputs.references += runtime.score(ids, reference) if reference else []
        alive()
    return outputs


@dataclass(frozen=True)
class TorchRuntime:
    """A model of transformers or peft."""

    model: Any
    stop_ids: Sequence[int]

    @torch.inference_mode()
    def answer_all(self, prompts: Sequence[list[int]], top: int) -> tuple[list[list[int]], list[list[LogProbs]]]:
        """Decode as one left-padded batch."""
        batch = ContinuousBatch(self.model, self.stop_ids)
        answers: list[list[int]] = [[] for _ in prompts]
        found: list[list[LogProbs]] = [[] for _ in prompts]
        steps = batch.add([Request(ids, NEW_TOKENS, logprobs=top) for ids in prompts])
        while steps:
            for step in steps:
                found[step.index].append(dict(step.logprobs[1:]))
                if step.finish_reason != "stop":
                    answers[step.index].append(step.token)
            steps = batch.step() if batch.active_rows else []
        return answers, found

    @torch.inference_mode()
    def score(self, prompt: list[int], answer: list[int]) -> list[float]:
        """By one forward pass."""
        ids = torch.tensor([prompt + answer], device=self.model.device)
        return scores_of(self.model(input_ids=ids, use_cache=False).logits[0], len(prompt), answer)


def scores_of(logits: Tensor, start: int, answer: list[int]) -> list[float]:
    """The log-probabilities of an answer that starts at token `start`; `logits` [tokens, vocabulary] of the whole."""
    targets = torch.tensor(answer, device=logits.device)[:, None]
    values: list[float] = logits[start - 1 : -1].float().log_softmax(-1).gather(-1, targets)[:, 0].tolist()
    return values
