"""Graders that run Python: a confined process for each (python_worker.py), which gets row after row.

A process that ends or takes too long is replaced for the next row. After MAX_LOST of them all other rows are errors.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from services.evaluation.graders.grades import GradingFailed

ROW_LIMIT_S = 20.0
"""Seconds of a row, the start of its process and imports included."""
MAX_PROCESSES = 4
"""Of one run; the one used the longest ago makes room for another grader's."""
MAX_LOST = 5
MAX_RESULT = 64 << 10
"""Bytes of an answer."""
POLL_S = 0.2
_ROOT = str(Path(__file__).resolve().parents[3])
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from services.evaluation.engine.python_worker import main; main()"
)
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"}
RUNTIME_ERROR, SERVER_ERROR = "python_grader_runtime_error", "python_grader_server_error"


class PythonGraders:
    """The Python graders of a run by their source."""

    def __init__(self, on_step: Callable[[], None], *, allowed: bool) -> None:
        self._on_step, self._allowed = on_step, allowed
        self._graders: dict[str, PythonGrader] = {}

    def grade(self, source: str, sample: Mapping[str, Any], item: Any) -> float:
        """The score of a row. Raises GradingFailed."""
        if not self._allowed:
            raise GradingFailed(SERVER_ERROR, "The operator has not allowed Python graders (ANNEAL_PYTHON_GRADERS).")
        grader = self._graders.pop(source, None) or PythonGrader(source, self._on_step)
        self._graders[source] = grader  # the latest used is the last
        for other in list(self._graders.values())[:-MAX_PROCESSES]:
            other.close()
        return grader.grade(sample, item)


class PythonGrader:
    """One grader's source. `on_step` is called while a row is graded, and may raise an exception to end it."""

    def __init__(self, source: str, on_step: Callable[[], None], limit_s: float = ROW_LIMIT_S) -> None:
        self._source, self._on_step, self._limit_s = source, on_step, limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lost = 0

    def grade(self, sample: Mapping[str, Any], item: Any) -> float:
        """The score of a row. Raises GradingFailed."""
        if self._lost >= MAX_LOST:
            raise GradingFailed(RUNTIME_ERROR, f"The grader ended or took too long on {MAX_LOST} rows before this one.")
        deadline, answer = time.monotonic() + self._limit_s, None
        try:
            if self._process is None:
                self._process = self._start()
                self._send({"source": self._source}, deadline)
                if missing := self._receive(deadline)["missing"]:
                    detail = f"Python graders are not run: this machine does not allow {' and '.join(missing)}."
                    raise GradingFailed(SERVER_ERROR, detail)
            self._send({"sample": sample, "item": item}, deadline)
            answer = self._receive(deadline)
            if "score" not in answer:
                raise GradingFailed(RUNTIME_ERROR, str(answer["error"]))
            return float(answer["score"])
        except (KeyError, TypeError, ValueError) as error:
            answer = None
            raise GradingFailed(RUNTIME_ERROR, "The grader's process answered something else.") from error
        finally:
            if answer is None:
                self._lost += 1
                self.close()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                assert pipe
                pipe.close()
            process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-I", "-c", _START, _ROOT]
        options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        process = subprocess.Popen(command, env=_ENVIRONMENT, cwd="/", stderr=subprocess.DEVNULL, **options)  # noqa: S603
        for pipe in (process.stdin, process.stdout):
            assert pipe
            os.set_blocking(pipe.fileno(), False)
        return process

    def _send(self, request: Mapping[str, Any], deadline: float) -> None:
        assert self._process
        assert self._process.stdin
        fd, view = self._process.stdin.fileno(), memoryview(json.dumps(request).encode() + b"\n")
        while view:
            self._wait([], [fd], deadline)
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise self._ended() from error

    def _receive(self, deadline: float) -> dict[str, Any]:
        assert self._process
        assert self._process.stdout
        fd, received = self._process.stdout.fileno(), b""
        while not received.endswith(b"\n"):
            self._wait([fd], [], deadline)
            piece = os.read(fd, MAX_RESULT)
            received += piece
            if not piece:
                raise self._ended()
            if len(received) > MAX_RESULT:
                raise GradingFailed(RUNTIME_ERROR, f"The grader's process wrote more than {MAX_RESULT:,} bytes.")
        found: dict[str, Any] = json.loads(received)
        return found

    def _ended(self) -> GradingFailed:
        assert self._process
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"status {code}"
        return GradingFailed(
            RUNTIME_ERROR, f"The grader's process ended ({how}); memory beyond its limit also ends it."
        )

    def _wait(self, readers: list[int], writers: list[int], deadline: float) -> None:
        while not any(select.select(readers, writers, [], POLL_S)):
            self._on_step()
            if time.monotonic() > deadline:
                detail = f"The grader took longer than {self._limit_s:g} seconds for this row."
                raise GradingFailed(RUNTIME_ERROR, detail)
