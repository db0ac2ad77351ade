"""Supervises one engine child process: starts it on first use, restarts it after a crash, and routes its messages."""

import asyncio
import signal
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.context import Context

from services.inference.errors import EngineBusy, EngineLost, error_from_engine
from services.inference.protocol import EngineState
from services.inference.quarantine import Quarantine
from shared.runtime.processes.children import Child
from shared.runtime.processes.watchdog import BYTES_PER_S, PACE_FACTOR
from shared.runtime.resources import Resources
from shared.runtime.telemetry.tracing import context_of, record, traceparent, within

log = structlog.get_logger(__name__)

Message = dict[str, Any]
ENGINE_TARGET = "services.inference.engine.chat:main"
MAX_OPEN_REQUESTS, MAX_OPEN_PER_PROJECT = 512, 128
"""Requests that run or are queued; further requests get EngineBusy."""
PING_INTERVAL_S = 2.0
STALL_LIMIT_S, LOAD_LIMIT_S = 10.0, 60.0
"""Seconds without an answer after which an engine that computes, or that starts or loads a model, is replaced."""
PROMPT_TOKENS_PER_S = 100.0
"""Slowest rate for a layer, where a prompt is computed in one pass."""
CRASHES = frozenset((signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL))
"""Signals that show a fault of what was computed; SIGKILL comes from elsewhere."""
SHUTDOWN_GRACE_S = 5.0
STARTING: Message = {"models": [], "weight_bytes": 0}


@dataclass
class _OpenRequest:
    """An open request: its parent span, its received messages, and the engine process that handles it."""

    parent: Context
    project: str
    messages: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    child: Child | None = None


