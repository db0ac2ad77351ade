"""One decode loop with a KV cache for evaluation and inference: rows join and leave the batch at any step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from shared.engine.decoding.attention import heads_shared
from shared.engine.decoding.kv_cache import append, change, empty_cache
from shared.engine.decoding.sampling import Sampler, Sampling
from shared.engine.process.protocol import EngineError

GREEDY = Sampling()
_ASSUMED_ANSWER = 256  # tokens set aside for an answer without a limit of its own when batches are planned

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Request:
    """A prompt's ids, how to sample, and at most how many new tokens (None: what the context has left).

    `stop_ids` instead of the batch's own; `logprobs` likeliest tokens are reported with each step (None: nothing is).
    Where a request has an `adapter`, the model is called with `adapters`, one name or None for each row. Rows are kept
    in the order of these names, those without one first.
    """

    ids: Sequence[int]
    max_new_tokens: int | None = None
    sampling: Sampling = GREEDY
    stop_ids: frozenset[int] | None = None
    logprobs: int | None = None
    adapter: str | None = None


Likely = tuple[int, float]
"""A token and its natural log-probability before penalty and temperature."""


@dataclass(frozen=True)
class Step:
    """A new token of the request with this index; with `finish` set it is the row's last.

    At "stop" the token is the stop token, which is no part of the answer. `likely` has the token itself first, then
    the likeliest ones, best first; it is empty where the request did not ask.
    """

    index: int
    token: int
    finish: Finish | None
    likely: tuple[Likely, ...] = ()


@dataclass(frozen=True)
class Generated:
    """An answer: its ids without the stop token, and why it ended."""

    ids: list[int]
    finish_reason: Finish


@dataclass
class _Row:
    index: int
    sampler: Sampler
    position: int  # of the token to be fed next
    left: int  # tokens it may still produce
    stop_ids: frozenset[int]
    request: Request
    token: int = -1


class Decoding:
    """The live batch: left-padded rows over one cache. Not thread-safe; indices count requests in order of joining.

    Raises EngineError `unsupported_architecture` for layers that remember more than keys and values.
    """

    def __init__(self, model: Any, stop_ids: Sequence[int]) -> None:
        _require_attention(model)
        self._model = model
        self._stop_ids = frozenset(stop_ids)
        self._context = context_length(model)
        self._rows: list[_Row] = []
        self._cache = empty_cache()
        self._mask = torch.empty(0, 0, dtype=torch.long, device=model.device)
        self._joined = 0

    @property
    def live(self) -> int:
        """Rows that still produce tokens."""
        return len(self._rows)

    @torch.inference_mode()
    def add(self, requests: Sequence[Request]) -> list[Step]:
        """Read the prompts, let the rows join the batch, and return the first token of each.

        Raises EngineError `context_exceeded` (nothing joins) if a prompt leaves no room for an answer.
        """
        rows = [self._row(self._joined + offset, request) for offset, request in enumerate(requests)]
        ids, mask = _left_padded([request.ids for request in requests], self._model.device)
        cache = empty_cache()
        logits = self._forward(rows, ids, mask, (mask.cumsum(1) - 1).clamp(min=0), cache)
        self._joined += len(rows)
        self._join(rows, cache, mask)
        return self._sample(rows, logits)

    @torch.inference_mode()
    def step(self) -> list[Step]:
        """One more token for every live row."""
        if not self._rows:
            return []
        device = self._model.device
        ids = torch.tensor([[row.token] for row in self._rows], device=device)
        positions = torch.tensor([[row.position] for row in self._rows], device=device)
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        logits = self._forward(self._rows, ids, self._mask, positions, self._cache)
        for row in self._rows:
            row.position += 1
        return self._sample(self._rows, logits)

    def drop(self, index: int) -> None:
        """Take a row out, for instance because its reader went away."""
        self._keep([row.index != index for row in self._rows])

    def _row(self, index: int, request: Request) -> _Row:
        room = self._context - len(request.ids)
        if room < 1 or not request.ids:
            raise EngineError(
                "context_exceeded" if request.ids else "empty_prompt",
                f"the prompt has {len(request.ids)} tokens; the model takes 1 to {self._context - 1}",
                limit=self._context - 1,
            )
        left = room if request.max_new_tokens is None else min(room, request.max_new_tokens)
        sampler = Sampler(request.sampling, request.ids, self._model.device)
        stop_ids = self._stop_ids if request.stop_ids is None else request.stop_ids
        return _Row(index, sampler, len(request.ids), left, stop_ids, request)

    def _forward(self, rows: list[_Row], ids: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Logits [rows, vocabulary] of the last position; the cache takes the new keys and values in."""
        adapters = [row.request.adapter for row in rows]
        with heads_shared(self._model):
            output = self._model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
                **({"adapters": adapters} if any(adapters) else {}),
            )
        return output.logits[:, -1].float()

    def _sample(self, rows: list[_Row], logits: Tensor) -> list[Step]:
        chosen = _choose(rows, logits)
        likely = _likely(rows, logits, chosen)
        steps = [
            self._advance(row, token, likely.get(i, ()))
            for i, (row, token) in enumerate(zip(rows, chosen, strict=True))
        ]
        done = {step.index for step in steps if step.finish}
        if done:
            self._keep([row.index not in done for row in self._rows])
        return steps

    def _advance(self, row: _Row, token: int, likely: tuple[Likely, ...]) -> Step:
        row.token = token
        row.left -= 1
        row.sampler.accept(token)
        if token in row.stop_ids:
            return Step(row.index, token, "stop", likely)
        return Step(row.index, token, None if row.left > 0 else "length", likely)

    def _join(self, rows: list[_Row], cache: Any, mask: Tensor) -> None:
        """Put new rows behind those of their adapter, all padded on the left to one length."""
        at = bisect_right([_adapter(row) for row in self._rows], _adapter(rows[0]))
        if self._rows:
            append(self._cache, cache, partial(_inserted, at=at))
            mask = _inserted(self._mask[:, None, :, None], mask[:, None, :, None], at)[:, 0, :, 0]
        else:
            self._cache = cache
        self._mask = mask
        self._rows[at:at] = rows

    def _keep(self, kept: list[bool]) -> None:
        """Compact the batch to these rows and cut the padding that all of them share."""
        self._rows = [row for row, keep in zip(self._rows, kept, strict=True) if keep]
        if not self._rows:
            self._cache = empty_cache()
            return
        index = torch.tensor([i for i, keep in enumerate(kept) if keep], device=self._model.device)
        self._mask = self._mask[index]
        padding = int(self._mask.any(0).int().argmax())
        self._mask = self._mask[:, padding:]
        change(self._cache, lambda tensor: tensor[:, :, padding:][index])


