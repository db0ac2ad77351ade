"""A running engine as the service sees it: its messages, commands to it, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.runtime.processes.limits import name_failure
from shared.runtime.processes.oom_kills import count_oom_kills
from shared.runtime.processes.pipes import log_messages, messages_in
from shared.runtime.processes.server_paths import for_tenants
from shared.runtime.processes.watchdog import watched
from shared.runtime.telemetry.engine_spans import EngineSpan

if TYPE_CHECKING:
    from shared.runtime.processes.forkserver import ForkServer

_UNREAD = 64  # buffered messages; with more unread, the child blocks


@dataclass(frozen=True)
class Exit:
    """How a child exited: with `code` (0 for a result, 1 for a failure), or by `signal`."""

    code: int | None
    signal: int | None


@dataclass(frozen=True)
class Ends:
    """The service's ends of a child's pipes."""

    commands: asyncio.StreamWriter
    messages: asyncio.StreamReader
    log: asyncio.StreamReader
    lifeline: io.FileIO

    def close(self) -> None:
        """Close the input and the lifeline; the child's output stays readable."""
        self.commands.close()
        self.lifeline.close()


class Child:
    """A running engine. Read `messages()` once, from start to end; an unread child soon blocks."""

    def __init__(
        self,
        pid: int,
        parent: ForkServer,
        launch: int,
        ends: Ends,
        ended: asyncio.Future[Exit],
        span: EngineSpan,
        limits: Mapping[str, Any],
    ) -> None:
        self.pid = pid
        self._limits = limits
        self._span = span
        self._parent = parent
        self._launch = launch
        self._ends = ends
        self._exit = ended
        self._exit.add_done_callback(lambda _: ends.close())

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the engine's messages in order, and its stderr as log messages, until the child exits.

        An engine that was ended by one of its limits cannot report it: its `failed` message is made here.
        """
        last_log = ""
        merged: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_UNREAD)
        sources = (messages_in(self._ends.messages), log_messages(self._ends.log))
        pumps = [asyncio.create_task(_pump(source, merged)) for source in sources]
        try:
            running = len(pumps)
            while running:
                message = await merged.get()
                if message is None:
                    running -= 1
                elif not self._span.observe(message):
                    message = for_tenants(message)
                    last_log = message["message"] if message["kind"] == "log" else last_log
                    yield message
            number = (await self.wait()).signal
            self._span.end(number)
            if failure := name_failure(number, self._limits["cpu_s"], last_log):
                yield failure
        finally:
            for pump in pumps:
                pump.cancel()
            self._span.end()

    async def answer(self, size: int = 0) -> dict[str, Any] | None:
        """Return its final `result` or `failed` message after its exit; None where it died without one.

        For short engines: cancelling this call kills the engine. One that the kernel kills for memory has failed.
        Raises EngineStalled for one that reads `size` bytes and makes no progress (watchdog.py).
        """
        last, kills = None, count_oom_kills()
        try:
            async for message in watched(self, size):
                last = message if message["kind"] in ("result", "failed") else last
        finally:
            exit = await self.kill()
        if last is None and exit.signal == signal.SIGKILL and count_oom_kills() > kills:
            return {"kind": "failed", "code": "out_of_memory", "detail": "the machine ran out of memory"}
        return last

    async def send(self, command: Mapping[str, Any]) -> None:
        """Send a command, waiting for a slow child. Ignored after its exit."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._ends.commands.write(json.dumps(command).encode() + b"\n")
            await self._ends.commands.drain()

    async def stop(self, grace: float) -> Exit:
        """Ask the engine to checkpoint and exit (SIGTERM); after `grace` seconds kill it and its children."""
        await self._parent.signal(self._launch, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                return await self.wait()
        return await self.kill()

    async def kill(self) -> Exit:
        """Kill the engine and its children."""
        await self._parent.signal(self._launch, signal.SIGKILL)
        return await self.wait()

    async def wait(self) -> Exit:
        """Wait for the child's exit. Keep reading `messages()` meanwhile."""
        return await asyncio.shield(self._exit)

    def on_exit(self, act: Callable[[], None]) -> None:
        """Call `act` after the child's exit."""
        self._exit.add_done_callback(lambda _: act())

    def abandon(self) -> None:
        """Close the lifeline pipe, which ends the engine, without waiting for it."""
        self._ends.close()
        self._span.end()


async def _pump(source: AsyncIterator[dict[str, Any]], merged: asyncio.Queue[dict[str, Any] | None]) -> None:
    async for message in source:
        await merged.put(message)
    await merged.put(None)
