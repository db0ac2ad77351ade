"""How much of the machine a run uses, told each second: also while the model is loaded or a step takes minutes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psutil

from services.training.engine.metrics import gpu_gauges
from services.training.engine.ranks import Ranks
from shared.engine.protocol import Reporter

Read = Callable[[], dict[str, float]]


def usage_of(ranks: Ranks) -> Read:
    """A reader for this process and, where it started others to train with, for all of them together.

    `cpu_percent` since it was last read, in percent of one core; `memory_mb` resident (10^6 bytes); the GPU's gauges.
    """
    mine = psutil.Process()
    return _reader([mine, *(mine.children(recursive=True) if ranks.size > 1 else [])], gpu_gauges())


def _reader(processes: Sequence[psutil.Process], gauges: Read) -> Read:
    def read() -> dict[str, float]:
        busy = sum(process.cpu_percent() for process in processes)
        resident = sum(process.memory_info().rss for process in processes)
        return {"cpu_percent": round(busy, 1), "memory_mb": resident / 1e6, **gauges()}

    read()  # what the processor did before does not count
    return read


@contextmanager
def telling(reporter: Reporter, usage: Callable[[], Read], every: float = 1.0) -> Iterator[None]:
    """Within, a thread reads the usage and reports it, every so many seconds."""
    over = threading.Event()

    def tell() -> None:
        read = usage()
        while not over.wait(every):
            try:
                figures = read()
            except psutil.NoSuchProcess:  # the group is about to end
                return
            reporter.emit("usage", **figures)

    thread = threading.Thread(target=tell, name="usage", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
