"""How a process ends: by signals, and where it cannot start."""

import errno
import signal
import subprocess
import sys

import pytest

from shared.runtime.http.server import explained

HANGING = """
import asyncio, sys
from shared.runtime.http import server
server.SECOND_SIGNAL_AFTER_S = float(sys.argv[1])
async def main():
    loop = asyncio.get_running_loop()
    server.on_signal(loop, lambda: loop.call_later(0.1, lambda: print("stopping", flush=True)))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_a_process_whose_shutdown_hangs(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGING, "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in ("ready\n", "stopping\n"):
            assert process.stdout.readline() == line
            process.send_signal(number)
        assert process.wait(60) == -number


def test_a_signal_that_comes_twice_at_once_stops_once() -> None:
    """As Ctrl-C in a terminal, which reaches a process and its supervisor."""
    with subprocess.Popen([sys.executable, "-c", HANGING, "60"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM):
            process.send_signal(number)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()


def test_too_few_descriptors_are_explained() -> None:
    with pytest.raises(SystemExit, match="Raise `ulimit -n`"), explained():
        raise OSError(errno.EMFILE, "Too many open files")
    with pytest.raises(OSError, match="trouble"), explained():
        raise OSError(errno.EIO, "trouble")
