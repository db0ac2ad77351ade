"""Confines a process that has just been forked: resource limits, no privileges, no network.

`python -m shared.engine.process.limits` prints as JSON what of it cannot be enforced on this machine.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shared.engine.process import landlock

CPU_GRACE_S = 5
"""Seconds of CPU time between SIGXCPU, which the service can name, and SIGKILL."""
MAX_PROCESSES = 4096
"""Processes and threads of an engine."""

_NEWUSER, _NEWNET = 0x10000000, 0x40000000
"""Flags of unshare(2)."""
_NO_NEW_PRIVS = 38
"""Option of prctl(2)."""
_CAPABILITIES_V3 = 0x20080522
"""Version of the structures of capset(2)."""
_SIOCSIFFLAGS, _UP = 0x8914, 0x1
"""Request and flag of netdevice(7)."""

PROBE = {
    "nice": 0,
    "memory": None,
    "cpu_s": None,
    "file_bytes": None,
    "network": "none",
    "writable": ["/proc"],
    "readable": None,
}

_libc = ctypes.CDLL(None, use_errno=True)


def confine(limits: Mapping[str, Any]) -> list[str]:
    """Confine this process and all that it starts; returns what this machine does not allow.

    `limits`: memory, cpu_s and file_bytes, each None for no limit; nice, added to the parent's; network: none, loopback
    or open; writable and readable, lists of paths or None for all. The process must have one thread. A user namespace
    of its own hides the service's memory and environment, which belong to the same user, and counts this engine's
    processes alone, where RLIMIT_NPROC counts all those of a user.
    """
    isolated = limits["network"] != "open"
    missing = []
    if namespaces_allowed():
        _enter_namespaces(isolated)
        _limit(resource.RLIMIT_NPROC, MAX_PROCESSES)
        if os.getuid() == 0:  # the kernel exempts root
            missing.append("no process limit (it runs as root)")
    else:
        missing += ["no network namespace", "no process limit"]
    _drop_privileges()
    writable, readable = limits["writable"], limits["readable"]
    if writable is not None and not landlock.restrict(writable, readable, tcp=limits["network"] != "none"):
        missing.append("no Landlock")
    os.nice(limits["nice"])
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, limits["cpu_s"], CPU_GRACE_S)
    _limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _limit(resource.RLIMIT_DATA, limits["memory"])
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    Path("/proc/self/oom_score_adj").write_text("500")  # the kernel then kills an engine before the service
    return missing


@cache
def namespaces_allowed() -> bool:
    """Whether the kernel and the container's seccomp profile allow all of it: some refuse only the mapping of users.

    Tried once, in a fork. A forkserver calls it, and its forks inherit the answer.
    """
    if (pid := os.fork()) == 0:
        status = 1
        try:
            _enter_namespaces(isolated=True)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def _enter_namespaces(isolated: bool) -> None:
    """Move to new namespaces as the same user. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_NEWUSER | (_NEWNET if isolated else 0)):
        raise OSError(ctypes.get_errno(), "unshare")
    for name, line in (("uid_map", f"{user} {user} 1"), ("setgroups", "deny"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(line)
    if isolated:
        _start_loopback()


def _start_loopback() -> None:
    """Processes of one training run connect to each other over it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _UP))


def _drop_privileges() -> None:
    """Give up all capabilities for good: also a setuid program brings none back."""
    _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.capset((ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)())


def _limit(kind: int, amount: int | None, grace: int = 0) -> None:
    """Set a limit, unless a lower one is in force already."""
    if amount is not None:
        soft, hard = (value if value != resource.RLIM_INFINITY else 1 << 62 for value in resource.getrlimit(kind))
        resource.setrlimit(kind, (min(amount, soft), min(amount + grace, hard)))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(confine(PROBE)))
