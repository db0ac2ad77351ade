"""One engine child: started on first use, again after a death; its messages are handed to the requests they answer."""

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

from services.inference.errors import EngineBusy, EngineLost, refusal
from services.inference.protocol import EngineState
from shared.runtime.processes.children import Child
from shared.runtime.resources import Resources
from shared.runtime.telemetry.tracing import context_of, record, traceparent, within

log = structlog.get_logger(__name__)

Message = dict[str, Any]
TARGET = "services.inference.engine.chat:main"
MOST_OPEN = 128
"""Requests that run or wait; the next one is told to come back."""
SILENCE = 120.0
"""Seconds without a word from a busy engine after which it is ended. While it loads a model it says so."""
GRACE = 5.0


@dataclass
class _Request:
    """An open request: the span above it, what came for it, and the engine that it was sent to."""

    parent: Context
    messages: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    child: Child | None = None


class Supervisor:
    """Talks to the engine in the name of many requests."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._folder = resources.scratch / "inference"
        self._child: Child | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._open: dict[str, _Request] = {}
        self._heard = 0.0
        self.resident: Message = {}
        """The engine's last word on its memory and models."""

    @property
    def state(self) -> EngineState:
        """Whether there is an engine."""
        return "ready" if self._child else "starting" if self._starting.locked() else "idle"

    async def run(self, command: Mapping[str, Any], span: str | None = None) -> AsyncIterator[Message]:
        """Send a command; its messages until the caller stops listening, which cancels what still runs.

        The engine's phases become spans below `span` (a traceparent), or below the current one.
        Raises EngineBusy, EngineLost, and what the engine refused.
        """
        async with self._opened(context_of(span or traceparent())) as (request_id, request):
            request.child = child = await self._running()
            if len(self._open) == 1:  # an idle engine has nothing to say
                self._heard = time.monotonic()
            traced = trace.get_current_span(request.parent).get_span_context().trace_flags.sampled
            await child.send({**command, "request_id": request_id, "traced": traced})
            try:
                while True:
                    yield await self._next(request)
            finally:
                await child.send({"op": "cancel", "request_id": request_id})

    async def ask(self, command: Mapping[str, Any]) -> Message:
        """Send a command that has one answer; a second time when the engine dies under it."""
        try:
            return await self._answer(command)
        except EngineLost:
            return await self._answer(command)

    async def tell(self, command: Mapping[str, Any]) -> None:
        """Send a command without an answer, if an engine runs."""
        if self._child is not None:
            await self._child.send(command)

    async def close(self) -> None:
        """End the engine."""
        child, self._child = self._child, None
        if child is not None:
            await child.stop(GRACE)
        if self._reading is not None:
            await self._reading

    async def _answer(self, command: Mapping[str, Any]) -> Message:
        async with aclosing(self.run(command)) as messages:  # type: ignore[type-var]
            return await anext(messages)

    @asynccontextmanager
    async def _opened(self, parent: Context) -> AsyncIterator[tuple[str, _Request]]:
        if len(self._open) >= MOST_OPEN:
            raise EngineBusy("Too many requests wait already.", limit=MOST_OPEN, remedy="Try again in a few seconds.")
        request_id, request = uuid.uuid4().hex, _Request(parent)
        self._open[request_id] = request
        try:
            yield request_id, request
        finally:
            del self._open[request_id]

    async def _next(self, request: _Request) -> Message:
        """What comes next for a request; an engine that is silent for too long is ended, which is also an answer."""
        while True:
            patience = self._heard + SILENCE - time.monotonic()
            try:
                async with asyncio.timeout(max(patience, 0.01)):
                    message = await request.messages.get()
            except TimeoutError:
                if request.child and time.monotonic() - self._heard >= SILENCE:
                    log.warning("engine_silent", engine="inference", seconds=SILENCE)
                    await request.child.kill()
                continue
            if message["kind"] == "refused":
                raise refusal(message)
            if message["kind"] == "lost":
                remedy = "Send the request again; the engine is started anew."
                raise EngineLost(f"The engine ended under this request ({message['how']}).", remedy=remedy)
            return message

    async def _running(self) -> Child:
        async with self._starting:
            if self._child is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                with within(Context()):  # it lives for many requests, and belongs to none
                    self._child = await self._resources.engines.launch(TARGET, {}, cwd=self._folder)
                    self._reading = asyncio.create_task(self._read(self._child))
                self._heard = time.monotonic()
            return self._child

    async def _read(self, child: Child) -> None:
        """Hand messages out until the child has ended, then tell every request that was sent to it."""
        async for message in child.messages():
            self._heard = time.monotonic()
            self._hand_out(message)
        exit = await child.wait()
        how = f"signal {exit.signal}" if exit.signal else f"status {exit.code}"
        if self._child is child:
            log.warning("engine_ended", engine="inference", how=how, open=len(self._open))
            self._child, self.resident = None, {}
        for request in self._open.values():
            if request.child is child:
                request.messages.put_nowait({"kind": "lost", "how": how})

    def _hand_out(self, message: Message) -> None:
        match message["kind"]:
            case "tokens":
                for delta in message["deltas"]:
                    self._to(delta["request_id"], {"kind": "text", **delta})
            case "span":
                if request := self._open.get(message["request_id"]):
                    record(message, request.parent)
            case "started" | "loaded" | "rendered" | "refused":
                self._to(message["request_id"], message)
            case "resident":
                self.resident = message
            case "log":
                log.info("engine_said", engine="inference", level=message["level"], message=message["message"])

    def _to(self, request_id: str, message: Message) -> None:
        if request := self._open.get(request_id):
            request.messages.put_nowait(message)
