"""How the model does on the validation split: the loss, and what it really answers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import torch
from accelerate import Accelerator

from services.training.engine.attention import attention_for
from services.training.engine.batches import MicroBatch, collate, micro_batches
from services.training.engine.data import Samples
from services.training.engine.interrupts import Interrupts
from services.training.engine.optimize import loss_sum
from services.training.engine.spec import Settings
from shared.engine.generate import Request, decode
from shared.engine.template import ChatTemplate

MOST_ROWS = 200
SHOWN = 3
_LONGEST_ANSWER, _SPARE = 96, 8


def evaluation_rows(rows: int) -> list[int]:
    """The validation rows that every evaluation of a run looks at: all, or 200 spread evenly."""
    return [i * rows // min(rows, MOST_ROWS) for i in range(min(rows, MOST_ROWS))]


def batches_of(samples: Samples, rows: Sequence[int], settings: Settings) -> Iterator[MicroBatch]:
    """Those rows as micro-batches, each made when its turn comes."""
    lengths = [int(samples.lengths[row]) for row in rows]
    for group in micro_batches(lengths, settings.micro_batch_tokens, settings.layout):
        yield collate(samples.take([rows[i] for i in group]), settings.layout)


@torch.no_grad()
def validation_loss(
    model: Any, samples: Samples, settings: Settings, accelerator: Accelerator, interrupts: Interrupts
) -> float:
    """Mean cross entropy in nats over the trained tokens of the evaluation rows; every token weighs the same."""
    model.eval()
    total, trained = 0.0, 0
    with attention_for(model, settings.layout):
        for batch in batches_of(samples, evaluation_rows(len(samples)), settings):
            interrupts.check()
            with accelerator.autocast():
                total += loss_sum(model, batch.to(accelerator.device)).item()
            trained += batch.trained
    model.train()
    return total / trained


@dataclass(frozen=True)
class Prompt:
    """A validation prompt: its ids, what a person reads, the answer that the data give, and tokens to answer in."""

    ids: list[int]
    text: str
    reference: str
    room: int


def shown_prompts(
    shards: Sequence[str], template: ChatTemplate, tokenizer: Any, context: int, cache: Path
) -> list[Prompt]:
    """Three validation rows, the same at every evaluation, whose prompts leave room for an answer in `context`."""
    if not shards:
        return []
    table = datasets.Dataset.from_parquet(list(shards), cache_dir=str(cache))
    rows = (json.loads(table[i]["row"]) for i in evaluation_rows(len(table))[: 10 * SHOWN])
    prompts = (_prompt(row, template, tokenizer) for row in rows)
    return [prompt for prompt in prompts if prompt and 0 < len(prompt.ids) <= context - _LONGEST_ANSWER][:SHOWN]


def _prompt(row: dict[str, Any], template: ChatTemplate, tokenizer: Any) -> Prompt | None:
    """The row up to its last answer; of plain text the first half."""
    if "text" in row:
        ids = template.encode(row).input_ids
        half = len(ids) // 2
        return _shown(ids[:half], tokenizer.decode(ids[:half]), tokenizer.decode(ids[half:]), tokenizer)
    messages = [*row["messages"], *row.get("chosen", [])]
    last = max((i for i, message in enumerate(messages) if message["role"] == "assistant"), default=0)
    if last == 0:
        return None
    ids = template.prompt_ids(messages[:last], row.get("tools"))
    return _shown(ids, messages[last - 1].get("content"), messages[last].get("content"), tokenizer)


def _shown(ids: list[int], text: Any, reference: Any, tokenizer: Any) -> Prompt:
    wanted = len(tokenizer(str(reference), add_special_tokens=False)["input_ids"])
    return Prompt(ids, str(text), str(reference), min(_LONGEST_ANSWER, 2 * wanted + _SPARE))


def answers(
    model: Any,
    prompts: Sequence[Prompt],
    template: ChatTemplate,
    tokenizer: Any,
    accelerator: Accelerator,
    interrupts: Interrupts,
) -> list[dict[str, str]]:
    """What the model answers greedily now, beside prompt and reference; long answers are cut."""
    if not prompts:
        return []
    model.eval()
    written: list[list[int]] = [[] for _ in prompts]
    requests = [Request(prompt.ids, prompt.room) for prompt in prompts]
    with accelerator.autocast():
        for steps in decode(model, requests, stop_ids=template.stop_ids):
            interrupts.check()
            for step in steps:
                if step.finish != "stop":
                    written[step.index].append(step.token)
    model.train()
    return [
        {"prompt": p.text, "reference": p.reference, "answer": tokenizer.decode(ids, skip_special_tokens=True)}
        for p, ids in zip(prompts, written, strict=True)
    ]


def perplexity(loss: float) -> float:
    """exp(loss), infinite where that is too large for a float."""
    return math.exp(loss) if loss < 700 else math.inf
