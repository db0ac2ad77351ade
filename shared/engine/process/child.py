"""Turns a freshly forked process into an engine with its own pipes, session, signals and environment."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from shared.engine.process.limits import confine
from shared.engine.process.protocol import Commands, Main, Reporter, run

COMMANDS, MESSAGES, LIFELINE = 3, 4, 5
"""Descriptors of a child, beside 0 (/dev/null), 1 and 2 (both the log)."""

_FIRST_FREE_FD = 64  # pipes are first duplicated above the numbers that they will get


def become_engine(request: Mapping[str, Any], pipes: Sequence[int]) -> int:
    """Run the engine that `request` {target, cwd, env, limits} names in this process; returns its exit status.

    `pipes` are commands (read), messages (write), log (write) and lifeline (read).

    The child leads its own session. Ctrl-C on the service's terminal must not reach an engine before the service has
    commanded a checkpoint, and the whole process group, including data loader workers, can be killed at once.
    """
    os.setsid()
    _install_pipes(pipes)
    _reset_signals()
    confine(request["limits"])  # before any thread starts
    _set_environment(request["env"])
    threading.Thread(target=_die_with_service, args=(LIFELINE,), name="lifeline", daemon=True).start()
    lines = os.fdopen(COMMANDS, "rb")
    spec = json.loads(lines.readline())  # before SIGTERM can become a command: the spec is the first line
    reporter, commands = Reporter(MESSAGES), Commands(lines)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        return run(_import_late(request), spec, reporter, commands)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _import_late(request: Mapping[str, Any]) -> Main:
    """An engine that imports the target, in its working directory, when called: `run` then reports a failed import."""

    def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
        os.chdir(request["cwd"])
        module, name = request["target"].split(":")
        result: dict[str, Any] = getattr(importlib.import_module(module), name)(spec, reporter, commands)
        return result

    return main


def _install_pipes(pipes: Sequence[int]) -> None:
    """Move the pipes to their descriptors and close all others.

    A copy of another child's lifeline, left open here, would keep that child alive after its service has ended.
    """
    commands, messages, log, lifeline = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE_FD) for fd in pipes)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for source, target in ((commands, COMMANDS), (messages, MESSAGES), (lifeline, LIFELINE)):
        os.dup2(source, target, inheritable=False)
    for fd in [int(name) for name in os.listdir("/dev/fd")]:
        if fd > LIFELINE:
            with contextlib.suppress(OSError):  # the descriptor of the listing itself is closed already
                os.close(fd)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _set_environment(env: Mapping[str, str]) -> None:
    """Replace the environment. OpenMP has read OMP_NUM_THREADS before the fork, so torch is told the thread count."""
    os.environ.clear()
    os.environ.update(env)
    torch, outermost = sys.modules.get("torch"), env.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if torch is not None and outermost.isdecimal() and int(outermost):  # OpenMP ignores other values
        torch.set_num_threads(int(outermost))


def _die_with_service(lifeline: int) -> None:
    """Wait for the service to end, then kill the process group: the service's end of the pipe closes even on SIGKILL.

    Nothing is cleaned up, and nothing needs to be: anything that this engine would still write is fenced off.
    """
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)
