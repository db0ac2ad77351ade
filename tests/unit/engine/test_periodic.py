"""Periodic tasks run within their block only."""

import queue
import threading

import pytest

from shared.engine.process.periodic import run_periodically

INTERVAL_S = 0.001


def test_function_is_called_repeatedly_within_the_block() -> None:
    done: queue.Queue[None] = queue.Queue()
    with run_periodically(lambda: done.put(None), INTERVAL_S):
        for _ in range(3):
            done.get(timeout=60)


def test_short_block_does_not_wait_for_the_interval() -> None:
    done: queue.Queue[None] = queue.Queue()
    with run_periodically(lambda: done.put(None), threading.TIMEOUT_MAX / 2):
        pass
    assert done.empty()


def test_thread_ends_with_a_failing_block() -> None:
    def fails() -> None:
        with run_periodically(lambda: None, INTERVAL_S):
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert not [thread for thread in threading.enumerate() if thread.name == "periodic"]
