"""Verifies that an export equals the tuned model: compares logits, and greedy answers token by token."""

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
"""Prompts of different lengths, so that a batch of them is padded."""
NEW_TOKENS = 24
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25, "float16": 0.05}
"""Largest difference of logits that rounding explains, per unit of the largest logit (at least 1)."""


def encode_prompts(template: ChatTemplate, model: Any) -> list[list[int]]:
    """Encode the questions with the chat template, truncated on the left to leave NEW_TOKENS for an answer."""
    limit = context_length(model) - NEW_TOKENS
    return [template.prompt_ids([{"role": "user", "content": question}])[-limit:] for question in QUESTIONS]


@dataclass(frozen=True)
class ExpectedOutputs:
    """The tuned model's logits and greedy answers to the prompts."""

    prompts: list[list[int]]
    logits: list[Tensor]
    answers: list[list[int]]
    stop_ids: list[int]

    @classmethod
    def from_model(cls, model: Any, template: ChatTemplate) -> "ExpectedOutputs":
        """Run the tuned model on the prompts."""
        rows = encode_prompts(template, model)
        return cls(
            rows, compute_logits(model, rows), generate_greedy(model, rows, template.stop_ids), template.stop_ids
        )

    def verify_reloaded(self, model: Any, method: str, dtype: str) -> dict[str, Any]:
        """Compare a model that transformers or peft has loaded from the exported files."""
        return self.compare(
            method, compute_logits(model, self.prompts), [generate_greedy(model, self.prompts, self.stop_ids)], dtype
        )

    def compare(
        self, method: str, logits: Sequence[Tensor], answers: Sequence[list[list[int]]], dtype: str
    ) -> dict[str, Any]:
        """Compare outputs of the export, and return the `check` of the manifest.

        `answers` has one list of answers per way of generating them. bfloat16 and float16 may round to another token,
        so only float32 answers must be equal. Raises EngineError `check_failed`.
        """
        difference = _max_difference(logits, self.logits)
        limit = TOLERANCE[dtype] * max(1.0, max(float(row.abs().max()) for row in self.logits))
        equal = all(each == self.answers for each in answers)
        if not difference <= limit or (dtype == "float32" and not equal):
            detail = (
                f"The exported model differs from the tuned one: logits by {difference:.3g}, equal answers: {equal}."
            )
            remedy = (
                "Use the format adapter, which does not change weights, and report this with the base model's name."
            )
            raise EngineError("check_failed", detail, limit=limit, remedy=remedy)
        return {
            "method": method,
            "passed": True,
            "max_difference": difference,
            "tolerance": limit,
            "equal_greedy_tokens": equal,
            "prompts": len(self.prompts),
            "new_tokens": NEW_TOKENS,
            "dtype": dtype,
        }


@torch.inference_mode()
def compute_logits(model: Any, rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """Compute the logits [tokens, vocabulary] of each row, one row at a time."""
    batches = (torch.tensor([ids], device=model.device) for ids in rows)
    return [model(input_ids=batch, use_cache=False).logits[0].float().cpu() for batch in batches]


def generate_greedy(model: Any, rows: Sequence[Sequence[int]], stop_ids: Sequence[int]) -> list[list[int]]:
    """Generate greedy answers of at most NEW_TOKENS tokens."""
    return [answer.ids for answer in generate_all(model, rows, stop_ids=stop_ids, max_new_tokens=NEW_TOKENS)]


def _max_difference(exported: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Return the largest absolute difference; infinity where shapes differ or a value is not finite."""
    pairs = list(zip(exported, expected, strict=True))
    if any(a.shape != b.shape or not torch.isfinite(a).all() for a, b in pairs):
        return math.inf
    return max(float((a - b).abs().max()) for a, b in pairs)
