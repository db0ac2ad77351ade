"""The transformers engine process: schedules requests, batches those over one base model, and streams text deltas.

Commands: {"op": "generate", "request_id", "model", prompt…, "n", "max_tokens", "stop", "logprobs", sampling…},
{"op": "load", "request_id", "model"}, {"op": "render", "request_id", "model", prompt…}, {"op": "cancel",
"request_id"}, {"op": "unload", "uri"}. A prompt is "messages" with "tools"?, "chat_template_kwargs"? and
"call_format"?, or "prompts".
Messages: `started` {request_id, prompt_tokens}, `tokens` {deltas: [{request_id, choice, text, logprobs?, tokens?,
finish?}]}, `loading` {}, `loaded` {request_id, seconds}, `rendered` {request_id, prompts, stop_ids},
`resident` {memory, models: {uri: bytes}}, `refused` {request_id, code, detail, …}. A command with {"traced": true}
also produces a `span` per phase (timeline.py).
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from typing import Any

from services.inference.engine.batch import Batch, Command
from services.inference.engine.chat_prompt import chat_prompt
from services.inference.engine.device_memory import used_memory
from services.inference.engine.model_cache import LoadedModel, ModelCache
from services.inference.engine.timeline import Timeline
from shared.engine.decoding.generate import Request, decode
from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Commands, EngineError, Reporter, failure_code, run_from_shell
from shared.engine.text.template import ChatTemplate

MAX_BATCH_SIZE = 32
"""Choices that are decoded at once; further requests are queued."""
HEARTBEAT_INTERVAL_S = 5.0
"""Seconds between heartbeats while a model is loaded, which can take minutes."""


class Scheduler:
    """The request queue, the running batches, and the model cache."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._models = ModelCache()
        self._batches: dict[Any, Batch] = {}
        self._unloading: set[str] = set()
        self._waiting: deque[Command] = deque()
        self._reported_models: dict[str, int] = {}
        self._timeline = Timeline(reporter)

    @property
    def busy(self) -> bool:
        """Whether there is work without a further command."""
        return bool(self._waiting or self._batches)

    def submit(self, command: Command) -> None:
        """Accept a command. Slow work is done in `step`."""
        match command["op"]:
            case "cancel":
                self._cancel(command["request_id"])
            case "unload":
                self._unloading.add(command["uri"])
                self._unload_idle()
            case _:
                self._waiting.append(command)
                if command.get("traced"):
                    self._timeline.enqueue(command["request_id"])

    def step(self) -> None:
        """Admit one queued request if the batches are not full, then decode one token in every batch."""
        if self._waiting and sum(batch.size for batch in self._batches.values()) < MAX_BATCH_SIZE:
            self._start(self._waiting.popleft())
        deltas: list[dict[str, Any]] = []
        for key, batch in list(self._batches.items()):
            try:
                deltas += batch.step()
            except Exception as error:
                self._reject(batch.request_ids, error)
                del self._batches[key]
                continue
            if not batch.size:
                del self._batches[key]
        self._emit_deltas(deltas)
        self._unload_idle()

    def _used(self) -> set[LoadedModel]:
        """Return the models that are generating."""
        return {model for batch in self._batches.values() for model in batch.models}

    def _unload_idle(self) -> None:
        """Unload the requested models as soon as they have finished generating."""
        if self._unloading:
            in_use = {uri for uri in self._unloading if self._models.find(uri) in self._used()}
            for uri in self._unloading - in_use:
                self._models.unload(uri)
            self._unloading = in_use
            self._report_models()

    def _start(self, command: Command) -> None:
        started, request_id, uri = time.perf_counter(), command["request_id"], command["model"]["uri"]
        try:
            if command["op"] == "render":
                self._render(command)
                return
            if command["op"] == "load" or uri not in self._models:
                self._timeline.start_phase(request_id, "load model")
            with run_periodically(lambda: self._reporter.emit("loading"), HEARTBEAT_INTERVAL_S):
                model = self._models.get(command["model"], self._used())
            self._unloading.discard(uri)
            self._report_models()
            if command["op"] == "load":
                _warm_up(model)
                seconds = time.perf_counter() - started
                self._timeline.finish(request_id)
                self._reporter.emit("loaded", request_id=request_id, seconds=seconds)
                return
            self._generate(command, model)
        except Exception as error:
            self._reject({request_id}, error, "messages" if "messages" in command else "prompt")

    def _render(self, command: Command) -> None:
        tokenizer, template = self._models.tokenizer(command["model"])
        prompts = _prompts(command, tokenizer, template)
        self._timeline.finish(command["request_id"])
        self._reporter.emit("rendered", request_id=command["request_id"], prompts=prompts, stop_ids=template.stop_ids)

    def _report_models(self) -> None:
        """Report the loaded models if they have changed."""
        models = self._models.sizes()
        if models != self._reported_models:
            self._reported_models = models
            self._reporter.emit("resident", memory=used_memory(), models=models)

    def _generate(self, command: Command, model: LoadedModel) -> None:
        prompts = _prompts(command, model.tokenizer, model.template)
        total = sum(len(ids) for ids in prompts)
        self._reporter.emit("started", request_id=command["request_id"], prompt_tokens=total)
        self._timeline.start_phase(command["request_id"], "prefill", choices=len(prompts) * command["n"])
        batch = self._batches.setdefault(model.batch_key, Batch(model.base))
        try:
            for index, ids in enumerate(prompts):
                self._emit_deltas(batch.add({**command, "first_choice": index * command["n"]}, ids, model))
            self._timeline.start_phase(command["request_id"], "decode")
        except Exception:
            batch.cancel(command["request_id"])
            raise

    def _cancel(self, request_id: str) -> None:
        self._waiting = deque(command for command in self._waiting if command["request_id"] != request_id)
        for batch in self._batches.values():
            batch.cancel(request_id)
        self._timeline.finish(request_id)

    def _emit_deltas(self, deltas: list[dict[str, Any]]) -> None:
        for delta in deltas:
            if "finish" in delta:  # before the delta: the service drops the request with its last text
                self._timeline.finish_choice(delta["request_id"])
        if deltas:
            self._reporter.emit("tokens", deltas=deltas)

    def _reject(self, request_ids: set[str], error: Exception, field: str = "messages") -> None:
        """Report an error; `field` is the caller's, unless the error names one."""
        if isinstance(error, EngineError):
            failure = {"code": error.code, "detail": error.detail, "field": field, **error.fields}
        else:
            self._reporter.log("error", traceback.format_exc())
            failure = {"code": failure_code(error), "detail": f"{type(error).__name__}: {error}"}
        for request_id in request_ids:
            self._timeline.finish(request_id, failure["detail"])
            self._reporter.emit("refused", request_id=request_id, **failure)


