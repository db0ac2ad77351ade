"""Compares how the platform trains and decodes a model with transformers' own code, one document at a time.

Used by tests/models on a CPU and by benchmarks/gpu_sections.py on a GPU; a model's device decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import Sample, collate
from services.training.engine.model.loading import with_adapters, without_dropout
from services.training.engine.model.loss import loss_sum
from services.training.engine.spec import BatchLayout, Hyperparameters, ModelRef
from shared.engine.loading.load import Quantization, load_model

LENGTHS = (230, 41, 23, 70, 130)
"""Tokens of the documents, most of them longer than a window; the first is long enough for every kernel."""
NEW_TOKENS = 8

Step = tuple[float, dict[str, Tensor]]
"""The summed loss of a step, and its gradients by weight."""


def documents() -> list[Sample]:
    """Documents of `LENGTHS`, always the same, with about 70 % of their tokens trained."""
    generator = torch.Generator().manual_seed(1)
    return [
        Sample(torch.randint(4, 320, (length,), generator=generator), torch.rand(length, generator=generator) > 0.3)
        for length in LENGTHS
    ]


def prompts() -> list[list[int]]:
    """Prompts of 60, 5, 1 and 33 tokens."""
    return [sample.ids[:length].tolist() for sample, length in zip(documents(), (60, 5, 1, 33), strict=False)]


def load_for_training(path: Path, quantization: Quantization | None = None) -> Any:
    """The model in fp32 as training loads it, without the dropout of its configuration."""
    dropout = without_dropout(ModelRef(path=str(path)))
    ref = {"path": str(path), "kind": "full", "base": None}
    return load_model(ref, dtype="float32", quantization=quantization, config_changes=dropout).train()


def adapted(path: Path, method: str) -> Any:
    """The model with adapters whose B is not zero, so that A has a gradient."""
    model = load_for_training(path, "nf4" if method == "qlora" else None)
    torch.manual_seed(2)
    model = with_adapters(model, Hyperparameters(method=method, learning_rate=1e-3), "zoo")  # type: ignore[arg-type]
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return model.train()


def gradients(model: Any) -> dict[str, Tensor]:
    """Copies of the gradients by weight."""
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def plain_step(model: Any, samples: Sequence[Sample]) -> Step:
    """Loss and gradients of transformers' own forward pass, one document at a time."""
    model.zero_grad()
    total = torch.zeros((), device=model.device)
    for sample in samples:
        ids, trained = sample.ids.to(model.device), sample.trained.to(model.device)
        logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].float()
        targets = ids[1:].masked_fill(~trained[1:], -100)
        total = total + torch.nn.functional.cross_entropy(logits, targets, ignore_index=-100, reduction="sum")
    total.backward()
    return total.item(), gradients(model)


def batch_step(model: Any, samples: Sequence[Sample], layout: BatchLayout) -> Step:
    """Loss and gradients as training computes them, all documents in one micro-batch."""
    model.zero_grad()
    with attention_for(model, layout):
        loss = loss_sum(model, collate(samples, layout).to(model.device))
    loss.backward()
    return loss.item(), gradients(model)


def largest_difference(expected: Step, found: Step) -> tuple[float, float, str]:
    """The loss's relative difference, and the largest of a gradient with its weight.

    Gradients are relative to their norm, or to a thousandth of the largest one: biases of keys have none but noise.
    """
    assert found[1].keys() == expected[1].keys()
    floor = 1e-3 * max(float(gradient.norm()) for gradient in expected[1].values())
    worst, name = max(
        (float((found[1][name] - gradient).norm()) / max(float(gradient.norm()), floor), name)
        for name, gradient in expected[1].items()
    )
    return abs(found[0] / expected[0] - 1), worst, name


@torch.inference_mode()
def plain_answer(model: Any, prompt: Sequence[int]) -> list[int]:
    """The greedy answer by forward passes without a cache."""
    answer: list[int] = []
    for _ in range(NEW_TOKENS):
        logits = model(input_ids=torch.tensor([[*prompt, *answer]], device=model.device), use_cache=False).logits
        answer.append(int(logits[0, -1].argmax()))
    return answer
