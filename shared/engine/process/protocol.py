"""The engine's side of the process protocol: messages to the service and commands from it, as JSON lines.

An engine is a function `main(spec, reporter, commands) -> dict`. Its return value becomes the last message,
`{"kind": "result", ...}`; an exception becomes `{"kind": "failed", "code", "detail", ...}`.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from shared.engine.process.json_encoder import encode_json

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""No space left, or quota exceeded."""
_MEMORY_REFUSED = ("allocate memory", "can't start new thread")
"""The second where there is no memory for a thread's stack."""
_FILE_TOO_LARGE = (errno.EFBIG,)
_FILE_REMEDY = "Choose a smaller model or dataset, or set ANNEAL_ENGINE_FILE_LIMIT higher."

ALIVE_INTERVAL_S = 1.0

Main = Callable[[dict[str, Any], "Reporter", "Commands"], dict[str, Any]]


class EngineError(Exception):
    """A failure that the user can act on: a stable `code`, a sentence, and fields such as `remedy` or `limit`."""

    def __init__(self, code: str, detail: str, **fields: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fields = fields


class Reporter:
    """Writes messages to the service, one JSON object per line; thread-safe.

    A write blocks while the service is slow to read, which is the backpressure. Raises BrokenPipeError once the
    service has ended; the lifeline kills the process at the same moment.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._epoch = time.time_ns() - time.monotonic_ns()
        self._alive_at = 0.0

    def emit(self, kind: str, **data: Any) -> None:
        """Send a message of any kind, such as `checkpoint` or `token`. NaN and infinities are sent as null."""
        line = encode_json({"kind": kind, **data}) + b"\n"
        with self._lock:
            view = memoryview(line)
            while view:
                view = view[os.write(self._fd, view) :]

    def alive(self) -> bool:
        """Tell the service that the work proceeds, at most once per ALIVE_INTERVAL_S; called within every long loop.

        Whether it was told now.
        """
        if (now := time.monotonic()) - self._alive_at < ALIVE_INTERVAL_S:
            return False
        self._alive_at = now
        self.emit("alive")
        return True

    def log(self, level: str, message: str, **fields: Any) -> None:
        """Write a line to the job's log; `level` is debug, info, warning or error."""
        self.emit("log", level=level, message=message, **fields)

    def warn(
        self, code: str, detail: str, *, count: int | None = None, example: str | None = None, remedy: str | None = None
    ) -> None:
        """Report a warning (the fields of shared/warnings.py), which stays with the job or its result."""
        self.emit("warning", code=code, detail=detail, count=count, example=example, remedy=remedy)

    def metric(self, step: int, **values: Any) -> None:
        """Report metrics of one step, such as `loss` (nats per token) or `learning_rate`."""
        self.emit("metric", step=step, **values)

    def progress(self, done: int, total: int | None, unit: str) -> None:
        """Report progress, counted in `unit` (rows, steps, tokens); `total` is None while unknown."""
        self.emit("progress", done=done, total=total, unit=unit)

    @contextmanager
    def span(self, name: str, **attributes: Any) -> Iterator[None]:
        """Trace the block as a span, which the service records once it has ended. Spans do not nest."""
        start, error = self.clock(), None
        try:
            yield
        except Exception as raised:
            error = _describe(raised)
            raise
        finally:
            self.record_span(name, start, error=error, attributes=attributes)

    def record_span(self, name: str, start: int, **fields: Any) -> None:
        """Report a span from `start` until now; a `request_id` assigns it to that request."""
        self.emit("span", name=name, start=start, end=self.clock(), **{"error": None, "attributes": {}, **fields})

    def clock(self) -> int:
        """Nanoseconds since the epoch that never go backward."""
        return self._epoch + time.monotonic_ns()


class Commands:
    """Commands from the service, read as JSON lines from a binary stream; SIGTERM becomes {"op": "stop"}.

    Construct it in the main thread, because it installs the signal handler.
    """

    def __init__(self, lines: IO[bytes]) -> None:
        self._queue: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = False
        signal.signal(signal.SIGTERM, lambda *_: self._queue.put({"op": "stop"}))
        threading.Thread(target=self._read, args=(lines,), name="commands", daemon=True).start()

    def poll(self) -> dict[str, Any] | None:
        """The next command, or None if there is none yet; a closed input only means that no more will come."""
        try:
            command = self._queue.get_nowait()
        except queue.Empty:
            return None
        self._closed = self._closed or command is None
        return command

    def get(self) -> dict[str, Any]:
        """Wait for the next command; {"op": "stop"} once the input is closed."""
        while not (self._closed and self._queue.empty()):
            if (command := self._queue.get()) is not None:
                return command
            self._closed = True
        return {"op": "stop"}

    def wait(self, seconds: float) -> dict[str, Any] | None:
        """The next command, or None if none comes within so many seconds; {"op": "stop"} once the input is closed."""
        if self._closed and self._queue.empty():
            return {"op": "stop"}
        try:
            command = self._queue.get(timeout=seconds)
        except queue.Empty:
            return None
        self._closed = self._closed or command is None
        return command if command is not None else {"op": "stop"}

    def _read(self, lines: IO[bytes]) -> None:
        for line in lines:
            if line.strip():
                self._queue.put(json.loads(line))
        self._queue.put(None)


def run(main: Main, spec: dict[str, Any], reporter: Reporter, commands: Commands) -> int:
    """Run an engine and report its result or failure; returns the exit status, 0 for a result."""
    try:
        result = main(spec, reporter, commands)
        reporter.emit("result", **result)
        return 0
    except BaseException as error:  # the process ends here in any case; the service decides what follows
        if not isinstance(error, EngineError):
            reporter.log("error", traceback.format_exc())
        reporter.emit("failed", **describe_failure(error))
    return 1


def describe_failure(error: BaseException) -> dict[str, Any]:
    """The fields of a `failed` message: `code`, `detail`, and others such as `remedy`."""
    if isinstance(error, EngineError):
        return {"code": error.code, "detail": error.detail, **error.fields}
    code, detail = failure_code(error), _describe(error)
    memory, size = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE))
    if code == "out_of_memory" and memory != resource.RLIM_INFINITY:
        detail += f" (the engine's limit is {memory / 1e9:.1f} GB)"
    if code == "file_too_large":
        return {"code": code, "detail": f"{detail} (the limit is {size / 1e9:.1f} GB)", "remedy": _FILE_REMEDY}
    return {"code": code, "detail": detail}


