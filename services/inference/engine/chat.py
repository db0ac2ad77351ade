"""The transformers engine process: schedules requests, batches those over one base model, and streams text deltas.

The service starts further processes of it for the op `render` alone (prompt_renderer.py).

Commands: {"op": "generate", "request_id", "project", "model", prompt…, "prompt_field",
"n", "max_tokens", "stop", "logprobs", "stream", sampling…},
{"op": "load", "request_id", "model"}, {"op": "render", "request_id", "model", prompt…}, {"op": "cancel",
"request_id"}, {"op": "unload", "uri"}, {"op": "ping"}. A prompt is "messages" with "tools"?,
"chat_template_kwargs"? and "call_format"?, or "prompts".
Messages: `started` {request_id, prompt_tokens}, `tokens` {deltas: [{request_id, choice, text, logprobs?, tokens?,
finish?, joined? (the number of deltas in one, without "stream")}]}, `computing` {models: [uri], weight_bytes? (while
something is loaded), prompt_tokens?}, `alive` {},
`loaded` {request_id, seconds}, `rendered` {request_id, prompts, stop_ids}, `resident` {memory, models: {uri: bytes}},
`refused` {request_id, code, detail, …}. A command with {"traced": true} also produces a `span` per phase
(timeline.py).

No thread sends a message: each one shows that the loop proceeds. `computing` names what follows, so that the service
knows the model with which the engine hangs or crashes; `alive` answers a ping, or is sent between two layers.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from services.inference.engine.batch import Batch, Command, Prompt, reserved_length
from services.inference.engine.chat_prompt import chat_prompt
from services.inference.engine.device_memory import used_memory
from services.inference.engine.kv_memory import admit, fits
from services.inference.engine.model_cache import LoadedModel, ModelCache
from services.inference.engine.timeline import Timeline
from shared.engine.decoding.generate import Request, decode
from shared.engine.process.protocol import Commands, EngineError, Reporter, failure_code, run_from_shell
from shared.engine.text.template import ChatTemplate

MAX_BATCH_SIZE, MAX_PER_PROJECT = 160, 128
"""Choices that are decoded at once, memory permitting; further requests are queued."""
PREFILL_SLICE_S = 0.1
"""Prompts are computed for so long, at least one chunk, before the running answers proceed by one token."""
MAX_BYTES_PER_PARAMETER = 4


class _Cancelled(Exception):
    """The client of the request that is prefilled has gone."""


@dataclass
class _Prefill:
    """A request whose prompts are computed one after another, long ones in chunks."""

    command: Command
    model: LoadedModel
    prompts: deque[tuple[int, list[int]]]

    @property
    def next(self) -> Prompt:
        """The prompt whose turn it is."""
        index, ids = self.prompts[0]
        return Prompt({**self.command, "first_choice": index * self.command["n"]}, ids, self.model)


class Scheduler:
    """The request queue, the running batches, and the model cache. Projects take turns."""

    def __init__(self, reporter: Reporter, commands: Commands | None = None) -> None:
        """`commands` are polled during a prefill, for its cancellation."""
        self._reporter, self._commands = reporter, commands
        self._postponed: deque[Command] = deque()
        self._prefilling: str | None = None
        self._announced: dict[str, Any] = {}
        self._models = ModelCache(self._proceed)
        self._batches: dict[Any, Batch] = {}
        self._unloading: set[str] = set()
        self._waiting: deque[Command] = deque()
        self._prefills: deque[_Prefill] = deque()
        self._last_turn: dict[str, int] = {}
        """Number of the last request of each project that was started."""
        self._last_prefill: dict[str, int] = {}
        """The same of prompts, or chunks of one, that were computed."""
        self._delayed: dict[str, tuple[Command, LoadedModel, list[list[int]]]] = {}
        """The next request of each project whose next one waits for memory."""
        self._reported_models: dict[str, int] = {}
        self._timeline = Timeline(reporter)

    @property
    def busy(self) -> bool:
        """Whether there is work without a further command."""
        return bool(self._waiting or self._prefills or self._batches or self._delayed)

    def accept(self) -> bool:
        """Submit all commands so far, or the next one if there is no work; False for `stop`."""
        assert self._commands
        while True:
            command = self._postponed.popleft() if self._postponed else self._commands.poll()
            if command is None and self.busy:
                return True
            if command is None:
                self._announce()
                command = self._commands.get()
            if command["op"] == "stop":
                return False
            self.submit(command)

    def submit(self, command: Command) -> None:
        """Accept a command. Slow work is done in `step`."""
        match command["op"]:
            case "ping":
                self._reporter.emit("alive")
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
        """Admit queued requests while the batches are not full, compute prompts, decode one token in every batch."""
        for project in list(self._delayed):
            self._generate(*self._delayed.pop(project))
        started = time.perf_counter()
        while (command := self._take_next()) is not None:
            self._start(command)
            if time.perf_counter() - started > PREFILL_SLICE_S:
                break
        started = time.perf_counter()
        while self._prefills:
            self._prefill(self._take_prefills())
            if time.perf_counter() - started > PREFILL_SLICE_S:
                break
        deltas: list[dict[str, Any]] = []
        for key, batch in list(self._batches.items()):
            self._announce(*batch.uris)
            try:
                batch.extend(lambda length, batch=batch: fits(batch, self._batches.values(), 0, length))  # type: ignore[misc]
                deltas += batch.step()
            except Exception as error:
                failed = batch.request_ids
                self._prefills = deque(each for each in self._prefills if each.command["request_id"] not in failed)
                self._reject(failed, error)
                del self._batches[key]
                continue
            if not batch.size:
                del self._batches[key]
        self._emit_deltas(deltas)
        self._unload_idle()

    def _take_next(self) -> Command | None:
        """The first queued request of the project whose last turn is the longest ago; None where none may start."""
        rows: Counter[str] = sum((batch.rows for batch in self._batches.values()), Counter())
        if rows.total() >= MAX_BATCH_SIZE:
            return None
        held = self._delayed.keys() | {project for project, count in rows.items() if count >= MAX_PER_PROJECT}
        ready = [command for command in self._waiting if _project(command) not in held]
        if not ready:
            return None
        command = min(ready, key=lambda command: self._last_turn.get(_project(command), 0))
        self._waiting.remove(command)
        self._last_turn[_project(command)] = max(self._last_turn.values(), default=0) + 1
        return command

    def _take_prefills(self) -> list[_Prefill]:
        """The first prefill of the project whose last one is the longest ago, and those that join it in turn."""
        taken = [self._take_prefill()]
        batch, key = self._batches[taken[0].model.batch_key], taken[0].model.batch_key
        while self._prefills:
            following = self._next_prefill()
            fits = following.model.batch_key == key and batch.joins(following.next, [each.next for each in taken])
            if not fits:
                break
            taken.append(self._take_prefill())
        return taken

    def _next_prefill(self) -> _Prefill:
        return min(self._prefills, key=lambda each: self._last_prefill.get(_project(each.command), 0))

    def _take_prefill(self) -> _Prefill:
        prefill = self._next_prefill()
        self._prefills.remove(prefill)
        self._last_prefill[_project(prefill.command)] = max(self._last_prefill.values(), default=0) + 1
        return prefill

    def _used(self) -> set[LoadedModel]:
        """Return the models that are generating, or about to."""
        coming = {model for _, model, _ in self._delayed.values()} | {prefill.model for prefill in self._prefills}
        return coming | {model for batch in self._batches.values() for model in batch.models}

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
        self._announce(uri, **({"weight_bytes": 0} if command["op"] == "render" else {}))
        try:
            if command["op"] == "render":
                self._render(command)
                return
            loaded = self._models.find(uri)
            if command["op"] == "load" or loaded is None or not loaded.attached:
                self._timeline.start_phase(request_id, "load model")
                self._announce(uri, weight_bytes=int(command["model"]["parameters"]) * MAX_BYTES_PER_PARAMETER)
            model = self._models.get(command["model"], self._used())
            self._unloading.discard(uri)
            self._report_models()
            if command["op"] == "load":
                _warm_up(model)
                seconds = time.perf_counter() - started
                self._timeline.finish(request_id)
                self._reporter.emit("loaded", request_id=request_id, seconds=seconds)
                return
            prompts = _prompts(command, model.tokenizer, model.template)
        except Exception as error:
            self._reject({request_id}, error, _prompt_field(command))
            return
        self._generate(command, model, prompts)

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

    def _generate(self, command: Command, model: LoadedModel, prompts: list[list[int]]) -> None:
        """Start the request, or keep it as the next one until there is memory."""
        try:
            length = max(reserved_length(command, ids, model.base) for ids in prompts)
            if not admit(len(prompts) * command["n"], length, model, self._batches, self._models):
                self._delayed[_project(command)] = command, model, prompts
                return
            total = sum(len(ids) for ids in prompts)
            self._reporter.emit("started", request_id=command["request_id"], prompt_tokens=total)
            choices = len(prompts) * command["n"]
            self._timeline.start_phase(command["request_id"], "prefill", choices=choices)
            batch = self._batches.setdefault(model.batch_key, Batch(model.base))
            batch.reserve(command, choices, length)
            self._prefills.append(_Prefill(command, model, deque(enumerate(prompts))))
        except Exception as error:
            self._reject({command["request_id"]}, error, _prompt_field(command))

    def _prefill(self, prefills: list[_Prefill]) -> None:
        """Compute the next prompts of requests, or a chunk of a single one; a request with more waits for its turn."""
        batch, prompts = self._batches[prefills[0].model.batch_key], [prefill.next for prefill in prefills]
        uris = {prompt.command["model"]["uri"] for prompt in prompts}
        command = prompts[0].command
        request_id = command["request_id"]
        try:
            self._announce(*uris, prompt_tokens=sum(batch.chunk(prompt) for prompt in prompts))
            self._prefilling = request_id if len(prompts) == 1 else None
            deltas = batch.add(prompts, PREFILL_SLICE_S)
        except _Cancelled:
            batch.cancel(request_id)
            self._timeline.finish(request_id)
        except Exception as error:
            if len(prefills) > 1:  # one at a time, so that only the request with the fault is refused
                for prefill in prefills:
                    self._prefill([prefill])
                return
            batch.cancel(request_id)
            self._reject({request_id}, error, _prompt_field(command))
        else:
            for prefill in prefills:
                self._computed(prefill, whole=deltas is not None)
            self._emit_deltas(deltas or [])
        finally:
            self._prefilling = None

    def _computed(self, prefill: _Prefill, *, whole: bool) -> None:
        if whole:
            prefill.prompts.popleft()
        if prefill.prompts:
            self._prefills.append(prefill)
        else:
            self._timeline.start_phase(prefill.command["request_id"], "decode")

    def _announce(self, *uris: str, **size: int) -> None:
        """Name the models that are computed from here on, if they are others than before."""
        work = {"models": sorted(uris), **size}
        if work != self._announced:
            self._announced = work
            self._reporter.emit("computing", **work)

    def _proceed(self) -> None:
        """Between two layers: show that the work proceeds, and end the prefill of a request that was cancelled."""
        if not self._reporter.alive() or self._commands is None:
            return
        cancelled = False
        while (command := self._commands.poll()) is not None:
            self._postponed.append(command)
            cancelled |= command["op"] == "cancel" and command["request_id"] == self._prefilling
        if cancelled:
            raise _Cancelled

    def _cancel(self, request_id: str) -> None:
        self._waiting = deque(command for command in self._waiting if command["request_id"] != request_id)
        delayed = self._delayed.items()
        self._delayed = {project: each for project, each in delayed if each[0]["request_id"] != request_id}
        self._prefills = deque(prefill for prefill in self._prefills if prefill.command["request_id"] != request_id)
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


def _project(command: Command) -> str:
    return str(command.get("project", ""))


def _prompt_field(command: Command) -> str:
    return str(command.get("prompt_field") or ("messages" if "messages" in command else "prompt"))


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
    scheduler = Scheduler(reporter, commands)
    while scheduler.accept():
        scheduler.step()
    return {}


if __name__ == "__main__":
    run_from_shell(main)
