"""A lane: answers decoded as one batch, those of all models over one base where their adapters can be mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.inference.engine.model_cache import Base, Variant
from shared.engine.decoding.generate import ContinuousBatch, Request, Step, TokenLogprob
from shared.engine.decoding.sampling import SamplingParams
from shared.engine.decoding.streaming import REPLACEMENT_CHARACTER, IncrementalDetokenizer

Command = Mapping[str, Any]
Delta = dict[str, Any]
"""{request_id, choice, text, logprobs?, tokens?, finish?}."""


@dataclass
class Answer:
    """One choice of one request while it is being written."""

    request_id: str
    choice: int
    variant: Variant
    decoder: IncrementalDetokenizer
    tokens: int = 0
    untold: list[dict[str, Any]] = field(default_factory=list)
    """Log-probabilities of tokens whose text is held back."""


class Lane:
    """The answers of one batch over a base."""

    def __init__(self, base: Base) -> None:
        self._decoding = ContinuousBatch(base, ())
        self._answers: dict[int, Answer] = {}
        self._joined = 0

    @property
    def live(self) -> int:
        """Answers that are still being written."""
        return len(self._answers)

    @property
    def requests(self) -> set[str]:
        """Whose they are."""
        return {answer.request_id for answer in self._answers.values()}

    @property
    def variants(self) -> set[Variant]:
        """Which models write them."""
        return {answer.variant for answer in self._answers.values()}

    def join(self, command: Command, ids: list[int], variant: Variant) -> list[Delta]:
        """Let a request's choices join the batch; their first tokens."""
        numbers = range(command["n"])
        rows = [_row(command, ids, choice, variant) for choice in numbers]
        answers = [_answer(command, choice, variant) for choice in numbers]
        first = self._joined
        steps = self._decoding.add(rows)
        self._joined += len(rows)
        self._answers |= {first + offset: answer for offset, answer in enumerate(answers)}
        return self._deltas(steps)

    def step(self) -> list[Delta]:
        """One more token for each answer, as the text that it completes."""
        return self._deltas(self._decoding.step())

    def cancel(self, request_id: str) -> None:
        """Stop writing a request's answers."""
        for index in [index for index, answer in self._answers.items() if answer.request_id == request_id]:
            self._drop(index)

    def _deltas(self, steps: list[Step]) -> list[Delta]:
        found = [self._delta(step) for step in steps if step.index in self._answers]
        return [delta for delta in found if delta["text"] or "finish" in delta]

    def _delta(self, step: Step) -> Delta:
        answer = self._answers[step.index]
        answer.tokens += 1
        text = "" if step.finish_reason == "stop" else answer.decoder.push(step.token)
        if step.logprobs and step.finish_reason != "stop":
            answer.untold.append(_told(step.logprobs, answer.variant.tokenizer))
        finish = "stop" if answer.decoder.stopped else step.finish_reason
        delta: Delta = {"request_id": answer.request_id, "choice": answer.choice, "text": text}
        if answer.untold and (text or finish):
            delta["logprobs"], answer.untold = answer.untold, []
        if finish is None:
            return delta
        if not answer.decoder.stopped:
            delta["text"] += answer.decoder.finish()
            finish = "stop" if answer.decoder.stopped else finish
        if step.finish_reason is None:
            self._drop(step.index)
        else:
            del self._answers[step.index]
        return {**delta, "finish": finish, "tokens": answer.tokens}

    def _drop(self, index: int) -> None:
        del self._answers[index]
        self._decoding.remove(index)


def _row(command: Command, ids: list[int], choice: int, variant: Variant) -> Request:
    stop_ids = frozenset(variant.template.stop_ids)
    sampling, logprobs = _sampling(command, choice), command.get("logprobs")
    return Request(ids, command["max_tokens"], sampling, stop_ids, logprobs, variant.adapter)


def _answer(command: Command, choice: int, variant: Variant) -> Answer:
    # some models mark the tags around a call as special tokens
    decoder = IncrementalDetokenizer(variant.tokenizer, command["stop"], special=bool(command.get("tools")))
    return Answer(command["request_id"], command["first_choice"] + choice, variant, decoder)


def _sampling(command: Command, choice: int) -> SamplingParams:
    seed = command["seed"]
    return SamplingParams(
        temperature=command["temperature"],
        top_p=command["top_p"],
        top_k=command["top_k"],
        repetition_penalty=command["repetition_penalty"],
        seed=None if seed is None else seed + choice,
    )


def _told(likely: Sequence[TokenLogprob], tokenizer: Any) -> dict[str, Any]:
    """A token with its log-probability, and the likeliest ones beside it."""
    chosen, *top = [_token(id, logprob, tokenizer) for id, logprob in likely]
    return {**chosen, "top": top}


def _token(id: int, logprob: float, tokenizer: Any) -> dict[str, Any]:
    text = tokenizer.decode([id], clean_up_tokenization_spaces=False)
    return {"token": text, "logprob": logprob, "bytes": None if REPLACEMENT_CHARACTER in text else list(text.encode())}
