"""Runs the Python of one grader on rows, in a process of its own that confines itself first.

It is started by python_grader.py, with the folder of our packages as its argument. It reads JSON lines: {"source"},
then {"sample", "item"} for each row, and writes one for each row: {"score"} or {"error"}. The first that it writes,
{"missing"}, names what of the sandbox this machine does not allow; if there is anything, no row runs.
"""

import ctypes
import json
import math
import os
import resource
import signal
import sys
import sysconfig
from typing import Any

from shared.engine.process import landlock, seccomp

MEMORY, MAPPED = 1 << 30, 2 << 30
"""Bytes of private writable memory, and of all mappings: shared ones count among these only."""
MAX_FILES = 64
MAX_ERROR = 2_000
_SET_PDEATHSIG, _NO_NEW_PRIVS = 1, 38
"""Options of prctl(2)."""
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache")
_LIMITS = (
    (resource.RLIMIT_DATA, MEMORY),
    (resource.RLIMIT_AS, MAPPED),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NOFILE, MAX_FILES),
)


def confine() -> list[str]:
    """Confine this process for good; returns what this machine does not allow.

    It reads Python's own packages and the system's libraries, writes nothing, and ends with its parent.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    for kind, amount in _LIMITS:
        resource.setrlimit(kind, (amount, amount))
    packages = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    missing = []
    if not landlock.restrict((), [*packages, *_LIBRARIES], tcp=False, strict=True):
        missing.append("Landlock")
    if not seccomp.allow_computing_only():
        missing.append("a filter of system calls (seccomp)")
    return missing


def main() -> None:
    """Serve rows until the input ends."""
    requests, results = os.fdopen(os.dup(0), "rb"), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    sys.path.remove(sys.argv[1])
    source = json.loads(requests.readline())["source"]
    missing = confine()
    _write(results, {"missing": missing})
    scope: dict[str, Any] = {"__name__": "grader"}
    for line in [] if missing else requests:
        _write(results, _grade(source, scope, json.loads(line)))


def _grade(source: str, scope: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    try:
        if "grade" not in scope:
            exec(compile(source, "grader.py", "exec"), scope)  # noqa: S102 - what this process is for
        score = scope["grade"](row["sample"], row["item"])
        if not hasattr(score, "__float__") or not math.isfinite(number := float(score)):
            return {"error": f"grade returned {score!r:.200}, which is no finite number."}
        return {"score": number}
    except BaseException as error:  # SystemExit too
        return {"error": _describe(error)}


def _describe(error: BaseException) -> str:
    """Kind, text, and the line of the grader; no paths of this machine's packages."""
    frame, line = error.__traceback__, getattr(error, "lineno", None)
    while frame is not None:
        line = frame.tb_lineno if frame.tb_frame.f_code.co_filename == "grader.py" else line
        frame = frame.tb_next
    text = f"{type(error).__name__}: {error}" + (f" (line {line})" if line else "")
    return text[:MAX_ERROR]


def _write(results: int, answer: dict[str, Any]) -> None:
    view = memoryview(json.dumps(answer).encode() + b"\n")
    while view:
        view = view[os.write(results, view) :]