def decode(model: Any, requests: Sequence[Request], *, stop_ids: Sequence[int]) -> Iterator[list[Step]]:
    """All requests as one batch: per step the new token of every row still alive."""
    decoding = Decoding(model, stop_ids)
    yield decoding.add(requests)
    while decoding.live:
        yield decoding.step()


def generate_all(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: Sequence[int],
    max_new_tokens: int | None = None,
    sampling: Sampling = GREEDY,
    batch_tokens: int = 16384,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Generated]:
    """Answers in the order of `prompts`.

    The longest go first, so that too large a batch fails at once; up to `batch_tokens` tokens, prompts and room
    for answers together, are alive at a time, and when a quarter of that is free the next prompts join.
    `on_progress(done, total)` counts finished answers.
    """
    order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    costs = [len(prompts[i]) + (max_new_tokens or _ASSUMED_ANSWER) for i in order]
    answers: list[list[int]] = [[] for _ in prompts]
    finishes: dict[int, Finish] = {}
    decoding, joined, used = Decoding(model, stop_ids), 0, 0
    while len(finishes) < len(prompts):
        group = _next_group(costs, joined, batch_tokens - used, batch_tokens, decoding.live)
        if group:
            used += sum(costs[joined : joined + group])
            steps = decoding.add(
                [Request(prompts[i], max_new_tokens, sampling) for i in order[joined : joined + group]]
            )
            joined += group
        else:
            steps = decoding.step()
        for step in steps:
            if step.finish != "stop":
                answers[order[step.index]].append(step.token)
            if step.finish:
                finishes[order[step.index]] = step.finish
                used -= costs[step.index]
        if on_progress and any(step.finish for step in steps):
            on_progress(len(finishes), len(prompts))
    return [Generated(ids, finishes[i]) for i, ids in enumerate(answers)]


def context_length(model: Any) -> int:
    """Tokens that prompt and answer may have together."""
    return int(model.config.get_text_config().max_position_embeddings)


def _require_attention(model: Any) -> None:
    """A cache of recurrent states can be neither padded nor compacted as this loop does it."""
    kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or ())
    if others := sorted(kind for kind in kinds if not kind.endswith("attention") or kind == "linear_attention"):
        raise EngineError(
            "unsupported_architecture",
            f"generation with layers of kind {', '.join(others)} is not supported",
            remedy="choose a base model whose layers all use attention, or serve this one with vLLM",
        )


def _next_group(costs: list[int], joined: int, free: int, budget: int, live: int) -> int:
    """How many of the waiting prompts join now: those that fit, once a quarter is free; alone, even one too large."""
    if live and free * 4 < budget:
        return 0
    size = 0
    while joined + size < len(costs) and costs[joined + size] <= free:
        free -= costs[joined + size]
        size += 1
    return size or (1 if not live and joined < len(costs) else 0)


def _left_padded(prompts: Sequence[Sequence[int]], device: Any) -> tuple[Tensor, Tensor]:
    width = max(map(len, prompts))
    ids = [[0] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _adapter(row: _Row) -> str:
    return row.request.adapter or ""


def _inserted(held: Tensor, new: Tensor, at: int) -> Tensor:
    """[rows, heads, length, size] with the `new` rows before row `at`, the shorter padded on the left."""
    width = max(held.shape[2], new.shape[2])
    pad = torch.nn.functional.pad
    return torch.cat([pad(part, (0, 0, width - part.shape[2], 0)) for part in (held[:at], new, held[at:])])


def _choose(rows: list[_Row], logits: Tensor) -> list[int]:
    """The next token of each row; the greedy ones at once, for that is what evaluation does."""
    greedy = logits.argmax(-1).tolist()
    return [
        best if row.sampler.plain else row.sampler.choose(logits[i])
        for i, (row, best) in enumerate(zip(rows, greedy, strict=True))
    ]


def _likely(rows: list[_Row], logits: Tensor, chosen: list[int]) -> dict[int, tuple[Likely, ...]]:
    """For the rows that asked: the chosen token's log-probability and those of the likeliest tokens, by row."""
    found: dict[int, tuple[Likely, ...]] = {}
    for i, row in enumerate(rows):
        if (count := row.request.logprobs) is not None:
            values = logits[i].log_softmax(-1)
            top = values.topk(min(count, values.numel()))
            best = zip(top.indices.tolist(), top.values.tolist(), strict=True)
            found[i] = ((chosen[i], float(values[chosen[i]])), *best)
    return found
