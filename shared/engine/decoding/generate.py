"""Continuous batching with a KV cache for evaluation and inference: rows join and leave the batch at any step.

Iteration-level scheduling as in Orca (Yu et al. 2022), here with left-padded rows over one cache. A trial on the model
at hand decides how it decodes (`decoding_mode`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from shared.engine.decoding.attention import grouped_query_attention
from shared.engine.decoding.kv_cache import arrange, empty_cache
from shared.engine.decoding.rows import (
    GREEDY,
    FinishReason,
    Row,
    adapter_of,
    adapters_of,
    left_pad,
    logprobs_of,
    sample_tokens,
    score_prompt,
)
from shared.engine.decoding.rows import Request as Request
from shared.engine.decoding.rows import Step as Step
from shared.engine.decoding.rows import TokenLogprob as TokenLogprob
from shared.engine.decoding.sampling import Sampler, SamplingParams
from shared.engine.loading.context import context_length as length_of_context
from shared.engine.loading.context import ordinary_tokens, smallest_window
from shared.engine.process.protocol import EngineError

log = logging.getLogger(__name__)

_TRIAL_LOGPROBS = 50
_TRIAL_CHUNK = 7
_MAX_TRIAL_WINDOW = 512
"""Tokens of the longest sliding window that a trial's prompt exceeds; a longer one would make the trial slow."""
_ASSUMED_ANSWER_TOKENS = 256  # reserved for an answer without a limit of its own when batches are planned

DecodingMode = Literal["grouped", "cached", "uncached"]
"""How tokens are computed: with a KV cache and grouped-query attention on a CPU (decoding/attention.py), with a cache
and the model's own attention, or by a forward pass over the whole text for every token."""
MODES: tuple[DecodingMode, ...] = ("grouped", "cached", "uncached")


@dataclass(frozen=True)
class Generated:
    """An answer: its token ids without the stop token, and why it ended."""

    ids: list[int]
    finish_reason: FinishReason


@dataclass
class Prefill:
    """Prompts [rows, length], left-padded, whose first `done` columns are in the cache."""

    rows: list[Row]
    ids: Tensor
    mask: Tensor
    cache: Any = field(default_factory=empty_cache)
    done: int = 0

    @property
    def cache_bytes(self) -> int:
        """Allocated bytes of its cache."""
        return sum(layer.allocated for layer in self.cache.layers)


