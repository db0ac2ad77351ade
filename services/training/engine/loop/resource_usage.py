"""How much of the machine a run uses, told each second: also while the model is loaded or a step takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache

import psutil

from services.training.engine.distributed.ranks import Ranks
from services.training.engine.loop.metrics import gpu_gauges
from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Reporter

Read = Callable[[], dict[str, float]]


def usage_of(ranks: Ranks) -> Read:
    """A reader for this process and, where it started others to train with, for all of them together.

    `cpu_percent` since it was last read, in percent of one core; `memory_mb` resident (10^6 bytes); the GPU's gauges.
    """
    mine = psutil.Process()
    return _reader([mine, *(mine.children(recursive=True) if ranks.size > 1 else [])], cache(gpu_gauges))


def _reader(processes: Sequence[psutil.Process], gauges: Callable[[], Read]) -> Read:
    """The driver of a GPU is first asked for its `gauges` at the first reading: it takes a while to answer."""

    def busy_percent() -> float:
        return sum(process.cpu_percent() for process in processes)

    def read() -> dict[str, float]:
        resident = sum(process.memory_info().rss for process in processes)
        return {"cpu_percent": round(busy_percent(), 1), "memory_mb": resident / 1e6, **gauges()()}

    busy_percent()  # what the processor did before does not count
    return read


def telling(reporter: Reporter, usage: Callable[[], Read], every: float = 1.0) -> AbstractContextManager[None]:
    """Within, the usage is read and reported every so many seconds."""
    read = usage()

    def tell() -> None:
        with suppress(psutil.NoSuchProcess):  # the group is about to end
            reporter.emit("usage", **read())

    return run_periodically(tell, every)
