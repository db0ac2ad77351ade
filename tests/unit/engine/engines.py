"""Small engines that the tests launch: each does one thing that an engine may do, or suffer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import Any

from shared.engine.process.protocol import Commands, EngineError, Reporter

IMPORTED_BY = os.getpid()
PREWARMED_BY: list[int] = []


def prewarm() -> None:
    """Remember where; fail, which must keep nobody from starting."""
    PREWARMED_BY.append(os.getpid())
    raise OSError("forgot the text")


def echo(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Report the surroundings and return the spec."""
    warm = "torch" in sys.modules
    before_fork = {"imported_by": IMPORTED_BY, "prewarmed_by": PREWARMED_BY}
    reporter.emit("hello", pid=os.getpid(), cwd=os.getcwd(), env=dict(os.environ), warm=warm, **before_fork)
    return {"spec": spec}


def obey(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Say ready, then repeat every command until told to stop."""
    reporter.emit("ready")
    while (command := commands.get())["op"] != "stop":
        reporter.emit("heard", command=command)
    return {"stopped": True}


def obstinate(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Ignore every command."""
    reporter.emit("ready")
    threading.Event().wait()
    return {}


def with_helper(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Start a process that outlives any patience and holds this one's stderr."""
    helper = subprocess.Popen(["sleep", "600"])
    reporter.emit("ready", helper=helper.pid)
    if spec.get("leave"):
        return {}
    threading.Event().wait()
    return {}


def flood(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Write many lines."""
    for number in range(spec["lines"]):
        reporter.emit("line", number=number, text="x" * spec["size"])
    return {"pid": os.getpid()}


def noisy(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Print everywhere a library might."""
    print("printed")
    os.write(1, b"written to 1\n")
    subprocess.run(["echo", "from a process"], check=True)
    sys.stderr.write("10%\r100%\n" + "y" * 20000 + "\n")
    return {}


def kill_itself(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Die by a signal."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def refuse(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Fail in a way the user can act on."""
    raise EngineError("bad_rows", "row 3 is empty", row=3)


def crash(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Fail in a way nobody foresaw."""
    return {"impossible": {}["absent"]}


def fds(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """List the open descriptors and what they lead to."""
    own = "/proc/self/fd"
    links = {int(name): os.path.join(own, name) for name in os.listdir(own)}
    return {"fds": {fd: os.readlink(link) for fd, link in links.items() if os.path.lexists(link)}}


def environment_threads(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """How many threads torch computes with, proven by computing."""
    import torch

    torch.rand(500, 500) @ torch.rand(500, 500)
    return {"threads": torch.get_num_threads()}


if __name__ == "__main__":
    from shared.engine.process.protocol import run_from_shell

    run_from_shell(noisy)
