"""Continuous batching: decodes choices over one base model as one batch, across adapters where multi-LoRA allows it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.inference.engine.joined_deltas import JoinedDeltas
from services.inference.engine.model_cache import LoadedBase, LoadedModel
from shared.engine.decoding.generate import (
    ContinuousBatch,
    Prefill,
    Request,
    Step,
    TokenLogprob,
    context_length,
    kv_bytes_per_token,
    prefills_in_chunks,
)
from shared.engine.decoding.kv_cache import peak_bytes
from shared.engine.decoding.sampling import SamplingParams
from shared.engine.decoding.streaming import REPLACEMENT_CHARACTER, IncrementalDetokenizer

MIN_CHUNK_TOKENS, MAX_CHUNK_TOKENS = 64, 2048
"""Of a prompt, in one forward pass: between them the pace decides, and the number is a power of two."""
OPEN_ANSWER_TOKENS = 4096
"""Memory for so many tokens is reserved at a time for an answer without a limit of its own."""
SCORED_CHUNK_TOKENS = 256
"""The same of a prompt whose tokens are scored: the logits of all its positions are in memory."""
Command = Mapping[str, Any]
Delta = dict[str, Any]
"""{request_id, choice, text, logprobs?, tokens?, finish?, joined?}."""


@dataclass
class Choice:
    """One choice of a request that is being decoded."""

    request_id: str
    project: str
    choice: int
    uri: str
    model: LoadedModel
    decoder: IncrementalDetokenizer
    prompt_tokens: int
    length: int
    """Tokens of prompt and answer for which memory is reserved."""
    is_open: bool
    """Whether the answer has no limit of its own."""
    echo: str | None = None
    """The prompt, if it is part of the output."""
    prompt_ids: list[int] = field(default_factory=list)
    is_prompt_only: bool = False
    """Whether the output is the echo alone."""
    tokens: int = 0
    pending_logprobs: list[dict[str, Any]] = field(default_factory=list)
    """Log-probabilities of tokens whose text is not complete yet."""
    joined: JoinedDeltas | None = None
    """Joins the deltas of a request that does not stream."""


@dataclass(frozen=True)
class Prompt:
    """A prompt of a request, whose choices are computed and decoded; `command` has the number of its `first_choice`."""

    command: Command
    ids: list[int]
    model: LoadedModel


class Batch:
    """The choices that are decoded together over one base model."""

    def __init__(self, base: LoadedBase) -> None:
        self._base = base
        self._decoding = ContinuousBatch(base, ())
        self._choices: dict[int, Choice] = {}
        self._reserved: dict[str, tuple[str, int, int]] = {}
        """The project of a request, and the number and length of the choices that it will add."""
        self._prefills: dict[str, Prefill] = {}
        """By request: its prompt that is computed in chunks."""
        self._chunk_tokens = MIN_CHUNK_TOKENS
        self._next_index = 0

    @property
    def size(self) -> int:
        """Number of choices that are being decoded, or will be."""
        return self.rows.total()

    @property
    def rows(self) -> Counter[str]:
        """The same by project."""
        rows = Counter(choice.project for choice in self._choices.values())
        for project, count, _ in self._reserved.values():
            rows[project] += count
        return rows

    @property
    def request_ids(self) -> set[str]:
        """The ids of the requests in the batch."""
        return {choice.request_id for choice in self._choices.values()} | self._reserved.keys()

    @property
    def uris(self) -> set[str]:
        """The uris of the models in the batch."""
        return {choice.uri for choice in self._choices.values()}

    @property
    def models(self) -> set[LoadedModel]:
        """The models in the batch."""
        return {choice.model for choice in self._choices.values()}

    @property
    def cache_bytes(self) -> int:
        """Allocated bytes of the KV caches."""
        return self._decoding.cache_bytes + sum(prefill.cache_bytes for prefill in self._prefills.values())

    def peak_bytes(self, rows: int = 0, length: int = 0) -> int:
        """The bytes to which the KV cache may grow, with `rows` more of up to `length` tokens."""
        reserved = [length for _, _, length in self._reserved.values()]
        longest = max([length, *reserved, *(choice.length for choice in self._choices.values())])
        return peak_bytes(kv_bytes_per_token(self._base), self.size + rows, longest)

    def extend(self, fits: Callable[[int], bool]) -> None:
        """Reserve more for open answers that are about to end; one for whose `length` there is no memory ends."""
        context = context_length(self._base)
        for index, choice in self._choices.items():
            length = min(context, choice.length + OPEN_ANSWER_TOKENS)
            is_ending = choice.prompt_tokens + choice.tokens + 1 >= choice.length
            if choice.is_open and is_ending and length > choice.length and fits(length):
                self._decoding.extend(index, length - choice.length)
                choice.length = length

    def reserve(self, command: Command, rows: int, length: int) -> None:
        """Keep memory for choices that `add` will add one prompt at a time."""
        self._reserved[command["request_id"]] = command.get("project", ""), rows, length

    def chunk(self, prompt: Prompt) -> int:
        """The tokens of the prompt's choices that `add` computes next."""
        request_id, count = prompt.command["request_id"], int(prompt.command["n"])
        done = self._prefills[request_id].done if request_id in self._prefills else 0
        limit = min(self._chunk_tokens, SCORED_CHUNK_TOKENS) if _scores_prompt(prompt.command) else self._chunk_tokens
        rest, columns = len(prompt.ids) - done, max(1, limit // count)
        return count * (columns if columns < rest and prefills_in_chunks(self._base) else rest)

    def joins(self, prompt: Prompt, others: Sequence[Prompt]) -> bool:
        """Whether `add` may compute a prompt with the others, all as long as the longest, in the tokens of a chunk."""
        together = [*others, prompt]
        rows, longest = sum(each.command["n"] for each in together), max(len(each.ids) for each in together)
        started = any(each.command["request_id"] in self._prefills for each in together)
        if any(_scores_prompt(each.command) for each in together):
            return False  # they are scored without padding
        return not started and rows * longest <= self._chunk_tokens

    def add(self, prompts: Sequence[Prompt], slice_s: float) -> list[Delta] | None:
        """Prefill the prompts' choices for about `slice_s` seconds; None while a rest of a single prompt remains.

        After it, add them to the batch, and return the deltas of their first tokens.
        """
        prompt = prompts[0]
        added = [_choice(each, choice) for each in prompts for choice in range(each.command["n"])]
        if (prefill := self._prefills.pop(prompt.command["request_id"], None)) is None:
            requests = [_decoding_request(each, choice) for each in prompts for choice in range(each.command["n"])]
            prefill = self._decoding.prepare(requests)
        columns = self.chunk(prompt) // prompt.command["n"] if len(prompts) == 1 else prefill.ids.shape[1]
        tokens, started = columns * len(added), time.perf_counter()
        steps = self._decoding.prefill(prefill, columns)
        pace = tokens / (time.perf_counter() - started)
        power = min(MAX_CHUNK_TOKENS, max(MIN_CHUNK_TOKENS, 1 << int(pace * slice_s).bit_length() >> 1))
        # a short pass is slower by token than a long one: it may only raise the number
        self._chunk_tokens = power if tokens >= MIN_CHUNK_TOKENS else max(power, self._chunk_tokens)
        if steps is None:
            self._prefills[prompt.command["request_id"]] = prefill
            return None
        self._choices |= {self._next_index + offset: choice for offset, choice in enumerate(added)}
        self._next_index += len(added)
        for each in prompts:
            self._release(each.command["request_id"], each.command["n"])
        return self._deltas(steps)

    def _release(self, request_id: str, added: int) -> None:
        """Reserve no more for choices that were added."""
        project, count, reserved = self._reserved.pop(request_id)
        if count > added:
            self._reserved[request_id] = project, count - added, reserved

    def step(self) -> list[Delta]:
        """Decode one token of each choice and return the completed text as deltas."""
        return self._deltas(self._decoding.step())

    def cancel(self, request_id: str) -> None:
        """Remove a request's choices from the batch."""
        self._reserved.pop(request_id, None)
        self._prefills.pop(request_id, None)
        for index in [index for index, choice in self._choices.items() if choice.request_id == request_id]:
            self._remove(index)

    def _deltas(self, steps: list[Step]) -> list[Delta]:
        deltas: list[Delta] = []
        for step in steps:
            if (choice := self._choices.get(step.index)) is None:
                continue
            delta = self._delta(step)
            joined = choice.joined.add(delta) if choice.joined else delta
            if joined and (joined["text"] or "finish" in joined):
                deltas.append(joined)
        return deltas

    def _delta(self, step: Step) -> Delta:
        choice = self._choices[step.index]
        is_first, choice.tokens = choice.tokens == 0, choice.tokens + 1
        if choice.is_prompt_only:
            return self._echo_only(choice, step)
        text = "" if step.finish_reason == "stop" else choice.decoder.push(step.token)
        if is_first and choice.echo is not None:
            text = choice.echo + text
            choice.pending_logprobs += _prompt_logprobs(choice, step)
        if step.logprobs and (step.finish_reason != "stop" or choice.echo is not None):
            choice.pending_logprobs.append(_token_logprob(step.logprobs, choice.model.tokenizer))
        finish = "stop" if choice.decoder.stopped else step.finish_reason
        delta: Delta = {"request_id": choice.request_id, "choice": choice.choice, "text": text}
        if choice.pending_logprobs and (text or finish):
            delta["logprobs"], choice.pending_logprobs = choice.pending_logprobs, []
        if finish is None:
            return delta
        if not choice.decoder.stopped:
            delta["text"] += choice.decoder.finish()
            finish = "stop" if choice.decoder.stopped else finish
        if step.finish_reason is None:
            self._remove(step.index)
        else:
            del self._choices[step.index]
        return {**delta, "finish": finish, "tokens": choice.tokens}

    def _echo_only(self, choice: Choice, step: Step) -> Delta:
        """The prompt without the token that was decoded after it."""
        del self._choices[step.index]
        delta = {"request_id": choice.request_id, "choice": choice.choice, "text": choice.echo}
        logprobs = _prompt_logprobs(choice, step)
        return {**delta, **({"logprobs": logprobs} if logprobs else {}), "finish": "length", "tokens": 0}

    def _remove(self, index: int) -> None:
        del self._choices[index]
        self._decoding.remove(index)


def reserved_length(command: Command, ids: list[int], base: LoadedBase) -> int:
    """The tokens of prompt and answer for which memory is reserved at first."""
    answer = OPEN_ANSWER_TOKENS if command["max_tokens"] is None else command["max_tokens"]
    return min(context_length(base), len(ids) + answer)


def _decoding_request(prompt: Prompt, choice: int) -> Request:
    command, ids, model = prompt.command, prompt.ids, prompt.model
    length, stop_ids = reserved_length(command, ids, model.base), frozenset(model.template.stop_ids)
    sampling, logprobs = _sampling(command, choice), command.get("logprobs")
    limit = max(1, length - len(ids))
    return Request(ids, limit, sampling, stop_ids, logprobs, model.adapter, _scores_prompt(command))


def _scores_prompt(command: Command) -> bool:
    return command.get("echo") is not None and command.get("logprobs") is not None


def _echo(command: Command, ids: list[int], tokenizer: Any) -> str | None:
    """The prompt as it was sent, or the text of its token ids; None where it is no part of the output."""
    if (prompts := command.get("echo")) is None:
        return None
    sent = prompts[command["first_choice"] // command["n"]]
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False)) if sent is None else str(sent)


