"""A platform in the background for as long as a command needs one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import typer

from cli.client import Client, CommandError, address, home
from cli.output import err

STOP_SECONDS = 30.0
READY = "Anneal is ready at "


@contextmanager
def platform() -> Iterator[Client]:
    """A client of the platform that runs on ANNEAL_HOME, or of one started on a free port and stopped at the end."""
    if running():
        yield Client()
        return
    command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
    env = {**os.environ, "ANNEAL_HOME": str(home())}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield Client(_ready_at(process))
    except (KeyboardInterrupt, typer.Exit):
        err.print("The platform that was started for this stops; a running job goes on at the next start.")
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def running() -> bool:
    """Whether a platform answers for ANNEAL_HOME or ANNEAL_URL."""
    try:
        return httpx.get(f"{address()}/healthz", timeout=2.0).is_success
    except (CommandError, httpx.HTTPError):
        return False


def _ready_at(process: subprocess.Popen[str]) -> str:
    """The address that the platform prints once it serves; its own message is on stderr when it does not."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    raise CommandError(f"The platform did not start (exit code {process.wait()}).")
