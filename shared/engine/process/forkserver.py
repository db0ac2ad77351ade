"""The warm parent: a process that has imported torch once, so that starting an engine costs a fork.

It is single-threaded and computes nothing: OpenMP pools and CUDA contexts do not survive a fork. Engines that are
expected may rehearse in it what all their forks begin with.
The service talks to it over a socket (frames with file descriptors) and hears back on its stdout (JSON lines).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from shared.engine.process.child import become_engine
from shared.engine.process.protocol import protect_stdout

PRELOAD = (
    "torch",
    "transformers.modeling_utils",
    "transformers.generation.utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "transformers.optimization",
    "transformers.trainer_utils",
    "transformers.trainer_pt_utils",
    "accelerate",
    "pydantic",
    "shared.engine.decoding.generate",
    "shared.engine.loading.load",
    "shared.engine.text.template",
    "transformers.conversion_mapping",
)
WITH_ADAPTERS = ("peft", "peft.tuners.lora.bnb", "peft.utils.transformers_weight_conversion")


class WarmParent:
    """Forks engines on request, passes signals on, reaps them and reports how they ended.

    A request is a frame: 4 bytes of length (network order), then JSON; a launch brings four descriptors along.
    """

    def __init__(self, requests: socket.socket, replies: int) -> None:
        self._requests = requests
        self._replies = replies
        self._children: dict[int, int] = {}  # launch id -> pid
        self._wakeup, self._wake = socket.socketpair()
        self._wakeup.setblocking(False)
        self._wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Work until the service closes its end of the socket."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_READ, self._answer)
            selector.register(self._wakeup, selectors.EVENT_READ, self._reap)
            while all(key.data() for key, _ in selector.select()):
                pass

    def _answer(self) -> bool:
        request, pipes = self._receive()
        if request is None:
            return False
        if "target" in request:
            self._launch(request, pipes)
        elif pid := self._children.get(request["id"]):
            send_signal(pid, request["signal"])
        return True

    def _receive(self) -> tuple[dict[str, Any] | None, list[int]]:
        header, pipes, _, _ = socket.recv_fds(self._requests, 4, 4)
        header += _exactly(self._requests, 4 - len(header)) if header else b""
        if len(header) < 4:
            return None, pipes
        (size,) = struct.unpack("!I", header)
        body = _exactly(self._requests, size)
        return (json.loads(body) if len(body) == size else None), pipes

    def _launch(self, request: dict[str, Any], pipes: list[int]) -> None:
        """Fork with SIGTERM held back until the child can turn it into a command."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if pid == 0:
            _live_and_die(request, pipes)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        for pipe in pipes:
            os.close(pipe)
        self._children[request["id"]] = pid
        self._reply(id=request["id"], pid=pid)

    def _reap(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            self._wakeup.recv(4096)
        for launch, pid in list(self._children.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._children[launch]
                send_signal(-pid, signal.SIGKILL)  # what the engine left behind would hold its pipes open
                self._reply(id=launch, exit=os.waitstatus_to_exitcode(status))
        return True

    def _reply(self, **reply: Any) -> None:
        os.write(self._replies, json.dumps(reply).encode() + b"\n")


def preload(modules: Sequence[str] = ()) -> None:
    """Import what most engines need, and these modules; a light install has none of it, and its engines do without.

    peft imports bitsandbytes, which opens a CUDA context where there is a GPU: there each engine imports it itself.
    """
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # asking the CUDA runtime would spoil it for every fork
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy would start threads on import
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it misses a kernel that is not to be fetched
    with contextlib.suppress(ModuleNotFoundError):
        for module in (*PRELOAD, *modules):
            importlib.import_module(module)
        sys.modules["transformers.conversion_mapping"].get_checkpoint_conversion_mapping("llama")  # kept: it takes long
        if not sys.modules["torch"].cuda.is_available():
            for module in WITH_ADAPTERS:
                importlib.import_module(module)
        for module in modules:
            _rehearse(module)
    gc.collect()
    gc.freeze()  # the collector would otherwise copy these pages into every child


def _rehearse(module: str) -> None:
    """Let an engine fill its caches by its `rehearse`, if it has one; where that fails, its forks do it themselves."""
    try:
        getattr(sys.modules[module], "rehearse", lambda: None)()
    except Exception:
        traceback.print_exc()


def main() -> None:
    """`python -m shared.engine.process.forkserver FD [--bare | MODULE...]`: FD is a socket, MODULES are preloaded.

    Signals are ignored: the service's end is ours.
    """
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    replies = protect_stdout()
    if "--bare" not in sys.argv:
        preload(sys.argv[2:])
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        WarmParent(socket.socket(fileno=int(sys.argv[1])), replies).serve()


def _live_and_die(request: dict[str, Any], pipes: list[int]) -> None:
    """The child's whole life; it never returns into the warm parent's loop."""
    status = 1
    try:
        status = become_engine(request, pipes)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def send_signal(pid: int, number: int) -> None:
    """Signal a process, or with a negative `pid` its group.

    SIGKILL takes the process and its group: a child that was forked a moment ago does not lead one yet.
    """
    for target in {pid, -abs(pid)} if number == signal.SIGKILL else {pid}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(target, number)


def _exactly(stream: socket.socket, size: int) -> bytes:
    body = b""
    while len(body) < size and (piece := stream.recv(size - len(body))):
        body += piece
    return body


if __name__ == "__main__":
    main()
