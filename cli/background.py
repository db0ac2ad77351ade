"""A platform in the background while a command needs one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import typer

from anneal.connection import address, home
from anneal.errors import AnnealError
from cli.client import Client
from cli.errors import CommandError
from cli.output import err

STOP_TIMEOUT_S = 30.0
READY = "Anneal is ready at "


@contextmanager
def platform() -> Iterator[Client]:
    """Yield a client of the running platform; if there is none, start one on a free port and stop it on exit."""
    if is_running():
        yield Client()
        return
    command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
    env = {**os.environ, "ANNEAL_HOME": str(home())}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603 - our own program
    try:
        yield Client(_wait_for_url(process))
    except (KeyboardInterrupt, typer.Exit):
        err.print("Stopping the platform started for this command. A running job resumes at the next start.")
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()


def is_running() -> bool:
    """Whether a platform responds at ANNEAL_URL, or at the address in ANNEAL_HOME."""
    try:
        return httpx.get(f"{address()}/healthz", timeout=2.0).is_success
    except (AnnealError, httpx.HTTPError):
        return False


def _wait_for_url(process: subprocess.Popen[str]) -> str:
    """Wait until the platform prints its address; on failure it prints the reason on stderr itself."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    raise CommandError(f"The platform did not start (exit code {process.wait()}).")
