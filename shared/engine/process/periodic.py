"""Periodic tasks of an engine beside its work: heartbeats, progress, gauges."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def run_periodically(function: Callable[[], object], interval_s: float) -> Iterator[None]:
    """Call `function` in a thread every `interval_s` seconds within the block, never after it.

    An exception of `function` ends the thread, not the block.
    """
    stopped = threading.Event()

    def repeat() -> None:
        while not stopped.wait(interval_s):
            function()

    thread = threading.Thread(target=repeat, name="periodic", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
