"""The chat engine: takes requests as they come, decodes those over one base as one batch, reports text as it appears.

Commands: {"op": "generate", "request_id", "model", prompt…, "n", "max_tokens", "stop", "logprobs", sampling…},
{"op": "load", "request_id", "model"}, {"op": "render", "request_id", "model", prompt…}, {"op": "cancel",
"request_id"}, {"op": "unload", "uri"}. A prompt is "messages" with "tools"? and "call_format"?, or "prompts".
Messages: `started` {request_id, prompt_tokens}, `tokens` {deltas: [{request_id, choice, text, logprobs?, tokens?,
finish?}]}, `loading` {}, `loaded` {request_id, seconds}, `rendered` {request_id, prompts, stop_ids},
`resident` {memory, models: {uri: bytes}}, `refused` {request_id, code, detail, …}. With {"traced": true} in a command
also `span`, phase by phase (timeline.py).
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from typing import Any

from services.inference.engine.batch import Command, Lane
from services.inference.engine.device_memory import used_memory
from services.inference.engine.model_cache import Residency, Variant
from services.inference.engine.timeline import Timeline
from services.inference.engine.tools import chat_prompt
from shared.engine.decoding.generate import Request, decode
from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Commands, EngineError, Reporter, failure_code, run_from_shell
from shared.engine.text.template import ChatTemplate

MOST_ROWS = 32
"""Answers that are decoded at once; more wait their turn."""
SIGN_INTERVAL = 5.0
"""Seconds between two signs of life while a model is loaded, which can take minutes."""


class Serving:
    """All lanes and the queue before them."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._residency = Residency()
        self._lanes: dict[Any, Lane] = {}
        self._leaving: set[str] = set()
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
                self._leaving.add(command["uri"])
                self._let_go()
            case _:
                self._waiting.append(command)
                if command.get("traced"):
                    self._timeline.arrive(command["request_id"])

    def round(self) -> None:
        """Let one waiting request in if there is room, then one step of every lane."""
        if self._waiting and sum(lane.live for lane in self._lanes.values()) < MOST_ROWS:
            self._start(self._waiting.popleft())
        deltas: list[dict[str, Any]] = []
        for key, lane in list(self._lanes.items()):
            try:
                deltas += lane.step()
            except Exception as error:
                self._refuse(lane.requests, error)
                del self._lanes[key]
                continue
            if not lane.live:
                del self._lanes[key]
        self._report(deltas)
        self._let_go()

    def _used(self) -> set[Variant]:
        """Models in the middle of an answer."""
        return {variant for lane in self._lanes.values() for variant in lane.variants}

    def _let_go(self) -> None:
        """Unload what is to go, as soon as its last answer is written."""
        if self._leaving:
            kept = {uri for uri in self._leaving if self._residency.known(uri) in self._used()}
            for uri in self._leaving - kept:
                self._residency.forget(uri)
            self._leaving = kept
            self._tell_residents()

    def _start(self, command: Command) -> None:
        started, request_id, uri = time.perf_counter(), command["request_id"], command["model"]["uri"]
        try:
            if command["op"] == "render":
                self._render(command)
                return
            if command["op"] == "load" or uri not in self._residency:
                self._timeline.enter(request_id, "load model")
            with run_periodically(lambda: self._reporter.emit("loading"), SIGN_INTERVAL):
                variant = self._residency.get(command["model"], self._used())
            self._leaving.discard(uri)
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
        lane = self._lanes.setdefault(variant.lane, Lane(variant.base))
        try:
            for number, ids in enumerate(prompts):
                self._report(lane.join({**command, "first_choice": number * command["n"]}, ids, variant))
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
    for _ in decode(variant.base, [Request(ids, 2, adapter=variant.adapter)], stop_ids=()):
        pass


def _prompts(command: Command, tokenizer: Any, template: ChatTemplate) -> list[list[int]]:
    """The prompts' token ids: a conversation through the model's own template, or raw texts or ids."""
    if "messages" in command:
        return [chat_prompt(template, command)]
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
    run_from_shell(main)
