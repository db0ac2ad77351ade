"""The service's side of a forkserver process: launches, signals and exits of its children."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from shared.runtime.processes.child import Child, Ends, Exit
from shared.runtime.processes.cpu_limit import usable_cpus
from shared.runtime.processes.pipes import read_end, write_end
from shared.runtime.telemetry.engine_spans import EngineSpan

_ROOT = Path(__file__).resolve().parents[3]
_KEPT = frozenset(("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "HF_HOME"))
_KEPT_PREFIXES = ("PYTHON", "CUDA_", "NVIDIA_", "OMP_", "GOMP_", "MKL_")
_WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}
"""Idle threads sleep after some 0.1 ms: endless spinning on shared cores made decoding 50 times slower, and on idle
cores waking a thread for each layer takes as long as its product (docs/experiments.md)."""
_MERGING = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
"""Freed memory is merged with its neighbors instead of cached per thread (docs/experiments.md)."""
EXIT_TIMEOUT_S = 10.0
"""Seconds that closing waits for killed engines: a forkserver without file descriptors may have lost one."""


class ForkServer:
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
    async def spawn(cls, arguments: Sequence[str]) -> ForkServer:
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
        ends = Ends(
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
    kept = {k: v for k, v in kept.items() if v or not k.startswith("OMP_")}  # empty, OpenMP takes them for unset
    ours = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    waiting = {} if kept.get("OMP_WAIT_POLICY", "").upper() == "ACTIVE" else _WAITING  # the count would override it
    return {**waiting, **_MERGING, **_threads(), **kept, **ours}


def _threads() -> dict[str, str]:
    """Limit the threads to the CPU quota, if there is one."""
    most = usable_cpus()
    return {"OMP_NUM_THREADS": str(most)} if most < len(os.sched_getaffinity(0)) else {}


def _exit_of(code: int) -> Exit:
    return Exit(code, None) if code >= 0 else Exit(None, -code)
