"""The process of a Python grader computes, and does nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.evaluation.engine.python_grader import MAX_LOST, PythonGrader, PythonGraders
from services.evaluation.graders.grades import GradingFailed

SLOW_MACHINE_S, SOON_S = 120.0, 3.0
DENIED = "PermissionError"


def grade(body: str, limit_s: float = SLOW_MACHINE_S, **item: Any) -> float:
    grader = PythonGrader(f"def grade(sample, item):\n    {body}\n", lambda: None, limit_s)
    try:
        return grader.grade({"output_text": "four"}, item)
    finally:
        grader.close()


def test_a_grader_computes_with_the_row_and_the_installed_packages() -> None:
    assert grade("return len(sample['output_text']) / item['length']", length=8) == 0.5
    assert grade("import numpy; return numpy.float32(0.5)") == 0.5
    assert grade("from fractions import Fraction; return Fraction(1, 4)") == 0.25
    assert grade("return sample['output_text'] == 'four'") == 1.0
    assert grade("import difflib, numpy; return float(numpy.mean([item['a'], 2]))", a=1) == 1.5


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("return len(open(item['file']).read())", DENIED),
        ("import os; return len(os.listdir(item['folder']))", DENIED),
        ("import os; return len(open('/proc/1/environ').read())", DENIED),
        ("return len(open('/proc/self/environ').read())", DENIED),
        ("open('/tmp/written', 'w'); return 1", DENIED),
        ("import socket; socket.socket(); return 1", DENIED),
        ("import socket; socket.socketpair(); return 1", DENIED),
        ("import os\n    while True: os.fork()", DENIED),
        ("import subprocess; return subprocess.run(['true']).returncode", DENIED),
        ("import threading; threading.Thread(target=print).start(); return 1", "can't start new thread"),
        ("import os; os.kill(item['pid'], 9); return 1", DENIED),
        ("import fcntl; fcntl.fcntl(0, fcntl.F_SETOWN, item['pid']); return 1", DENIED),
        ("import resource; resource.setrlimit(resource.RLIMIT_DATA, (-1, -1)); return 1", "Error"),
        ("return len(bytearray(4 << 30))", "MemoryError"),
        ("import mmap; return len(mmap.mmap(-1, 4 << 30))", "Cannot allocate memory"),
        ("import os; os._exit(0)", "status 0"),
        ("raise SystemExit(3)", "SystemExit: 3 (line 2)"),
        ("import ctypes; ctypes.string_at(0); return 1", "signal 11"),
        ("return float('nan')", "no finite number"),
        ("return None", "no finite number"),
        ("return '1'", "no finite number"),
        ("import numpy; return numpy.array([1, 2])", "TypeError"),
        ("return item['missing']", "KeyError: 'missing' (line 2)"),
        ("return (", "SyntaxError"),
    ],
)
def test_what_it_may_not_do_is_an_error_of_the_row(body: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "documents.sqlite").write_text("secret")
    with pytest.raises(GradingFailed, match=r".") as failed:
        grade(body, file=str(tmp_path / "documents.sqlite"), folder=str(tmp_path), pid=os.getpid())
    assert error in failed.value.message
    assert failed.value.code == "python_grader_runtime_error"
    assert str(Path(__file__).parents[3]) not in failed.value.message


@pytest.mark.parametrize("body", ["while True: pass", "while True: print('x' * 1_000_000)"])
def test_an_endless_row_is_ended(body: str) -> None:
    with pytest.raises(GradingFailed, match="took longer"):
        grade(body, SOON_S)


def test_forged_answers_are_bounded() -> None:
    with pytest.raises(GradingFailed, match="wrote more than"):
        grade("import os\n    while True: os.write(4, b'x' * 9999)")


@pytest.fixture
def fragile() -> Iterator[PythonGrader]:
    source = "import os\nrows = []\ndef grade(sample, item):\n    rows.append(1)\n"
    source += "    return len(rows) if item else os._exit(1)"
    grader = PythonGrader(source, lambda: None, SLOW_MACHINE_S)
    yield grader
    grader.close()


def test_rows_share_a_process_until_it_is_lost_too_often(fragile: PythonGrader) -> None:
    assert [fragile.grade({}, {"row": row}) for row in range(3)] == [1, 2, 3]
    for _ in range(MAX_LOST):
        with pytest.raises(GradingFailed, match="status 1"):
            fragile.grade({}, {})
    with pytest.raises(GradingFailed, match=f"{MAX_LOST} rows before"):
        fragile.grade({}, {"row": 4})


def test_without_permission_nothing_runs() -> None:
    with pytest.raises(GradingFailed, match="ANNEAL_PYTHON_GRADERS"):
        PythonGraders(lambda: None, allowed=False).grade("def grade(sample, item): return 1", {}, {})