def _prompt_logprobs(choice: Choice, step: Step) -> list[dict[str, Any]]:
    """Those of the prompt's tokens; the first one has none, because nothing precedes it."""
    if not choice.prompt_ids:
        return []
    tokenizer = choice.model.tokenizer
    first = {**_token(choice.prompt_ids[0], 0.0, tokenizer), "logprob": None, "top": []}
    return [first, *(_token_logprob(likely, tokenizer) for likely in step.prompt_logprobs)]


def _choice(prompt: Prompt, choice: int) -> Choice:
    command, model = prompt.command, prompt.model
    # some tokenizers treat the tags around a tool call as special tokens
    decoder = IncrementalDetokenizer(model.tokenizer, command["stop"], special=bool(command.get("tools")))
    return Choice(
        command["request_id"],
        command.get("project", ""),
        command["first_choice"] + choice,
        command["model"]["uri"],
        model,
        decoder,
        len(prompt.ids),
        reserved_length(command, prompt.ids, model.base),
        command["max_tokens"] is None,
        _echo(command, prompt.ids, model.tokenizer),
        prompt.ids if _scores_prompt(command) else [],
        command.get("echo") is not None and command["max_tokens"] == 0,
        joined=None if command.get("stream", True) else JoinedDeltas(),
    )


def _sampling(command: Command, choice: int) -> SamplingParams:
    seed = command["seed"]
    return SamplingParams(
        temperature=command["temperature"],
        top_p=command["top_p"],
        top_k=command["top_k"],
        repetition_penalty=command["repetition_penalty"],
        seed=None if seed is None else seed + choice,
    )


def _token_logprob(likely: Sequence[TokenLogprob], tokenizer: Any) -> dict[str, Any]:
    """Convert a token and its top alternatives to the message format."""
    chosen, *top = [_token(id, logprob, tokenizer) for id, logprob in likely]
    return {**chosen, "top": top}


def _token(id: int, logprob: float, tokenizer: Any) -> dict[str, Any]:
    text = tokenizer.decode([id], clean_up_tokenization_spaces=False)
    return {"token": text, "logprob": logprob, "bytes": None if REPLACEMENT_CHARACTER in text else list(text.encode())}
