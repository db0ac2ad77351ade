"""How a process ends: by signals, and where it cannot start."""

import errno
import signal
import subprocess
import sys

import pytest

from shared.runtime.http.server import explained

HANGING = """
import asyncio
from shared.runtime.http.server import on_signal
async def main():
    on_signal(asyncio.get_running_loop(), lambda: print("stopping", flush=True))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_a_process_whose_shutdown_hangs(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in ("ready\n", "stopping\n"):
            assert process.stdout.readline() == line
            process.send_signal(number)
        assert process.wait(60) == -number


def test_too_few_descriptors_are_explained() -> None:
    with pytest.raises(SystemExit, match="Raise `ulimit -n`"), explained():
        raise OSError(errno.EMFILE, "Too many open files")
    with pytest.raises(OSError, match="trouble"), explained():
        raise OSError(errno.EIO, "trouble")
