"""Small engines that tests launch; each shows one behavior or failure of an engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from shared.engine.process.protocol import Commands, EngineError, Reporter

IMPORTED_BY = os.getpid()
PREWARMED_BY: list[int] = []


def prewarm() -> None:
    """Record the process, then fail, which must not prevent a launch."""
    PREWARMED_BY.append(os.getpid())
    raise OSError("prewarming fails")


def echo(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Report the process's environment and return the spec."""
    warm = "torch" in sys.modules
    before_fork = {"imported_by": IMPORTED_BY, "prewarmed_by": PREWARMED_BY}
    reporter.emit("hello", pid=os.getpid(), cwd=os.getcwd(), env=dict(os.environ), warm=warm, **before_fork)
    return {"spec": spec}


def obey(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Report ready, then echo every command until `stop`."""
    reporter.emit("ready")
    while (command := commands.get())["op"] != "stop":
        reporter.emit("heard", command=command)
    return {"stopped": True}


def obstinate(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Ignore every command."""
    reporter.emit("ready")
    threading.Event().wait()
    return {}


def chatty(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Make no progress, and send all that is none."""
    while True:
        reporter.emit("usage", cpu_percent=100.0)
        reporter.log("info", "still here")
        reporter.progress(1, 2, "rows")
        time.sleep(0.1)


def diligent(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Work for five seconds with signs of life, as in a loop over micro-batches."""
    reporter.emit("started")
    end = time.monotonic() + 5
    while time.monotonic() < end:
        reporter.alive()
        time.sleep(0.05)
    return {}


def with_helper(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Start a process that outlives every timeout and holds this one's stderr open."""
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
    """Print in every way that a library might."""
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
    """Fail with an error that the user can act on."""
    raise EngineError("bad_rows", "row 3 is empty", row=3)


def crash(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Fail with an unexpected exception."""
    return {"impossible": {}["absent"]}


def fds(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Report the open descriptors and their targets."""
    own = "/proc/self/fd"
    links = {int(name): os.path.join(own, name) for name in os.listdir(own)}
    return {"fds": {fd: os.readlink(link) for fd, link in links.items() if os.path.lexists(link)}}


def environment_threads(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Report the number of threads that torch uses in a computation."""
    import torch

    torch.rand(500, 500) @ torch.rand(500, 500)
    return {"threads": torch.get_num_threads()}


if __name__ == "__main__":
    from shared.engine.process.protocol import run_from_shell

    run_from_shell(noisy)