def _warm_up(model: LoadedModel) -> None:
    """Decode two tokens, so that the first request does not pay for one-time initialization."""
    ids = model.tokenizer("Hello", add_special_tokens=False).input_ids
    for _ in decode(model.base, [Request(ids, 2, adapter=model.adapter)], stop_ids=()):
        pass


def _prompts(command: Command, tokenizer: Any, template: ChatTemplate) -> list[list[int]]:
    """Render to token ids: a conversation through the model's own chat template, or plain texts or ids."""
    if "messages" in command:
        return [chat_prompt(template, command)]
    prompts = [
        list(tokenizer(prompt).input_ids) if isinstance(prompt, str) else list(prompt) for prompt in command["prompts"]
    ]
    unknown = next((id for ids in prompts for id in ids if not 0 <= id < len(tokenizer)), None)
    if unknown is not None:
        raise EngineError("unknown_token", f"the model has no token {unknown}", limit=len(tokenizer) - 1)
    return prompts


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Serve until the command `stop`."""
    scheduler = Scheduler(reporter)
    while True:
        command = commands.poll() if scheduler.busy else commands.get()
        while command is not None:
            if command["op"] == "stop":
                return {}
            scheduler.submit(command)
            command = commands.poll()
        scheduler.step()


if __name__ == "__main__":
    run_from_shell(main)
