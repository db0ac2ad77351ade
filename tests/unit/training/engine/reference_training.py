"""Training as the papers write it, in plain torch and transformers: the reference for the engine's mathematics.

Nothing here is shared with the engine but the order of the rows. Rows run one by one, without padding or packing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid
from transformers import AutoModelForCausalLM

from services.training.engine.data.batches import step_rows
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""Of Adam (arXiv 1412.6980, section 2)."""


@dataclass(frozen=True)
class Row:
    """Token ids, and which of them the loss covers."""

    ids: Tensor
    trained: Tensor


@dataclass
class Step:
    """What one step reports."""

    loss: float
    grad_norm: float
    learning_rate: float


@dataclass
class AdamW:
    """AdamW (arXiv 1711.05101, algorithm 2) with decay for matrices only, and gradients clipped by their norm."""

    weights: dict[str, Tensor]
    decay: float
    max_norm: float | None
    moments: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    steps: int = 0

    @torch.no_grad()
    def step(self, rate: float) -> float:
        """Change the weights by their gradients; return the gradients' norm before clipping."""
        gradients = {name: w.grad for name, w in self.weights.items() if w.grad is not None}
        norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients.values()))
        factor = 1.0 if self.max_norm is None else min(1.0, self.max_norm / norm)
        self.steps += 1
        for name, gradient in gradients.items():
            weight = self.weights[name]
            clipped = gradient * factor
            first, second = self.moments.get(name, (torch.zeros_like(weight), torch.zeros_like(weight)))
            first = BETA_1 * first + (1 - BETA_1) * clipped
            second = BETA_2 * second + (1 - BETA_2) * clipped**2
            self.moments[name] = first, second
            unbiased = first / (1 - BETA_1**self.steps), second / (1 - BETA_2**self.steps)
            decayed = self.decay * weight if weight.dim() > 1 else 0
            weight -= rate * (unbiased[0] / (unbiased[1].sqrt() + EPSILON) + decayed)
            weight.grad = None
        return norm


def schedule(name: str, step: int, warmup: int, total: int) -> float:
    """The share of the peak learning rate in step `step`, counted from 0. No step has a rate of zero."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / (total - warmup)
    if name == "cosine":  # arXiv 1608.03983, equation 5, from 1 to 0.1
        return 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
    if name == "inverse_sqrt":  # without a warm-up, transformers' timescale is 10,000 steps
        return math.sqrt(warmup / step) if warmup else math.sqrt(10_000 / (10_000 + step))
    return 1.0 if name == "constant" else 1 - progress


class LowRank(nn.Module):
    """W x + scale B A x (arXiv 2106.09685, equation 3) with W frozen, A as given and B zero."""

    def __init__(self, frozen: nn.Linear, down: Tensor, scale: float) -> None:
        super().__init__()
        self.frozen, self.scale = frozen.requires_grad_(False), scale
        self.down = nn.Parameter(down.clone())
        self.up = nn.Parameter(torch.zeros(frozen.out_features, down.shape[0]))

    def forward(self, x: Tensor) -> Tensor:
        """x [..., in]."""
        low: Tensor = self.frozen(x) + self.scale * (x @ self.down.T @ self.up.T)
        return low


def plain_model(path: Path | str) -> Any:
    """The model in fp32, as transformers loads it."""
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").train()


def with_low_rank(model: Any, downs: dict[str, Tensor], scale: float) -> dict[str, Tensor]:
    """Adapt the linear layers named in `downs`; return the trained weights by the layer's name."""
    model.requires_grad_(False)
    trained = {}
    for name, down in downs.items():
        layer = LowRank(model.get_submodule(name), down, scale)
        model.set_submodule(name, layer)
        trained |= {f"{name}.lora_A": layer.down, f"{name}.lora_B": layer.up}
    return trained


def encode(spec: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[Row]:
    """The rows' tokens by the model's chat template."""
    template = ChatTemplate.of(load_tokenizer(spec["model"]))
    encoded = [template.encode(row) for row in rows]
    return [Row(torch.tensor(each.input_ids), torch.tensor(each.trained)) for each in encoded]


def negative_log_likelihood(model: Any, row: Row) -> Tensor:
    """Of the row's trained tokens, in nats: the logits at a position predict the token after it."""
    logits = model(input_ids=row.ids[None]).logits[0]
    picked = log_softmax(logits[:-1], -1)[torch.arange(len(row.ids) - 1), row.ids[1:]]
    return -picked[row.trained[1:]].sum()


def mean_per_token(model: Any, rows: Sequence[Row]) -> Tensor:
    """Cross entropy of a step: every trained token has the same weight, whatever row it is in."""
    trained = sum(int(row.trained[1:].sum()) for row in rows)
    return torch.stack([negative_log_likelihood(model, row) for row in rows]).sum() / trained


def dpo_loss(model: Any, reference: Any, pairs: Sequence[tuple[Row, Row]], beta: float) -> Tensor:
    """Mean of -log sigmoid(beta (log-ratio of the chosen - of the rejected answer)) (arXiv 2305.18290, equation 7)."""

    def log_ratio(row: Row) -> Tensor:
        with torch.no_grad():
            before = negative_log_likelihood(reference, row)
        return before - negative_log_likelihood(model, row)

    margins = [beta * (log_ratio(chosen) - log_ratio(rejected)) for chosen, rejected in pairs]
    return -logsigmoid(torch.stack(margins)).mean()


def train(
    weights: dict[str, Tensor], loss_of: Callable[[list[int]], Tensor], rows: int, hyperparameters: dict[str, Any]
) -> Iterator[Step]:
    """Take the steps that the hyperparameters describe; `loss_of` gives the loss of the rows with these numbers."""
    settings, total = hyperparameters, hyperparameters["max_steps"]
    optimizer = AdamW(weights, settings["weight_decay"], settings["max_grad_norm"])
    for step in range(total):
        loss = loss_of(step_rows(rows, settings["batch_size"], settings["seed"], step))
        loss.backward()
        rate = settings["learning_rate"] * schedule(settings["scheduler"], step, settings["warmup_steps"], total)
        yield Step(loss.item(), optimizer.step(rate), rate)
