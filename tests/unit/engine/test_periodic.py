"""What is done again and again beside a block of work."""

import queue
import threading

import pytest

from shared.engine.process.periodic import run_periodically

OFTEN = 0.001


def test_it_is_done_again_while_the_block_is_busy() -> None:
    done: queue.Queue[None] = queue.Queue()
    with run_periodically(lambda: done.put(None), OFTEN):
        for _ in range(3):
            done.get(timeout=60)


def test_a_block_that_ends_at_once_does_not_wait_for_it() -> None:
    done: queue.Queue[None] = queue.Queue()
    with run_periodically(lambda: done.put(None), threading.TIMEOUT_MAX / 2):
        pass
    assert done.empty()


def test_its_thread_ends_with_a_block_that_fails() -> None:
    def fails() -> None:
        with run_periodically(lambda: None, OFTEN):
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert not [thread for thread in threading.enumerate() if thread.name == "periodic"]
