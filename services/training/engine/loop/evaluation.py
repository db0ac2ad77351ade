"""How the model does on the validation split: the loss, and what it really answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from accelerate import Accelerator

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import MicroBatch, collate, shares, stand_in
from services.training.engine.data.samples import Samples
from services.training.engine.distributed.ranks import ALONE, Ranks
from services.training.engine.loop.interrupts import Interrupts
from services.training.engine.loop.sample_prompts import Prompt, evaluation_rows
from services.training.engine.model.loss import loss_sum
from services.training.engine.spec import Settings
from shared.engine.decoding.generate import Request, decode
from shared.engine.text.template import ChatTemplate


def batches_of(samples: Samples, rows: Sequence[int], settings: Settings, ranks: Ranks = ALONE) -> Iterator[MicroBatch]:
    """This process's share of those rows as micro-batches, each made when its turn comes."""
    lengths = [int(samples.lengths[row]) for row in rows]
    for group in shares(lengths, settings.micro_batch_tokens, settings.layout, ranks.size)[ranks.rank]:
        if group:
            yield collate(samples.take([rows[i] for i in group]), settings.layout)
        else:
            shortest = rows[lengths.index(min(lengths))]
            yield stand_in(samples.take([shortest])[0], settings.layout)


@torch.no_grad()
def validation_loss(
    model: Any, samples: Samples, settings: Settings, accelerator: Accelerator, interrupts: Interrupts, ranks: Ranks
) -> float:
    """Mean cross entropy in nats over the trained tokens of the evaluation rows; every token weighs the same."""
    model.eval()
    total, trained = 0.0, 0.0
    with attention_for(model, settings.layout):
        for batch in batches_of(samples, evaluation_rows(len(samples)), settings, ranks):
            interrupts.check()
            with accelerator.autocast():
                total += loss_sum(model, batch.to(accelerator.device)).item()
            trained += batch.trained
    model.train()
    total, trained = ranks.summed(total, trained)
    return total / trained


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
                if step.finish_reason != "stop":
                    written[step.index].append(step.token)
    model.train()
    return [
        {"prompt": p.text, "reference": p.reference, "answer": tokenizer.decode(ids, skip_special_tokens=True)}
        for p, ids in zip(prompts, written, strict=True)
    ]


def perplexity(loss: float) -> float:
    """exp(loss), infinite where that is too large for a float."""
    return math.exp(loss) if loss < 700 else math.inf