class ContinuousBatch:
    """The rows being decoded, left-padded over one KV cache. Not thread-safe.

    A request's index is its number in the order of `add`. `mode` is for trials; by default it is the model's own.
    """

    def __init__(self, model: Any, stop_ids: Sequence[int], mode: DecodingMode | None = None) -> None:
        self._model = model
        self._mode = mode or decoding_mode(model)
        self._stop_ids = frozenset(stop_ids)
        self._context = context_length(model)
        self._rows: list[Row] = []
        self._places: list[int] = []
        """Of each row in the cache; finished rows stay there until the cache is arranged anew."""
        self._cache = empty_cache()
        self._mask = torch.empty(0, 0, dtype=torch.long, device=model.device)
        self._added = 0

    @property
    def active_rows(self) -> int:
        """Rows that still produce tokens."""
        return len(self._rows)

    @property
    def cache_bytes(self) -> int:
        """Allocated bytes of the KV cache."""
        return sum(layer.allocated for layer in self._cache.layers)

    @property
    def bytes_per_token(self) -> int:
        """Bytes of the KV cache per row and token; 0 without a cache, or before the first row."""
        return sum(layer.bytes_per_token for layer in self._cache.layers)

    def extend(self, index: int, tokens: int) -> None:
        """Allow a row `tokens` more, as far as the context lasts."""
        row = next(row for row in self._rows if row.index == index)
        row.tokens_left = min(row.tokens_left + tokens, self._context - len(row.request.ids) - len(row.answer))

    def add(self, requests: Sequence[Request]) -> list[Step]:
        """Prefill the prompts, add their rows to the batch, and return the first token of each.

        Raises EngineError `context_exceeded` or `empty_prompt`, and then adds nothing.
        """
        return self.prefill(self.prepare(requests)) or []

    def prepare(self, requests: Sequence[Request]) -> Prefill:
        """Prompts that `prefill` computes; if they are scored, of one length. Raises EngineError like `add`."""
        rows = [self._make_row(request) for request in requests]
        if any(request.scores_prompt for request in requests) and len({len(request.ids) for request in requests}) > 1:
            raise ValueError("prompts of several lengths are not scored together")
        return Prefill(rows, *left_pad([request.ids for request in requests], self._model.device))

    @torch.inference_mode()
    def prefill(self, prompts: Prefill, columns: int | None = None) -> list[Step] | None:
        """Compute the next `columns` of the prompts (None: the rest), in a model that `prefills_in_chunks`.

        After the last ones, add their rows to the batch and return the first token of each; before, None.
        """
        width = prompts.ids.shape[1]
        start, end = prompts.done, width if columns is None else min(width, prompts.done + columns)
        mask = prompts.mask[:, :end]
        # Positions count real tokens only, so that padding does not move a row's rotary embeddings.
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, start:]
        scored = prompts.rows[0].request.scores_prompt
        ids = prompts.ids[:, start:end]
        logits = self._forward(prompts.rows, ids, mask, positions, prompts.cache, every_column=scored)
        if scored:
            score_prompt(prompts.rows, prompts.ids[:, start + 1 : end + 1], logits)
        logits = logits[:, -1].float()
        prompts.done = end
        if end < width:
            float(logits[0, 0])  # wait for the device, so that the caller can time it
            return None
        for row in prompts.rows:
            row.index, self._added = self._added, self._added + 1
        self._arrange(prompts)
        steps = self._sample(prompts.rows, logits)
        return [
            replace(step, prompt_logprobs=tuple(row.prompt_logprobs)) if scored else step
            for step, row in zip(steps, prompts.rows, strict=True)
        ]

    @torch.inference_mode()
    def step(self) -> list[Step]:
        """Decode one more token of every row."""
        if not self._rows:
            return []
        if len(self._places) < len(self._mask):
            self._arrange()
        device = self._model.device
        ids = torch.tensor([row.answer[-1:] for row in self._rows], device=device)
        positions = torch.tensor([[row.position] for row in self._rows], device=device)
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        logits = self._forward(self._rows, ids, self._mask, positions, self._cache)[:, -1].float()
        for row in self._rows:
            row.position += 1
        return self._sample(self._rows, logits)

    def remove(self, index: int) -> None:
        """Remove a row, for instance because its client has disconnected."""
        self._keep_rows([row.index != index for row in self._rows])

    def _make_row(self, request: Request) -> Row:
        if not request.ids:
            raise EngineError("empty_prompt", "the prompt is empty")
        available = self._context - len(request.ids)
        if available < 1:
            limit = self._context - 1
            detail = f"the prompt has {len(request.ids)} tokens; the model takes at most {limit}"
            raise EngineError("context_exceeded", detail, limit=limit)
        tokens_left = available if request.max_new_tokens is None else min(available, request.max_new_tokens)
        sampler = Sampler(request.sampling, request.ids, self._model.device)
        stop_ids = self._stop_ids if request.stop_ids is None else request.stop_ids
        return Row(-1, sampler, len(request.ids), tokens_left, stop_ids, request)

    def _forward(
        self, rows: list[Row], ids: Tensor, mask: Tensor, positions: Tensor, cache: Any, *, every_column: bool = False
    ) -> Tensor:
        """Logits [rows, columns, vocabulary] of the last column or every one; keys and values go into the cache."""
        if self._mode == "uncached" and every_column:  # prompts of one length, in one pass
            return self._model(input_ids=ids, use_cache=False, **adapters_of(rows)).logits
        if self._mode == "uncached":
            return self._forward_whole(rows)[:, None]
        with grouped_query_attention(self._model) if self._mode == "grouped" else nullcontext():
            output = self._model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=0 if every_column else 1,
                **adapters_of(rows),
            )
        return output.logits

    def _forward_whole(self, rows: list[Row]) -> Tensor:
        """Logits [rows, vocabulary] after each row's prompt and answer, in one right-padded pass without a cache.

        Padding after a row cannot change it, whatever state a causal model keeps.
        """
        texts = [[*row.request.ids, *row.answer] for row in rows]
        width, last = max(map(len, texts)), [len(text) - 1 for text in texts]
        columns = sorted(set(last))
        logits = self._model(
            input_ids=torch.tensor([text + [0] * (width - len(text)) for text in texts], device=self._model.device),
            attention_mask=torch.tensor(
                [[1] * len(text) + [0] * (width - len(text)) for text in texts], device=self._model.device
            ),
            use_cache=False,
            logits_to_keep=torch.tensor(columns, device=self._model.device),
            **adapters_of(rows),
        ).logits
        return torch.stack([logits[i, columns.index(column)] for i, column in enumerate(last)]).float()

    def _sample(self, rows: list[Row], logits: Tensor) -> list[Step]:
        tokens = sample_tokens(rows, logits)
        logprobs = logprobs_of(rows, logits, tokens)
        steps = [
            self._advance(row, token, logprobs.get(i, ()))
            for i, (row, token) in enumerate(zip(rows, tokens, strict=True))
        ]
        finished = {step.index for step in steps if step.finish_reason}
        if finished:
            self._keep_rows([row.index not in finished for row in self._rows])
        return steps

    def _advance(self, row: Row, token: int, logprobs: tuple[TokenLogprob, ...]) -> Step:
        row.answer.append(token)
        row.tokens_left -= 1
        row.sampler.accept(token)
        if token in row.stop_ids:
            return Step(row.index, token, "stop", logprobs)
        return Step(row.index, token, None if row.tokens_left > 0 else "length", logprobs)

    def _arrange(self, new: Prefill | None = None) -> None:
        """Remove finished rows and the padding that the others share; add new rows, sorted by adapter.

        All are left-padded to one length.
        """
        device = self._model.device
        rows, masks = [*self._rows, *(new.rows if new else ())], [self._mask[self._places]]
        padding = int(masks[0].any(0).int().argmax()) if self._rows else self._mask.shape[1]
        masks = [masks[0][:, padding:], *([new.mask] if new else [])]
        width = max(mask.shape[1] for mask in masks)
        order = sorted(range(len(rows)), key=lambda place: adapter_of(rows[place]))
        self._mask = torch.cat([torch.nn.functional.pad(mask, (width - mask.shape[1], 0)) for mask in masks])[order]
        as_tensor = partial(torch.tensor, device=device)
        if self._rows or new is None:
            arrange(self._cache, as_tensor(self._places), padding, new and new.cache, as_tensor(order).argsort())
        else:
            self._cache = new.cache
            if order != sorted(order):
                arrange(self._cache, as_tensor(order), 0, None, as_tensor(sorted(order)))
        self._rows, self._places = [rows[place] for place in order], list(range(len(rows)))

    def _keep_rows(self, keep: list[bool]) -> None:
        """Remove all other rows from the batch."""
        self._rows = [row for row, kept in zip(self._rows, keep, strict=True) if kept]
        self._places = [place for place, kept in zip(self._places, keep, strict=True) if kept]
        if not self._rows:
            self._cache, self._mask = empty_cache(), self._mask[:0]


