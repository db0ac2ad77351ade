"""The chat engine: takes requests as they come, decodes those of one model as one batch, reports text as it appears.

Commands: {"op": "generate", "request_id", "model", "messages" | "prompts", "n", "max_tokens", "stop", "logprobs",
sampling…}, {"op": "load", "request_id", "model"}, {"op": "render", "request_id", "model", "messages" | "prompts"},
{"op": "cancel", "request_id"}, {"op": "unload", "uri"}.
Messages: `started` {request_id, prompt_tokens}, `tokens` {deltas: [{request_id, choice, text, logprobs?, tokens?,
finish?}]}, `loading` {}, `loaded` {request_id, seconds}, `rendered` {request_id, prompts, stop_ids},
`resident` {memory, models: {uri: bytes}}, `refused` {request_id, code, detail, …}. With {"traced": true} in a command
also `span`, phase by phase (timeline.py).
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from services.inference.engine.memory import used_memory
from services.inference.engine.residency import Residency, Variant
from services.inference.engine.timeline import Timeline
from shared.engine.generate import Decoding, Likely, Request, Step, generate_all
from shared.engine.protocol import Commands, EngineError, Reporter, failure_code, run_by_hand
from shared.engine.sampling import Sampling
from shared.engine.streaming import BROKEN, StreamDecoder
from shared.engine.template import ChatTemplate

MOST_ROWS = 32
"""Answers that are decoded at once; more wait their turn."""
SIGN_INTERVAL = 5.0

Command = Mapping[str, Any]


@dataclass
class Answer:
    """One choice of one request while it is being written."""

    request_id: str
    choice: int
    decoder: StreamDecoder
    tokens: int = 0
    untold: list[dict[str, Any]] = field(default_factory=list)
    """Log-probabilities of tokens whose text is held back."""


class Lane:
    """The answers of one model."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self._decoding = Decoding(variant, variant.template.stop_ids)
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

    def join(self, command: Command, ids: list[int]) -> list[dict[str, Any]]:
        """Let a request's choices join the batch; their first tokens."""
        rows = [
            Request(ids, command["max_tokens"], _sampling(command, choice), logprobs=command.get("logprobs"))
            for choice in range(command["n"])
        ]
        answers = [
            Answer(
                command["request_id"],
                command["first_choice"] + choice,
                StreamDecoder(self.variant.tokenizer, command["stop"]),
            )
            for choice in range(command["n"])
        ]
        first = self._joined
        steps = self._decoding.add(rows)
        self._joined += len(rows)
        self._answers |= {first + offset: answer for offset, answer in enumerate(answers)}
        return self._deltas(steps)

    def step(self) -> list[dict[str, Any]]:
        """One more token for each answer, as the text that it completes."""
        return self._deltas(self._decoding.step())

    def cancel(self, request_id: str) -> None:
        """Stop writing a request's answers."""
        for index in [index for index, answer in self._answers.items() if answer.request_id == request_id]:
            self._drop(index)

    def _deltas(self, steps: list[Step]) -> list[dict[str, Any]]:
        found = [self._delta(step) for step in steps if step.index in self._answers]
        return [delta for delta in found if delta["text"] or "finish" in delta]

    def _delta(self, step: Step) -> dict[str, Any]:
        answer = self._answers[step.index]
        answer.tokens += 1
        text = "" if step.finish == "stop" else answer.decoder.push(step.token)
        if step.likely and step.finish != "stop":
            answer.untold.append(_told(step.likely, self.variant.tokenizer))
        finish = "stop" if answer.decoder.stopped else step.finish
        delta: dict[str, Any] = {"request_id": answer.request_id, "choice": answer.choice, "text": text}
        if answer.untold and (text or finish):
            delta["logprobs"], answer.untold = answer.untold, []
        if finish is None:
            return delta
        if not answer.decoder.stopped:
            delta["text"] += answer.decoder.finish()
            finish = "stop" if answer.decoder.stopped else finish
        if step.finish is None:
            self._drop(step.index)
        else:
            del self._answers[step.index]
        return {**delta, "finish": finish, "tokens": answer.tokens}

    def _drop(self, index: int) -> None:
        del self._answers[index]
        self._decoding.drop(index)


@contextmanager
def _signs_of_life(reporter: Reporter) -> Iterator[None]:
    """Say every few seconds that a model is being loaded, which can take minutes."""
    loaded = threading.Event()

    def report() -> None:
        while not loaded.wait(SIGN_INTERVAL):
            reporter.emit("loading")

    threading.Thread(target=report, daemon=True).start()
    try:
        yield
    finally:
        loaded.set()


def _told(likely: Sequence[Likely], tokenizer: Any) -> dict[str, Any]:
    """A token with its log-probability, and the likeliest ones beside it."""
    chosen, *top = [_token(id, logprob, tokenizer) for id, logprob in likely]
    return {**chosen, "top": top}


def _token(id: int, logprob: float, tokenizer: Any) -> dict[str, Any]:
    text = tokenizer.decode([id], clean_up_tokenization_spaces=False)
    return {"token": text, "logprob": logprob, "bytes": None if BROKEN in text else list(text.encode())}


def _sampling(command: Command, choice: int) -> Sampling:
    seed = command["seed"]
    return Sampling(
        temperature=command["temperature"],
        top_p=command["top_p"],
        top_k=command["top_k"],
        repetition_penalty=command["repetition_penalty"],
        seed=None if seed is None else seed + choice,
    )