def failure_code(error: BaseException) -> str:
    """Classify an exception and its causes: `out_of_memory`, `disk_full`, `file_too_large` or `engine_crashed`.

    Libraries wrap the first two in RuntimeErrors of their own, so the message text is checked as well.
    """
    cause: BaseException | None = error
    while cause is not None:
        text = str(cause)
        refused = any(words in text for words in _MEMORY_REFUSED)
        if isinstance(cause, MemoryError) or type(cause).__name__ == "OutOfMemoryError" or refused:
            return "out_of_memory"
        for code, numbers in (("disk_full", _DISK_FULL), ("file_too_large", _FILE_TOO_LARGE)):
            if getattr(cause, "errno", None) in numbers or any(os.strerror(n) in text for n in numbers):
                return code
        cause = cause.__cause__ or cause.__context__
    return "engine_crashed"


def protect_stdout() -> int:
    """Redirect stdout to stderr and return a private descriptor of the real stdout.

    Nothing that a library prints can then break a line of the protocol.
    """
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def run_from_shell(main: Main) -> None:
    """Run an engine from a shell, messages on stdout: `python -m services.training.engine.train spec.json`.

    Of several processes started by torchrun only rank 0 reports.
    """
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    stdout = protect_stdout()
    reporter = Reporter(stdout) if os.environ.get("RANK", "0") == "0" else null_reporter()
    sys.exit(run(main, spec, reporter, Commands(sys.stdin.buffer)))


def null_reporter() -> Reporter:
    """A reporter that discards all messages."""
    return Reporter(os.open(os.devnull, os.O_WRONLY))


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
