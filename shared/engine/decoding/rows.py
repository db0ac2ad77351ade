"""The rows of a batch that is decoded: requests, their state, padding and the next token of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from shared.engine.decoding.sampling import Sampler, SamplingParams

GREEDY = SamplingParams()
SCORED_COLUMNS = 64
FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Request:
    """A prompt's token ids, sampling parameters, and a limit of new tokens (None: what is left of the context).

    `stop_ids` replace the batch's own. `logprobs` is how many of the likeliest tokens each step reports (None: no
    log-probabilities at all). If any row has an `adapter`, the model is called with `adapters`, one name or None per
    row; rows are kept sorted by it, those without an adapter first. With `scores_prompt`, the first step has the
    log-probabilities of the prompt's tokens, too.
    """

    ids: Sequence[int]
    max_new_tokens: int | None = None
    sampling: SamplingParams = GREEDY
    stop_ids: frozenset[int] | None = None
    logprobs: int | None = None
    adapter: str | None = None
    scores_prompt: bool = False


TokenLogprob = tuple[int, float]
"""A token id and its natural log-probability, before penalty and temperature."""


@dataclass(frozen=True)
class Step:
    """A new token of the request with this index; the last one of its row has a `finish_reason`.

    With "stop" the token is the stop token, which is not part of the answer. `logprobs` has the token itself first,
    then the likeliest tokens in descending order; it is empty unless the request asks for it. `prompt_logprobs` has the
    same for each token of the prompt but the first.
    """

    index: int
    token: int
    finish_reason: FinishReason | None
    logprobs: tuple[TokenLogprob, ...] = ()
    prompt_logprobs: tuple[tuple[TokenLogprob, ...], ...] = ()


@dataclass
class Row:
    """The state of a request that is decoded."""

    index: int
    sampler: Sampler
    position: int  # of the next input token
    tokens_left: int
    stop_ids: frozenset[int]
    request: Request
    answer: list[int] = field(default_factory=list)
    prompt_logprobs: list[tuple[TokenLogprob, ...]] = field(default_factory=list)


def left_pad(prompts: Sequence[Sequence[int]], device: Any) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask [rows, length]."""
    width = max(map(len, prompts))
    ids = [[0] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def adapter_of(row: Row) -> str:
    """The adapter's name; empty for none."""
    return row.request.adapter or ""


def adapters_of(rows: list[Row]) -> dict[str, Any]:
    """The argument `adapters` of a forward pass, if any row has one."""
    adapters = [row.request.adapter for row in rows]
    return {"adapters": adapters} if any(adapters) else {}


def sample_tokens(rows: list[Row], logits: Tensor) -> list[int]:
    """The next token of each row; greedy rows share one argmax, since evaluation decodes greedily."""
    greedy = logits.argmax(-1).tolist()
    return [
        token if row.sampler.is_argmax else row.sampler.sample(logits[i])
        for i, (row, token) in enumerate(zip(rows, greedy, strict=True))
    ]


def logprobs_of(rows: list[Row], logits: Tensor, tokens: list[int]) -> dict[int, tuple[TokenLogprob, ...]]:
    """By row: the log-probabilities of the sampled and of the likeliest tokens, for rows that request them."""
    found: dict[int, tuple[TokenLogprob, ...]] = {}
    for i, row in enumerate(rows):
        if (count := row.request.logprobs) is not None:
            values = logits[i].log_softmax(-1)
            top = values.topk(min(count, values.numel()))
            likeliest = zip(top.indices.tolist(), top.values.tolist(), strict=True)
            found[i] = ((tokens[i], float(values[tokens[i]])), *likeliest)
    return found


def score_prompt(rows: list[Row], targets: Tensor, logits: Tensor) -> None:
    """Append the log-probabilities of the prompts' next tokens, `targets` [rows, columns], to the rows.

    `logits` [rows, columns or more, vocabulary] are those before each of them. SCORED_COLUMNS at a time: the copies in
    float32 would take more memory than the model.
    """
    for start in range(0, targets.shape[1], SCORED_COLUMNS):
        ids = targets[:, start : start + SCORED_COLUMNS]
        values = logits[:, start : start + ids.shape[1]].float().log_softmax(-1)
        own = values.gather(2, ids[:, :, None])[:, :, 0].tolist()
        for i, row in enumerate(rows):
            top = values[i].topk(min(row.request.logprobs or 0, values.shape[-1]))
            likeliest = zip(top.indices.tolist(), top.values.tolist(), strict=True)
            row.prompt_logprobs += [
                ((id, value), *zip(*columns, strict=True))
                for id, value, columns in zip(ids[i].tolist(), own[i], likeliest, strict=True)
            ]
