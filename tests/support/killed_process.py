"""Forks that are killed with SIGKILL beside one of their writes to the embedded databases."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from shared.runtime.sqlite import Database

TIMEOUT_S = 120
"""Upper bound for what takes well below a second on an idle machine."""


def run_in_fork(main: Callable[[], Awaitable[None]], kill_at: int | None = None) -> bool:
    """Run a coroutine in a fork, and return whether it was killed; fails where it raises.

    It is killed before write `kill_at / 2`, or just after it was committed for an odd number, if it comes that far.
    """
    sys.stdout.flush()
    if pid := os.fork():
        status = os.waitpid(pid, 0)[1]
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or status == 0, "its output has the reason"
        return killed
    try:
        _watch_writes(kill_at)
        asyncio.run(_within_limit(main))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


async def _within_limit(main: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        await main()


def _watch_writes(kill_at: int | None) -> None:
    write, moments = Database.write, count()

    def pass_moment() -> None:
        if next(moments) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    async def watched(database: Database, work: Any) -> Any:
        pass_moment()
        result = await write(database, work)
        pass_moment()
        return result

    Database.write = watched  # type: ignore[method-assign]
