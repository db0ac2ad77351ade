"""What an engine does again and again beside its work: signs of life, progress, gauges."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(each: Callable[[], object], every: float) -> Iterator[None]:
    """Within the block, a thread calls `each` every so many seconds; never after it. What it raises ends only this."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(every):
            each()

    thread = threading.Thread(target=repeat, name="repeating", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
