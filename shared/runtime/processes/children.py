"""The service's side of its engines: launch through the forkserver, read messages, send commands, stop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from shared.runtime.errors import AnnealError
from shared.runtime.processes.cpu_limit import usable_cpus
from shared.runtime.processes.limits import DefaultLimits, Limits, Sandbox, name_failure
from shared.runtime.processes.machine import gpus
from shared.runtime.processes.oom_kills import count_oom_kills
from shared.runtime.processes.pipes import log_messages, messages_in, read_end, write_end
from shared.runtime.processes.server_paths import for_tenants
from shared.runtime.processes.watchdog import watched
from shared.runtime.telemetry.engine_spans import EngineSpan

_ROOT = Path(__file__).resolve().parents[3]
_KEPT = frozenset(("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "HF_HOME"))
_KEPT_PREFIXES = ("PYTHON", "CUDA_", "NVIDIA_", "OMP_", "MKL_")
_WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}  # idle threads sleep; spinning on shared cores made decoding 50 times slower
_MERGING = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
"""Freed memory is merged with its neighbors instead of cached per thread (docs/experiments.md)."""
SHORT_ENGINES = max(2, usable_cpus())
"""Maximum concurrent engines of requests (checks, previews, counts); others wait in order."""
EXIT_TIMEOUT_S = 10.0
"""Seconds that closing waits for killed engines: a forkserver without file descriptors may have lost one."""
_UNREAD = 64  # buffered messages; with more unread, the child blocks


class EngineUnavailable(AnnealError):
    """This installation lacks the packages that the engine needs."""

    status = 503
    code = "engine_unavailable"


@dataclass(frozen=True)
class Exit:
    """How a child exited: with `code` (0 for a result, 1 for a failure), or by `signal`."""

    code: int | None
    signal: int | None


class Child:
    """A running engine. Read `messages()` once, from start to end; an unread child soon blocks."""

    def __init__(
        self,
        pid: int,
        parent: _ForkServer,
        launch: int,
        ends: _Ends,
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


class Engines:
    """Starts engines in forks: of a forkserver that has torch imported, or of a bare one where they need no torch."""

    def __init__(self, limits: DefaultLimits | None = None) -> None:
        self._limits, self._sandbox = limits or DefaultLimits(), Sandbox()
        self._parents: dict[bool, _ForkServer] = {}  # by whether torch is imported
        self._preloaded: list[str] = []
        self._starting = asyncio.Lock()
        self._short = asyncio.Semaphore(SHORT_ENGINES)

    def preload(self, target: str) -> None:
        """Let forkservers that start from now on import this engine too.

        Its module must not start threads or run tensor operations at import.
        """
        self._preloaded.append(target.partition(":")[0])

    def forkserver_pid(self, *, torch: bool = True) -> int | None:
        """The process id of the forkserver, or of the bare one; None where it has not been started."""
        return self._parents[torch].pid if torch in self._parents else None

    async def missing_limits(self) -> list[str]:
        """Limits of engines that this machine does not allow, such as "no network namespace"."""
        return await self._sandbox.missing()

    async def start(self) -> None:
        """Spawn the forkserver and return; its imports go on meanwhile, and a launch waits for them."""
        await self._parent(torch=True)

    async def close(self) -> None:
        """End all engines and their parents."""
        while self._parents:
            await self._parents.popitem()[1].close()

    async def launch(
        self,
        target: str,
        spec: Mapping[str, Any],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        requires: Sequence[str] = ("torch", "transformers", "peft"),
        limits: Limits = Limits(),
        short: bool = False,
    ) -> Child:
        """Start `target` ("package.module:function") with `spec` in the existing folder `cwd`, within its `limits`.

        The child's environment is a short list of harmless variables plus `env`. Raises EngineUnavailable where
        one of the packages it `requires` is not installed. What needs no torch still takes a fork that has
        transformers imported, where there is one. A `short` engine counts among SHORT_ENGINES until its exit, so its
        caller must not launch another one meanwhile.
        """
        if missing := [name for name in requires if importlib.util.find_spec(name) is None]:
            raise EngineUnavailable(
                f"this needs {', '.join(missing)}, and this is a light installation",
                remedy='pip install "anneal[engine]"' if missing != ["ray"] else 'pip install "anneal[engine,ray]"',
            )
        env = {**clean_environment(), **(env or {})}
        confined = self._limits.resolve(limits, cwd, uses_gpu=env.get("CUDA_VISIBLE_DEVICES") != "" and bool(gpus()))
        request = {"target": target, "cwd": str(cwd), "env": env, "limits": confined}
        span = EngineSpan(target)
        torch = "torch" in requires or ("transformers" in requires and True in self._parents)
        if short:
            await self._short.acquire()
        starting = asyncio.create_task(self._launch(request, spec, span, torch=torch))
        if short:
            starting.add_done_callback(self._release_short)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_abandon)
            raise

    def _release_short(self, starting: asyncio.Task[Child]) -> None:
        """Release the place of a launch that failed, or at the exit of its child."""
        if starting.cancelled() or starting.exception():
            self._short.release()
        else:
            starting.result().on_exit(self._short.release)

    async def _launch(
        self, request: dict[str, Any], spec: Mapping[str, Any], span: EngineSpan, *, torch: bool
    ) -> Child:
        """Launch, once more if the parent died under the request; the spec is the first command."""
        parent = await self._parent(torch=torch)
        try:
            child = await parent.launch(request, span)
        except ConnectionError:
            await parent.ended()  # or the next one would be this one again
            child = await (await self._parent(torch=torch)).launch(request, span)
        await child.send(spec)
        return child

    async def _parent(self, *, torch: bool) -> _ForkServer:
        async with self._starting:
            if torch not in self._parents or self._parents[torch].gone:
                self._parents[torch] = await _ForkServer.spawn(self._preloaded if torch else ["--bare"])
            return self._parents[torch]


@dataclass(frozen=True)
class _Ends:
    """The service's ends of a child's pipes."""

    commands: asyncio.StreamWriter
    messages: asyncio.StreamReader
    log: asyncio.StreamReader
    lifeline: io.FileIO

    def close(self) -> None:
        """Close the input and the lifeline; the child's output stays readable."""
        self.commands.close()
        self.lifeline.close()


