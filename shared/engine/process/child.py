"""What a freshly forked process does to become an engine: its own pipes, session, signals and environment."""

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

from shared.engine.process.protocol import Commands, Main, Reporter, run

COMMANDS, MESSAGES, LIFELINE = 3, 4, 5
"""Descriptors of a child beside 0 (nothing), 1 and 2 (both the log)."""

_ABOVE = 64  # descriptors are first moved out of the way of the numbers they will get


def become_engine(request: Mapping[str, Any], pipes: Sequence[int]) -> int:
    """Turn this process into the engine that `request` {target, cwd, env} names; returns its exit status.

    `pipes` are commands (read), messages (write), log (write) and lifeline (read).

    The child leads a session of its own: Ctrl-C on the service's terminal must not reach an engine before the
    service has asked it to checkpoint, and the whole group, data loader workers included, can be ended at once.
    """
    os.setsid()
    _take(pipes)
    _reset_signals()
    _set_environment(request["env"])
    threading.Thread(target=_follow, args=(LIFELINE,), name="lifeline", daemon=True).start()
    lines = os.fdopen(COMMANDS, "rb")
    spec = json.loads(lines.readline())  # before SIGTERM may become a command, so that the spec is the first
    reporter, commands = Reporter(MESSAGES), Commands(lines)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        return run(_importing(request), spec, reporter, commands)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _importing(request: Mapping[str, Any]) -> Main:
    """The target as an engine that is imported in its own folder when it is called, so that failures are reported."""

    def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
        os.chdir(request["cwd"])
        module, name = request["target"].split(":")
        result: dict[str, Any] = getattr(importlib.import_module(module), name)(spec, reporter, commands)
        return result

    return main


def _take(pipes: Sequence[int]) -> None:
    """Give the pipes their numbers and close everything else.

    Another child's lifeline left open here would keep that child alive after its service has gone.
    """
    commands, messages, log, lifeline = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for fd in pipes)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for source, target in ((commands, COMMANDS), (messages, MESSAGES), (lifeline, LIFELINE)):
        os.dup2(source, target, inheritable=False)
    for fd in [int(name) for name in os.listdir("/dev/fd")]:
        if fd > LIFELINE:
            with contextlib.suppress(OSError):  # the listing's own descriptor is already gone
                os.close(fd)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _set_environment(env: Mapping[str, str]) -> None:
    """Replace the environment; OpenMP read its own before the fork, so the thread count is set by call."""
    os.environ.clear()
    os.environ.update(env)
    torch = sys.modules.get("torch")
    if torch is not None and "OMP_NUM_THREADS" in env:
        torch.set_num_threads(int(env["OMP_NUM_THREADS"]))


def _follow(lifeline: int) -> None:
    """Die with the service: its end of the pipe closes even when it is killed, so no farewell is needed.

    The whole group goes, without clean-up: whatever this engine would still write is fenced off.
    """
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)
