"""The child's side of the engine protocol: JSON lines out to the service, JSON lines of commands in.

An engine is a function `main(spec, reporter, commands) -> dict`. What it returns becomes the last line,
`{"kind": "result", ...}`; what it raises becomes `{"kind": "failed", "code", "detail", ...}`.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from shared.engine.process.json_encoder import plain_json

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, no quota, or no larger file allowed."""

Main = Callable[[dict[str, Any], "Reporter", "Commands"], dict[str, Any]]


class EngineError(Exception):
    """A failure that the user can act on: a stable `code`, a sentence, and fields such as `remedy` or `limit`."""

    def __init__(self, code: str, detail: str, **fields: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fields = fields


class Reporter:
    """Writes messages to the service, one JSON object a line; safe to call from several threads.

    A write blocks while the service is slow to read: that is the backpressure. Raises BrokenPipeError
    when the service has gone (the lifeline ends the process at the same moment).
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._epoch = time.time_ns() - time.monotonic_ns()

    def emit(self, kind: str, **data: Any) -> None:
        """Send a message of any kind, such as `checkpoint` or `token`. NaN and infinities travel as null."""
        line = plain_json({"kind": kind, **data}) + b"\n"
        with self._lock:
            view = memoryview(line)
            while view:
                view = view[os.write(self._fd, view) :]

    def log(self, level: str, message: str, **fields: Any) -> None:
        """A line for the job's log; `level` is debug, info, warning or error."""
        self.emit("log", level=level, message=message, **fields)

    def metric(self, step: int, **values: Any) -> None:
        """Values of one step for the charts, such as `loss` (nats) or `learning_rate`."""
        self.emit("metric", step=step, **values)

    def progress(self, done: int, total: int | None, unit: str) -> None:
        """How far the work is, counted in `unit` (rows, steps, tokens); `total` is None while unknown."""
        self.emit("progress", done=done, total=total, unit=unit)

    @contextmanager
    def span(self, name: str, **attributes: Any) -> Iterator[None]:
        """A part of the work, for the trace; the service records it when it has ended. Parts do not nest."""
        start, error = self.clock(), None
        try:
            yield
        except Exception as raised:
            error = _sentence(raised)
            raise
        finally:
            self.tell_span(name, start, error=error, attributes=attributes)

    def tell_span(self, name: str, start: int, **fields: Any) -> None:
        """A part of the work that began at `start` and ends now; with a `request_id` it is that request's."""
        told = {"error": None, "attributes": {}, **fields}
        self.emit("span", name=name, start=start, end=self.clock(), **told)

    def clock(self) -> int:
        """Nanoseconds since 1970 that never go back."""
        return self._epoch + time.monotonic_ns()


class Commands:
    """Commands from the service, JSON lines of a binary stream; SIGTERM reads as {"op": "stop"}.

    Construct it in the main thread, for it installs the signal handler.
    """

    def __init__(self, lines: IO[bytes]) -> None:
        self._waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = False
        signal.signal(signal.SIGTERM, lambda *_: self._waiting.put({"op": "stop"}))
        threading.Thread(target=self._read, args=(lines,), name="commands", daemon=True).start()

    def poll(self) -> dict[str, Any] | None:
        """The next command, or None at once; a closed input means only that no more will come."""
        try:
            command = self._waiting.get_nowait()
        except queue.Empty:
            return None
        self._closed = self._closed or command is None
        return command

    def get(self) -> dict[str, Any]:
        """The next command, waiting for it; {"op": "stop"} once the input is closed."""
        while not (self._closed and self._waiting.empty()):
            if (command := self._waiting.get()) is not None:
                return command
            self._closed = True
        return {"op": "stop"}

    def _read(self, lines: IO[bytes]) -> None:
        for line in lines:
            if line.strip():
                self._waiting.put(json.loads(line))
        self._waiting.put(None)


def run(main: Main, spec: dict[str, Any], reporter: Reporter, commands: Commands) -> int:
    """Run an engine to its end and report how it went; returns the exit status, 0 for a result."""
    try:
        result = main(spec, reporter, commands)
        reporter.emit("result", **result)
        return 0
    except BaseException as error:  # the process is at its end; the service decides what follows
        if not isinstance(error, EngineError):
            reporter.log("error", traceback.format_exc())
        reporter.emit("failed", **failure_of(error))
    return 1


def failure_of(error: BaseException) -> dict[str, Any]:
    """What is told of a failure: `code`, `detail`, and fields such as `remedy`."""
    if isinstance(error, EngineError):
        return {"code": error.code, "detail": error.detail, **error.fields}
    return {"code": failure_code(error), "detail": _sentence(error)}


def failure_code(error: BaseException) -> str:
    """`out_of_memory`, `disk_full` or `engine_crashed`, looking through the chain of causes.

    Libraries wrap both conditions in RuntimeErrors of their own, hence the look at the wording.
    """
    cause: BaseException | None = error
    while cause is not None:
        text = str(cause)
        if isinstance(cause, MemoryError) or type(cause).__name__ == "OutOfMemoryError" or "allocate memory" in text:
            return "out_of_memory"
        if getattr(cause, "errno", None) in _FULL or any(os.strerror(number) in text for number in _FULL):
            return "disk_full"
        cause = cause.__cause__ or cause.__context__
    return "engine_crashed"


def protect_stdout() -> int:
    """Take the real stdout away from everyone else; returns a private descriptor of it.

    Whatever a library prints from now on lands on stderr and cannot break a line of the protocol.
    """
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def run_by_hand(main: Main) -> None:
    """`python -m services.training.engine.train spec.json`: runs an engine from a shell, lines on stdout.

    Of several processes that torchrun starts only the first one speaks.
    """
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    stdout = protect_stdout()
    reporter = Reporter(stdout) if os.environ.get("RANK", "0") == "0" else silent()
    sys.exit(run(main, spec, reporter, Commands(sys.stdin.buffer)))


def silent() -> Reporter:
    """A reporter that nobody hears."""
    return Reporter(os.open(os.devnull, os.O_WRONLY))


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
