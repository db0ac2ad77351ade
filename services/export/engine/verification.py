"""Whether what was exported is still the tuned model: logits side by side, and greedy answers token by token."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shared.engine.decoding.generate import context_length, generate_all
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate

QUESTIONS = (
    "Hello!",
    "My invoice from last month is wrong, I was charged twice. What can I do?",
    "What is 17 + 25?",
)
"""Prompts of three lengths, so that a batch of them is padded."""
NEW_TOKENS = 24
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25, "float16": 0.05}
"""Largest difference of logits that rounding explains, relative to the largest logit where that is above 1."""


def prompts(template: ChatTemplate, model: Any) -> list[list[int]]:
    """The questions as the model is asked them, short enough to leave room for answers."""
    room = context_length(model) - NEW_TOKENS
    return [template.prompt_ids([{"role": "user", "content": question}])[-room:] for question in QUESTIONS]


@dataclass(frozen=True)
class Expected:
    """What the tuned model says to the prompts, at full precision of its dtype."""

    prompts: list[list[int]]
    logits: list[Tensor]
    answers: list[list[int]]
    stop_ids: list[int]

    @classmethod
    def of(cls, model: Any, template: ChatTemplate) -> "Expected":
        """Ask the tuned model."""
        rows = prompts(template, model)
        return cls(rows, logits_of(model, rows), greedy(model, rows, template.stop_ids), template.stop_ids)

    def check_reloaded(self, model: Any, method: str, dtype: str) -> dict[str, Any]:
        """The verdict on a model that transformers or peft has loaded from the exported files."""
        return self.verdict(method, logits_of(model, self.prompts), [greedy(model, self.prompts, self.stop_ids)], dtype)

    def verdict(
        self, method: str, logits: Sequence[Tensor], answers: Sequence[list[list[int]]], dtype: str
    ) -> dict[str, Any]:
        """The `check` of the manifest: `answers` holds one list for every way they were generated.

        Raises EngineError `check_failed` where the export is not the tuned model.
        """
        found = _difference(logits, self.logits)
        limit = TOLERANCE[dtype] * max(1.0, max(float(row.abs().max()) for row in self.logits))
        equal = all(each == self.answers for each in answers)
        if not found <= limit or (dtype == "float32" and not equal):
            detail = f"The exported model differs from the tuned one: logits by {found:.3g}, equal answers: {equal}."
            remedy = "Export it as adapter, which leaves the weights as they are, and report this with the base's name."
            raise EngineError("check_failed", detail, limit=limit, remedy=remedy)
        return {
            "method": method,
            "passed": True,
            "max_difference": found,
            "tolerance": limit,
            "equal_greedy_tokens": equal,
            "prompts": len(self.prompts),
            "new_tokens": NEW_TOKENS,
            "dtype": dtype,
        }


@torch.inference_mode()
def logits_of(model: Any, rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """Logits [tokens, vocabulary] of each row, one by one."""
    batches = (torch.tensor([ids], device=model.device) for ids in rows)
    return [model(input_ids=batch, use_cache=False).logits[0].float().cpu() for batch in batches]


def greedy(model: Any, rows: Sequence[Sequence[int]], stop_ids: Sequence[int]) -> list[list[int]]:
    """Greedy answers to the prompts."""
    return [answer.ids for answer in generate_all(model, rows, stop_ids=stop_ids, max_new_tokens=NEW_TOKENS)]


def _difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Largest absolute difference; infinite where the shapes differ or something is not a number."""
    pairs = list(zip(ours, theirs, strict=True))
    if any(a.shape != b.shape or not torch.isfinite(a).all() for a, b in pairs):
        return math.inf
    return max(float((a - b).abs().max()) for a, b in pairs)
