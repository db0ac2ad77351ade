"""The preloaded forkserver: a process that has imported torch once, so that starting an engine costs only a fork.

It stays single-threaded and computes nothing, because OpenMP thread pools and CUDA contexts do not survive a fork. An
engine module may define `prewarm`, which runs here once and fills caches that all its forks inherit. The service sends
requests over a socket (frames with file descriptors) and reads replies from the forkserver's stdout (JSON lines).
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
from shared.engine.process.limits import namespaces_allowed
from shared.engine.process.protocol import protect_stdout

PRELOADED_MODULES = (
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
TOKENIZER_MODULES = (
    "transformers.models.auto.tokenization_auto",
    "shared.engine.text.template",
    "shared.engine.text.tokenizer",
)
IMPORTS = {"torch": PRELOADED_MODULES, "tokenizer": TOKENIZER_MODULES, "nothing": ()}
ADAPTER_MODULES = ("peft", "peft.tuners.lora.bnb", "peft.utils.transformers_weight_conversion")


class Forkserver:
    """Forks engines on request, forwards signals, reaps them and reports their exit statuses.

    A request is a frame: 4 bytes of length (network byte order), then JSON. A launch also passes four descriptors.
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
        namespaces_allowed()

    def serve(self) -> None:
        """Serve requests until the service closes its end of the socket."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_READ, self._handle_request)
            selector.register(self._wakeup, selectors.EVENT_READ, self._reap)
            while all(key.data() for key, _ in selector.select()):
                pass

    def _handle_request(self) -> bool:
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
        header += _receive_exactly(self._requests, 4 - len(header)) if header else b""
        if len(header) < 4:
            return None, pipes
        (size,) = struct.unpack("!I", header)
        body = _receive_exactly(self._requests, size)
        return (json.loads(body) if len(body) == size else None), pipes

    def _launch(self, request: dict[str, Any], pipes: list[int]) -> None:
        """Fork with SIGTERM blocked until the child can turn it into a command."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if pid == 0:
            _run_child(request, pipes)
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
                send_signal(-pid, signal.SIGKILL)  # processes that it started would hold its pipes open
                self._reply(id=launch, exit=os.waitstatus_to_exitcode(status))
        return True

    def _reply(self, **reply: Any) -> None:
        os.write(self._replies, json.dumps(reply).encode() + b"\n")


def preload(imports: str, modules: Sequence[str] = ()) -> None:
    """Import what most engines need that use `torch`, a `tokenizer` or `nothing`, and these modules.

    An installation without torch skips the rest. peft imports bitsandbytes, which opens a CUDA context if there is a
    GPU; there each engine imports peft itself.
    """
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = (
        "1"  # the default check initializes CUDA, which then fails in every fork
    )
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy would start threads on import
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns of a kernel that it cannot download
    with contextlib.suppress(ModuleNotFoundError):
        for module in (*IMPORTS[imports], *modules):
            importlib.import_module(module)
        if imports == "torch":
            _preload_models()
        for module in modules:
            _prewarm(module)
    gc.collect()
    gc.freeze()  # else the garbage collector would write to these pages and so copy them into every child


def _preload_models() -> None:
    sys.modules["transformers.conversion_mapping"].get_checkpoint_conversion_mapping("llama")  # slow, cached
    if not sys.modules["torch"].cuda.is_available():
        for module in ADAPTER_MODULES:
            importlib.import_module(module)


def _prewarm(module: str) -> None:
    """Call an engine module's `prewarm`, if it has one; if that fails, its forks fill their caches themselves."""
    try:
        getattr(sys.modules[module], "prewarm", lambda: None)()
    except Exception:
        traceback.print_exc()


def main() -> None:
    """`python -m shared.engine.process.forkserver FD IMPORTS [MODULE...]`: FD is a socket.

    IMPORTS says what is preloaded with the MODULES: torch, tokenizer or nothing.

    Signals are ignored: the forkserver ends when the service closes the socket.
    """
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    replies = protect_stdout()
    if sys.argv[2:] != ["nothing"]:
        preload(sys.argv[2], sys.argv[3:])
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        Forkserver(socket.socket(fileno=int(sys.argv[1])), replies).serve()


def _run_child(request: dict[str, Any], pipes: list[int]) -> None:
    """Run the engine and exit; the child never returns into the forkserver's loop."""
    status = 1
    try:
        status = become_engine(request, pipes)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def send_signal(pid: int, number: int) -> None:
    """Send a signal to a process, or with a negative `pid` to its process group.

    SIGKILL goes to the process and to its group, because a child that has just been forked does not lead a group yet.
    """
    for target in {pid, -abs(pid)} if number == signal.SIGKILL else {pid}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(target, number)


def _receive_exactly(stream: socket.socket, size: int) -> bytes:
    body = b""
    while len(body) < size and (piece := stream.recv(size - len(body))):
        body += piece
    return body


if __name__ == "__main__":
    main()
