"""Messages are valid JSON, lines of several threads do not mix, and failures carry their codes."""

from __future__ import annotations

import errno
import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.engine.process.protocol import EngineError, Reporter, failure_code
from shared.engine.process.protocol import run as run_engine

ROOT = Path(__file__).resolve().parents[3]


class Lines:
    """A reporter over a pipe, and a thread that collects its messages."""

    def __init__(self) -> None:
        read, self._write = os.pipe()
        self.reporter = Reporter(self._write)
        self._raw: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._collect, args=(read,))
        self._thread.start()

    def _collect(self, fd: int) -> None:
        with os.fdopen(fd, "rb") as pipe:
            self._raw.put(pipe.read())

    def all(self) -> list[dict[str, Any]]:
        os.close(self._write)
        self._thread.join()
        return [json.loads(line, parse_constant=pytest.fail) for line in self._raw.get().splitlines()]


@pytest.fixture
def lines() -> Lines:
    return Lines()


def test_numbers_without_json_form_become_null(lines: Lines) -> None:
    lines.reporter.metric(3, loss=math.nan, nested={"a": [math.inf, 1.5]}, fine=2)
    assert lines.all() == [{"kind": "metric", "step": 3, "loss": None, "nested": {"a": [None, 1.5]}, "fine": 2}]


def test_span_is_reported_when_it_has_ended(lines: Lines) -> None:
    before = time.time_ns()
    with lines.reporter.span("tokenize", rows=3):
        pass
    with pytest.raises(ValueError, match="no"), lines.reporter.span("load"):
        raise ValueError("no")
    tokenize, load = lines.all()
    assert before <= tokenize["start"] <= tokenize["end"] <= load["start"] <= load["end"] <= time.time_ns()
    assert (tokenize["name"], tokenize["attributes"], tokenize["error"]) == ("tokenize", {"rows": 3}, None)
    assert load["error"] == "ValueError: no"


def test_tensors_and_paths_are_encoded(lines: Lines) -> None:
    import torch

    lines.reporter.emit("x", loss=torch.tensor(0.5), nan=torch.tensor(math.nan), path=Path("a/b"), text="ü\n")
    assert lines.all() == [{"kind": "x", "loss": 0.5, "nan": None, "path": "a/b", "text": "ü\n"}]


def test_lines_of_several_threads_do_not_mix(lines: Lines) -> None:
    def write(name: int) -> None:
        for number in range(20):
            lines.reporter.emit("n", name=name, number=number, text=str(name) * 70_000)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = lines.all()
    assert len(messages) == 80
    assert all(message["text"] == str(message["name"]) * 70_000 for message in messages)


class Killed(Exception):
    """Stands for torch.OutOfMemoryError, which is recognized by its name."""


Killed.__name__ = "OutOfMemoryError"


def wrapped() -> Exception:
    error = RuntimeError("writing failed")
    error.__cause__ = OSError(errno.ENOSPC, "full")
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out_of_memory"),
        (Killed("CUDA out of memory"), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full"),
        (RuntimeError("I/O error: File too large (os error 27)"), "file_too_large"),
        (RuntimeError("can't start new thread"), "out_of_memory"),
        (wrapped(), "disk_full"),
        (OSError(errno.ENOENT, "no such file"), "engine_crashed"),
        (KeyError("x"), "engine_crashed"),
    ],
)
def test_failures_have_codes(error: Exception, code: str) -> None:
    assert failure_code(error) == code


def fail_with(error: BaseException) -> Callable[..., dict[str, Any]]:
    def main(*_: Any) -> dict[str, Any]:
        raise error

    return main


def test_engine_error_is_reported_with_its_fields(lines: Lines) -> None:
    status = run_engine(fail_with(EngineError("bad_rows", "row 3", row=3)), {}, lines.reporter, None)  # type: ignore[arg-type]
    assert (status, lines.all()) == (1, [{"kind": "failed", "code": "bad_rows", "detail": "row 3", "row": 3}])


def test_crash_logs_its_traceback(lines: Lines) -> None:
    run_engine(fail_with(KeyError("absent")), {}, lines.reporter, None)  # type: ignore[arg-type]
    log, failed = lines.all()
    assert "Traceback" in log["message"]
    assert failed == {"kind": "failed", "code": "engine_crashed", "detail": "KeyError: 'absent'"}


def test_result_that_is_not_json_is_a_failure(lines: Lines) -> None:
    assert run_engine(lambda *_: {"x": object()}, {}, lines.reporter, None) == 1  # type: ignore[arg-type]
    assert lines.all()[-1]["code"] == "engine_crashed"


def test_engine_runs_from_a_shell_with_clean_stdout(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.engine.engines", tmp_path / "spec.json"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"kind": "result"}]
    assert b"from a process" in done.stderr