def decode(model: Any, requests: Sequence[Request], *, stop_ids: Sequence[int]) -> Iterator[list[Step]]:
    """Decode all requests as one batch; yields the new token of every unfinished row, step by step."""
    batch = ContinuousBatch(model, stop_ids)
    yield batch.add(requests)
    while batch.active_rows:
        yield batch.step()


def generate_all(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: Sequence[int],
    max_new_tokens: int | None = None,
    sampling: SamplingParams = GREEDY,
    batch_tokens: int = 16384,
    on_progress: Callable[[int, int], None] | None = None,
    on_step: Callable[[], None] | None = None,
    on_answer: Callable[[int, Generated], None] | None = None,
) -> list[Generated]:
    """Generate an answer to each prompt; answers are in the order of `prompts`.

    The longest prompts go first, so that a batch that does not fit into memory fails at once. At most `batch_tokens`
    tokens, prompts and reserved answers together, are in the batch at a time; once a quarter of that is free, the
    next prompts join. `on_progress(done, total)` counts finished answers; `on_step()` is called after every token,
    and `on_answer(index, answer)` once an answer is finished.
    """
    order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    costs = [len(prompts[i]) + (max_new_tokens or _ASSUMED_ANSWER_TOKENS) for i in order]
    answers: list[list[int]] = [[] for _ in prompts]
    finish_reasons: dict[int, FinishReason] = {}
    batch, added, used = ContinuousBatch(model, stop_ids), 0, 0
    while len(finish_reasons) < len(prompts):
        count = _rows_to_add(costs, added, batch_tokens - used, batch_tokens, batch.active_rows)
        if count:
            used += sum(costs[added : added + count])
            steps = batch.add([Request(prompts[i], max_new_tokens, sampling) for i in order[added : added + count]])
            added += count
        else:
            steps = batch.step()
        for step in steps:
            if step.finish_reason != "stop":
                answers[order[step.index]].append(step.token)
            if step.finish_reason:
                finish_reasons[order[step.index]] = step.finish_reason
                used -= costs[step.index]
                if on_answer:
                    on_answer(order[step.index], Generated(answers[order[step.index]], step.finish_reason))
        if on_step:
            on_step()
        if on_progress and any(step.finish_reason for step in steps):
            on_progress(len(finish_reasons), len(prompts))
    return [Generated(ids, finish_reasons[i]) for i, ids in enumerate(answers)]


