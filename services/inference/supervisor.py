"""Supervises one engine child process: starts it on first use, restarts it after a crash, and routes its messages."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.context import Context

from services.inference.errors import EngineBusy, EngineLost, error_from_engine
from services.inference.protocol import EngineState
from shared.runtime.processes.children import Child
from shared.runtime.resources import Resources
from shared.runtime.telemetry.tracing import context_of, record, traceparent, within

log = structlog.get_logger(__name__)

Message = dict[str, Any]
ENGINE_TARGET = "services.inference.engine.chat:main"
MAX_OPEN_REQUESTS = 128
"""Requests that run or are queued; further requests get EngineBusy."""
SILENCE_TIMEOUT_S = 120.0
"""Seconds without a message after which a busy engine is killed. While loading a model it sends heartbeats."""
SHUTDOWN_GRACE_S = 5.0


@dataclass
class _OpenRequest:
    """An open request: its parent span, its received messages, and the engine process that handles it."""

    parent: Context
    messages: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    child: Child | None = None


class Supervisor:
    """Multiplexes many requests over one engine process."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._folder = resources.scratch / "inference"
        self._child: Child | None = None
        self._reader: asyncio.Task[None] | None = None
        self._start_lock = asyncio.Lock()
        self._open: dict[str, _OpenRequest] = {}
        self._last_message_at = 0.0
        self.memory_report: Message = {}
        """The engine's latest report of its memory and models."""

    @property
    def state(self) -> EngineState:
        """Whether an engine process is running."""
        return "ready" if self._child else "starting" if self._start_lock.locked() else "idle"

    async def stream(self, command: Mapping[str, Any], parent_span: str | None = None) -> AsyncIterator[Message]:
        """Send a command and yield its messages. Closing the iterator cancels the command.

        The engine's phases become children of `parent_span` (a traceparent), or of the current span. Raises EngineBusy,
        EngineLost, and the errors that the engine reports.
        """
        async with self._open_request(context_of(parent_span or traceparent())) as (request_id, request):
            request.child = child = await self._ensure_running()
            if len(self._open) == 1:  # an idle engine sends no messages, so its silence starts now
                self._last_message_at = time.monotonic()
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
    async def _open_request(self, parent: Context) -> AsyncIterator[tuple[str, _OpenRequest]]:
        if len(self._open) >= MAX_OPEN_REQUESTS:
            raise EngineBusy(
                "Too many requests are queued.", limit=MAX_OPEN_REQUESTS, remedy="Try again in a few seconds."
            )
        request_id, request = uuid.uuid4().hex, _OpenRequest(parent)
        self._open[request_id] = request
        try:
            yield request_id, request
        finally:
            del self._open[request_id]

    async def _next_message(self, request: _OpenRequest) -> Message:
        """Wait for a request's next message. An engine that is silent for too long is killed, ending its requests."""
        while True:
            remaining_s = self._last_message_at + SILENCE_TIMEOUT_S - time.monotonic()
            try:
                async with asyncio.timeout(max(remaining_s, 0.01)):
                    message = await request.messages.get()
            except TimeoutError:
                if request.child and time.monotonic() - self._last_message_at >= SILENCE_TIMEOUT_S:
                    log.warning("engine_silent", engine="inference", seconds=SILENCE_TIMEOUT_S)
                    await request.child.kill()
                continue
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
                self._last_message_at = time.monotonic()
            return self._child

    async def _read(self, child: Child) -> None:
        """Dispatch messages until the process ends, then notify every request that it was handling."""
        failure = ""
        async for message in child.messages():
            self._last_message_at = time.monotonic()
            self._dispatch(message)
            failure = message["detail"] if message["kind"] == "failed" else failure
        exit = await child.wait()
        how = failure or (f"signal {exit.signal}" if exit.signal else f"status {exit.code}")
        if self._child is child:
            log.warning("engine_ended", engine="inference", how=how, open=len(self._open))
            self._child, self.memory_report = None, {}
        for request in self._open.values():
            if request.child is child:
                request.messages.put_nowait({"kind": "lost", "how": how})

    def _dispatch(self, message: Message) -> None:
        match message["kind"]:
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
                log.info("engine_log", engine="inference", level=message["level"], message=message["message"])

    def _deliver(self, request_id: str, message: Message) -> None:
        if request := self._open.get(request_id):
            request.messages.put_nowait(message)