class Supervisor:
    """Multiplexes many requests over one engine process."""

    def __init__(self, resources: Resources, name: str = "inference") -> None:
        """`name` is that of its folder and in the log."""
        self._resources, self._name = resources, name
        self._folder = resources.scratch / name
        self._child: Child | None = None
        self._reader: asyncio.Task[None] | None = None
        self._start_lock = asyncio.Lock()
        self._open: dict[str, _OpenRequest] = {}
        self._silent_s, self._longest_s, self._stalled = 0.0, 0.0, False
        self._computing = STARTING
        self.quarantine = Quarantine()
        self.memory_report: Message = {}
        """The engine's latest report of its memory and models."""

    @property
    def is_idle(self) -> bool:
        """Whether no request is open."""
        return not self._open

    @property
    def state(self) -> EngineState:
        """Whether an engine process is running."""
        return "ready" if self._child else "starting" if self._start_lock.locked() else "idle"

    async def stream(self, command: Mapping[str, Any], parent_span: str | None = None) -> AsyncIterator[Message]:
        """Send a command and yield its messages. Closing the iterator cancels the command.

        The engine's phases become children of `parent_span` (a traceparent), or of the current span. Raises EngineBusy,
        EngineLost, ModelQuarantined, and the errors that the engine reports.
        """
        self.quarantine.require_free(command["model"]["uri"])
        parent, project = context_of(parent_span or traceparent()), str(command.get("project", ""))
        async with self._open_request(parent, project) as (request_id, request):
            request.child = child = await self._ensure_running()
            traced = trace.get_current_span(request.parent).get_span_context().trace_flags.sampled
            await child.send({**command, "request_id": request_id, "traced": traced})
            try:
                while True:
                    yield await self._next_message(request)
            finally:
                await child.send({"op": "cancel", "request_id": request_id})

    async def request(self, command: Mapping[str, Any]) -> Message:
        """Send a command and return its single reply; retry once if the engine dies."""
        try:
            return await self._request_once(command)
        except EngineLost:
            return await self._request_once(command)

    async def notify(self, command: Mapping[str, Any]) -> None:
        """Send a command that has no reply, if an engine is running."""
        if self._child is not None:
            await self._child.send(command)

    async def close(self) -> None:
        """Stop the engine."""
        child, self._child = self._child, None
        if child is not None:
            await child.stop(SHUTDOWN_GRACE_S)
        if self._reader is not None:
            await self._reader

    async def _request_once(self, command: Mapping[str, Any]) -> Message:
        async with aclosing(self.stream(command)) as messages:  # type: ignore[type-var]
            return await anext(messages)

    @asynccontextmanager
    async def _open_request(self, parent: Context, project: str) -> AsyncIterator[tuple[str, _OpenRequest]]:
        own = sum(request.project == project for request in self._open.values())
        if own >= MAX_OPEN_PER_PROJECT or len(self._open) >= MAX_OPEN_REQUESTS:
            limit = MAX_OPEN_PER_PROJECT if own >= MAX_OPEN_PER_PROJECT else MAX_OPEN_REQUESTS
            raise EngineBusy("Too many requests are queued.", limit=limit, remedy="Try again in a few seconds.")
        request_id, request = uuid.uuid4().hex, _OpenRequest(parent, project)
        self._open[request_id] = request
        try:
            yield request_id, request
        finally:
            del self._open[request_id]

    async def _next_message(self, request: _OpenRequest) -> Message:
        message = await request.messages.get()
        if message["kind"] == "refused":
            raise error_from_engine(message)
        if message["kind"] == "lost":
            remedy = "Send the request again; the engine restarts."
            raise EngineLost(f"The engine ended during this request ({message['how']}).", remedy=remedy)
        return message

    async def _ensure_running(self) -> Child:
        async with self._start_lock:
            if self._child is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                with within(Context()):  # the process outlives the request that starts it
                    self._child = await self._resources.engines.launch(ENGINE_TARGET, {}, cwd=self._folder)
                    self._reader = asyncio.create_task(self._read(self._child))
            return self._child

    async def _read(self, child: Child) -> None:
        """Dispatch messages until the process ends, then notify every request that it was handling."""
        failure, self._silent_s, self._longest_s, self._stalled, self._computing = "", 0.0, 0.0, False, STARTING
        watching = asyncio.create_task(self._watch(child))
        async for message in child.messages():
            if message["kind"] != "log":
                if "weight_bytes" not in self._computing:
                    self._longest_s = max(self._longest_s, self._silent_s)
                self._silent_s = 0.0
            self._dispatch(message)
            failure = message["detail"] if message["kind"] == "failed" else failure
        exit = await child.wait()
        how = failure or (f"signal {exit.signal}" if exit.signal else f"status {exit.code}")
        watching.cancel()
        if self._stalled:
            how = f"it did not answer for {self._silent_s:.0f} seconds"
            self.quarantine.report_hang(self._computing["models"], self._silent_s)
        elif exit.signal in CRASHES:
            self.quarantine.report_crash(self._computing["models"], how)
        if self._child is child:
            log.warning("engine_ended", engine=self._name, how=how, open=len(self._open))
            self._child, self.memory_report = None, {}
        for request in self._open.values():
            if request.child is child:
                request.messages.put_nowait({"kind": "lost", "how": how})

    async def _watch(self, child: Child) -> None:
        """Ping the engine until it does not answer for too long, then kill it.

        Its loop answers, between two layers or tokens. Neither a new request nor a disconnect changes the clock, in
        which a pause of this process counts as one interval.
        """
        while self._silent_s < stall_limit(self._computing, self._longest_s):
            started = time.monotonic()
            with suppress(TimeoutError):  # its input is full
                async with asyncio.timeout(PING_INTERVAL_S):
                    await child.send({"op": "ping"})
            await asyncio.sleep(started + PING_INTERVAL_S - time.monotonic())
            self._silent_s += min(time.monotonic() - started, PING_INTERVAL_S)
        log.warning("engine_stalled", engine=self._name, seconds=self._silent_s, **self._computing)
        self._stalled = True
        await child.kill()

    def _dispatch(self, message: Message) -> None:
        match message["kind"]:
            case "computing":
                self._computing = message
            case "tokens":
                for delta in message["deltas"]:
                    self._deliver(delta["request_id"], {"kind": "text", **delta})
            case "span":
                if request := self._open.get(message["request_id"]):
                    record(message, request.parent)
            case "started" | "loaded" | "rendered" | "refused":
                self._deliver(message["request_id"], message)
            case "resident":
                self.memory_report = message
            case "log":
                log.info("engine_log", engine=self._name, level=message["level"], message=message["message"])

    def _deliver(self, request_id: str, message: Message) -> None:
        if request := self._open.get(request_id):
            request.messages.put_nowait(message)


def stall_limit(computing: Message, longest_s: float) -> float:
    """The seconds that an engine may be silent during what it reported as `computing`.

    `longest_s` is its longest silence so far; a multiple of it is allowed, because layers may be slow.
    """
    if "weight_bytes" in computing:
        return LOAD_LIMIT_S + int(computing["weight_bytes"]) / BYTES_PER_S
    paced = max(STALL_LIMIT_S, min(LOAD_LIMIT_S, PACE_FACTOR * longest_s))
    return paced + int(computing.get("prompt_tokens", 0)) / PROMPT_TOKENS_PER_S