def context_length(model: Any) -> int:
    """The most tokens that prompt and answer may have together."""
    return length_of_context(model.config)


def kv_bytes_per_token(model: Any) -> int:
    """Bytes of the KV cache per row and token, measured once per model; 0 for one that decodes without a cache."""
    found: int | None = getattr(model, "kv_bytes_per_token", None)
    if found is None:
        batch = ContinuousBatch(model, ())
        batch.add([Request(ordinary_tokens(model.config, 1, seed=0).tolist(), 2)])
        found = model.kv_bytes_per_token = batch.bytes_per_token
    return found


def decoding_mode(model: Any) -> DecodingMode:
    """The fastest mode whose logits equal the model's own in a trial, tried once per model and logged if not the first.

    Recurrent states can be neither left-padded nor compacted, and some models' code depends on the name of the
    attention function, so no list of architectures would be complete.
    """
    mode: DecodingMode | None = getattr(model, "decoding_mode", None)
    if mode is None:
        mode = model.decoding_mode = next(mode for mode in MODES if mode == "uncached" or _passes_trial(model, mode))
        if mode == "uncached":
            log.warning(
                "this model decodes without a KV cache, which is slow: a trial with one failed or gave other logits"
            )
    return mode


@torch.inference_mode()
def prefills_in_chunks(model: Any) -> bool:
    """Whether a prompt may be computed in several passes: in a trial, once per model, it had the logits of one pass."""
    known: bool | None = getattr(model, "prefills_in_chunks", None)
    if known is None:
        text, steps = _trial_texts(model)[1], None
        try:
            batch = ContinuousBatch(model, ())
            prompt = batch.prepare([_trial_request(text, 2)])
            while steps is None:
                steps = batch.prefill(prompt, _TRIAL_CHUNK)
            known = decoding_mode(model) != "uncached" and _equals_plain(model, text, steps + batch.step())
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # attention that needs whole prompts
            log.info("prefill in chunks: %s", error)
            known = False
        model.prefills_in_chunks = known
    return known


@torch.inference_mode()
def _passes_trial(model: Any, mode: DecodingMode) -> bool:
    """Whether a batch of rows that join, decode and leave gives each row the logits of a plain forward pass."""
    texts = _trial_texts(model)
    try:
        batch = ContinuousBatch(model, (), mode)
        steps = batch.add([_trial_request(ids, 2 + i) for i, ids in enumerate(texts[:2])])
        steps += batch.step() + batch.add([_trial_request(texts[2], 3)])
        while batch.active_rows:
            steps += batch.step()
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # another kind of cache or state
        log.info("decoding mode %s: %s", mode, error)
        return False
    return all(_equals_plain(model, ids, [s for s in steps if s.index == i]) for i, ids in enumerate(texts))


def _trial_request(ids: list[int], tokens: int) -> Request:
    return Request(ids, tokens, logprobs=_TRIAL_LOGPROBS)


def _trial_texts(model: Any) -> list[list[int]]:
    """Three prompts of different lengths, one of them longer than a short sliding window or chunk."""
    window = smallest_window(model.config) or 0
    lengths = (3, 24 + (window if window <= _MAX_TRIAL_WINDOW else 0), 9)
    return [ordinary_tokens(model.config, length, seed=i).tolist() for i, length in enumerate(lengths)]


def _equals_plain(model: Any, prompt: list[int], steps: list[Step]) -> bool:
    """Whether the likeliest tokens' log-probabilities equal those of one pass over prompt and answer."""
    text = [*prompt, *(step.token for step in steps)]
    output = model(input_ids=torch.tensor([text], device=model.device), use_cache=False).logits[0]
    plain = output[len(prompt) - 1 : -1].float().log_softmax(-1)
    tokens = torch.tensor([[token for token, _ in step.logprobs] for step in steps], device=plain.device)
    decoded = torch.tensor([[value for _, value in step.logprobs] for step in steps], device=plain.device)
    spread = float(plain.std(-1).mean())
    difference = (decoded - plain.gather(1, tokens)).square().mean().sqrt()
    return bool(difference <= (1e-3 if output.dtype == torch.float32 else 0.15) * max(spread, 1e-3))


def _rows_to_add(costs: list[int], added: int, free: int, budget: int, active_rows: int) -> int:
    """How many waiting prompts join now: those that fit, once a quarter is free; one too large runs alone."""
    if active_rows and free * 4 < budget:
        return 0
    count = 0
    while added + count < len(costs) and costs[added + count] <= free:
        free -= costs[added + count]
        count += 1
    return count or (1 if not active_rows and added < len(costs) else 0)