class _ForkServer:
    """One life of the forkserver process: requests down a socket, replies up its stdout."""

    def __init__(self, process: asyncio.subprocess.Process, requests: socket.socket) -> None:
        self.pid = process.pid
        self.gone = False
        self._process = process
        self._requests = requests
        self._sending = asyncio.Lock()
        self._launches = count(1)
        self._pids: dict[int, asyncio.Future[int | None]] = {}  # None: the forkserver ended first
        self._exits: dict[int, asyncio.Future[Exit]] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def spawn(cls, arguments: Sequence[str]) -> _ForkServer:
        """A session of its own keeps the terminal's Ctrl-C away; the clean environment keeps secrets away."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "shared.engine.process.forkserver", str(theirs.fileno()), *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                env=clean_environment(),
                start_new_session=True,
            )
        ours.setblocking(False)
        return cls(process, ours)

    async def launch(self, request: dict[str, Any], span: EngineSpan) -> Child:
        """Fork one child; raises ConnectionError if the forkserver dies meanwhile, OSError without free descriptors."""
        loop = asyncio.get_running_loop()
        launch = next(self._launches)
        (commands_r, commands_w), (messages_r, messages_w), (log_r, log_w), (lifeline_r, lifeline_w) = _pipes(4)
        forked = self._pids[launch] = loop.create_future()
        ended = self._exits[launch] = loop.create_future()
        theirs = [commands_r, messages_w, log_w, lifeline_r]
        ends = _Ends(
            await write_end(commands_w), await read_end(messages_r), await read_end(log_r), io.FileIO(lifeline_w, "w")
        )
        try:
            await self._post({"id": launch, **request}, theirs)
        except OSError:
            self._pids.pop(launch, None), self._exits.pop(launch, None)
            ends.close()
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        if (pid := await forked) is None:
            ends.close()
            raise ConnectionResetError("the forkserver ended")
        return Child(pid, self, launch, ends, ended, span, request["limits"])

    async def signal(self, launch: int, number: int) -> None:
        """Signal a child that has not been reaped; its reaper sends it, so the pid cannot be someone else's."""
        if not self.gone and launch in self._exits:
            with contextlib.suppress(ConnectionError):
                await self._post({"id": launch, "signal": number}, [])

    async def close(self) -> None:
        """End the children, then the process, which holds no state of its own."""
        running = list(self._exits.values())
        for launch in list(self._exits):
            await self.signal(launch, signal.SIGKILL)
        if running:
            await asyncio.wait(running, timeout=EXIT_TIMEOUT_S)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._listening

    async def ended(self) -> None:
        """Wait until the process has gone and its children are accounted for."""
        await asyncio.shield(self._listening)

    async def _post(self, request: dict[str, Any], fds: list[int]) -> None:
        body = json.dumps(request).encode()
        frame = struct.pack("!I", len(body)) + body
        async with self._sending:
            if self.gone:
                raise ConnectionResetError("the forkserver ended")
            sent = await self._send_first(frame, fds)
            await asyncio.get_running_loop().sock_sendall(self._requests, frame[sent:])

    async def _send_first(self, frame: bytes, fds: list[int]) -> int:
        """Send descriptors with the frame's first bytes; while the forkserver imports, the socket may be full."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return socket.send_fds(self._requests, [frame], fds)
            except BlockingIOError:
                writable = asyncio.Event()
                loop.add_writer(self._requests, writable.set)
                await writable.wait()
                loop.remove_writer(self._requests)

    async def _listen(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            reply = json.loads(line)
            if "pid" in reply:
                self._pids.pop(reply["id"]).set_result(reply["pid"])
            else:
                self._exits.pop(reply["id"]).set_result(_exit_of(reply["exit"]))
        await self._end()

    async def _end(self) -> None:
        """Without its reaper a child can be neither signalled nor accounted for: closing lifelines ends them all."""
        self.gone = True
        for pid in self._pids.values():
            pid.set_result(None)
        for end in self._exits.values():
            end.set_result(Exit(None, signal.SIGKILL))
        self._exits.clear()
        async with self._sending:
            self._requests.close()
        await self._process.wait()


def _pipes(count: int) -> list[tuple[int, int]]:
    """Open so many pipes, or none."""
    opened: list[tuple[int, int]] = []
    try:
        for _ in range(count):
            opened.append(os.pipe())
    except OSError:
        for fd in (end for pipe in opened for end in pipe):
            os.close(fd)
        raise
    return opened


def clean_environment() -> dict[str, str]:
    """The environment without credentials and settings of the service; model hubs are out of bounds."""
    kept = {k: v for k, v in os.environ.items() if k in _KEPT or k.startswith(_KEPT_PREFIXES)}
    ours = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**_WAITING, **_MERGING, **_threads(), **kept, **ours}


def _threads() -> dict[str, str]:
    """Limit the threads to the CPU quota, if there is one."""
    most = usable_cpus()
    return {"OMP_NUM_THREADS": str(most)} if most < len(os.sched_getaffinity(0)) else {}


def _exit_of(code: int) -> Exit:
    return Exit(code, None) if code >= 0 else Exit(None, -code)


def _abandon(starting: asyncio.Task[Child]) -> None:
    """End a child whose launch was cancelled by closing its lifeline."""
    if not starting.cancelled() and starting.exception() is None:
        starting.result().abandon()


async def _pump(source: AsyncIterator[dict[str, Any]], merged: asyncio.Queue[dict[str, Any] | None]) -> None:
    async for message in source:
        await merged.put(message)
    await merged.put(None)