class Serving:
    """All lanes and the queue before them."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._residency = Residency()
        self._lanes: dict[str, Lane] = {}
        self._waiting: deque[Command] = deque()
        self._residents: dict[str, int] = {}
        self._timeline = Timeline(reporter)

    @property
    def busy(self) -> bool:
        """There is something to do without a further command."""
        return bool(self._waiting or self._lanes)

    def take(self, command: Command) -> None:
        """Note a command; what takes time is done in `round`."""
        match command["op"]:
            case "cancel":
                self._cancel(command["request_id"])
            case "unload":
                if command["uri"] not in self._lanes:
                    self._residency.forget(command["uri"])
                    self._tell_residents()
            case _:
                self._waiting.append(command)
                if command.get("traced"):
                    self._timeline.arrive(command["request_id"])

    def round(self) -> None:
        """Let one waiting request in if there is room, then one step of every lane."""
        if self._waiting and sum(lane.live for lane in self._lanes.values()) < MOST_ROWS:
            self._start(self._waiting.popleft())
        deltas: list[dict[str, Any]] = []
        for uri, lane in list(self._lanes.items()):
            try:
                deltas += lane.step()
            except Exception as error:
                self._refuse(lane.requests, error)
                del self._lanes[uri]
                continue
            if not lane.live:
                del self._lanes[uri]
        self._report(deltas)

    def _start(self, command: Command) -> None:
        started, request_id, uri = time.perf_counter(), command["request_id"], command["model"]["uri"]
        try:
            if command["op"] == "render":
                self._render(command)
                return
            if command["op"] == "load" or uri not in self._residency:
                self._timeline.enter(request_id, "load model")
            with _signs_of_life(self._reporter):
                variant = self._residency.get(command["model"], {lane.variant for lane in self._lanes.values()})
            self._tell_residents()
            if command["op"] == "load":
                _warm_up(variant)
                seconds = time.perf_counter() - started
                self._timeline.end(request_id)
                self._reporter.emit("loaded", request_id=request_id, seconds=seconds)
                return
            self._join(command, variant)
        except Exception as error:
            self._refuse({request_id}, error)

    def _render(self, command: Command) -> None:
        tokenizer, template = self._residency.tokenizer(command["model"])
        prompts = _prompts(command, tokenizer, template)
        self._timeline.end(command["request_id"])
        self._reporter.emit("rendered", request_id=command["request_id"], prompts=prompts, stop_ids=template.stop_ids)

    def _tell_residents(self) -> None:
        """Say what is in memory, where that has changed."""
        models = self._residency.sizes()
        if models != self._residents:
            self._residents = models
            self._reporter.emit("resident", memory=used_memory(), models=models)

    def _join(self, command: Command, variant: Variant) -> None:
        prompts = _prompts(command, variant.tokenizer, variant.template)
        total = sum(len(ids) for ids in prompts)
        self._reporter.emit("started", request_id=command["request_id"], prompt_tokens=total)
        self._timeline.enter(command["request_id"], "prefill", answers=len(prompts) * command["n"])
        lane = self._lanes.setdefault(command["model"]["uri"], Lane(variant))
        try:
            for number, ids in enumerate(prompts):
                self._report(lane.join({**command, "first_choice": number * command["n"]}, ids))
            self._timeline.enter(command["request_id"], "decode")
        except Exception:
            lane.cancel(command["request_id"])
            raise

    def _cancel(self, request_id: str) -> None:
        self._waiting = deque(command for command in self._waiting if command["request_id"] != request_id)
        for lane in self._lanes.values():
            lane.cancel(request_id)
        self._timeline.end(request_id)

    def _report(self, deltas: list[dict[str, Any]]) -> None:
        for delta in deltas:
            if "finish" in delta:  # told first: with its last text the service forgets the request
                self._timeline.answered(delta["request_id"])
        if deltas:
            self._reporter.emit("tokens", deltas=deltas)

    def _refuse(self, requests: set[str], error: Exception) -> None:
        if isinstance(error, EngineError):
            told = {"code": error.code, "detail": error.detail, **error.fields}
        else:
            self._reporter.log("error", traceback.format_exc())
            told = {"code": failure_code(error), "detail": f"{type(error).__name__}: {error}"}
        for request_id in requests:
            self._timeline.end(request_id, told["detail"])
            self._reporter.emit("refused", request_id=request_id, **told)


def _warm_up(variant: Variant) -> None:
    """Two tokens through every kernel, so that the first caller does not pay for what happens once."""
    ids = variant.tokenizer("Hello", add_special_tokens=False).input_ids
    generate_all(variant, [ids], stop_ids=[], max_new_tokens=2)


def _prompts(command: Command, tokenizer: Any, template: ChatTemplate) -> list[list[int]]:
    """The prompts' token ids: a conversation through the model's own template, or raw texts or ids."""
    if "messages" in command:
        return [template.prompt_ids(command["messages"])]
    return [
        list(tokenizer(prompt).input_ids) if isinstance(prompt, str) else list(prompt) for prompt in command["prompts"]
    ]


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Serve until told to stop."""
    serving = Serving(reporter)
    while True:
        command = commands.poll() if serving.busy else commands.get()
        while command is not None:
            if command["op"] == "stop":
                return {}
            serving.take(command)
            command = commands.poll()
        serving.round()


if __name__ == "__main__":
    run_by_hand(main)
