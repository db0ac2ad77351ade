"""Launches several training processes on this machine: this one is the main process, the others are its forks.

The processes end together. A fork that fails ends the run with its own error; if a fork is killed, the main process
kills itself with the same signal, so that the service sees what it would see of a single process.

Why not torch's launchers: torch.multiprocessing reports a failure as traceback text, without its code and remedy, and
joining it needs the same watching thread. torchrun's agent moves every rank into a child that imports torch again, but
rank 0 holds the service's pipes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

from torch.distributed import TCPStore  # type: ignore[attr-defined]  # not listed, but documented

from services.training.engine.distributed.ranks import MainProcessFailed
from shared.engine.process.protocol import Reporter, describe_failure

T = TypeVar("T")

_FORK = multiprocessing.get_context("fork")  # torch is imported already, and no thread of it has been started
_LOOPBACK = "127.0.0.1"
_EXIT_WAIT_S = 10.0
"""How long to wait for the exit of another process to be noticed after a collective operation has failed."""


def launch(processes: int, work: Callable[[], T], reporter: Reporter) -> T:
    """Run `work` in this process, rank 0, and in `processes` - 1 forks; returns its result in this process."""
    with _rendezvous(processes):
        group = _ProcessGroup([_Worker(rank, work) for rank in range(1, processes)], reporter)
        _set_rank(0)
        return group.run_main(work)


@contextmanager
def _rendezvous(processes: int) -> Iterator[None]:
    """A TCP store where the processes meet, announced in the environment as torchrun does."""
    store = TCPStore(_LOOPBACK, 0, None, is_master=True, wait_for_workers=False)
    os.environ |= {"MASTER_ADDR": _LOOPBACK, "MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    os.environ |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    if Path("/sys/class/net/lo").exists():
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # gloo would resolve the host name, which may not exist in DNS
    yield
    del store


def _set_rank(rank: int) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}


class _Worker:
    """A forked process of the run, and the pipe on which it sends the reason of a failure."""

    def __init__(self, rank: int, work: Callable[[], Any]) -> None:
        self.rank = rank
        self._failures, sender = _FORK.Pipe(duplex=False)
        self._process = _FORK.Process(target=_run_worker, args=(rank, work, sender), daemon=True)
        self._process.start()
        sender.close()
        self.waitables = (self._process.sentinel, self._failures)
        """Whichever is ready first: a process cannot exit before a failure larger than the pipe's buffer is read."""

    def kill(self) -> None:
        """Kill the process if it still runs."""
        self._process.kill()

    def join(self) -> tuple[int, dict[str, Any]]:
        """Wait for the exit; returns the exit code, negative for a signal, and the reported failure."""
        try:
            failure = self._failures.recv()
        except EOFError:
            failure = {"code": "engine_crashed", "detail": f"process {self.rank} exited without reporting an error"}
        self._process.join()
        return self._process.exitcode or 0, failure


def _run_worker(rank: int, work: Callable[[], Any], failures: Connection) -> None:
    """The body of a fork."""
    _set_rank(rank)
    try:
        work()
    except MainProcessFailed:
        os._exit(0)
    except BaseException as error:
        traceback.print_exc()
        failures.send(describe_failure(error))
        os._exit(1)


class _ProcessGroup:
    """The main process's view of the others: it waits for them and ends with them."""

    def __init__(self, workers: list[_Worker], reporter: Reporter) -> None:
        self._workers, self._reporter = workers, reporter
        self._finished = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="process-group", daemon=True)
        self._watcher.start()

    def run_main(self, work: Callable[[], T]) -> T:
        """Run `work` in this process; returns once all processes are done."""
        try:
            result = work()
            self._watcher.join()
            return result
        except Exception as error:
            if describe_failure(error)["code"] == "engine_crashed":  # may be the consequence of another process's exit
                self._watcher.join(_EXIT_WAIT_S)
            raise
        finally:
            self._kill_all()

    def _kill_all(self) -> None:
        self._finished.set()
        for worker in self._workers:
            worker.kill()

    def _watch(self) -> None:
        running = list(self._workers)
        while running:
            ready = wait([waitable for worker in running for waitable in worker.waitables])
            for worker in [worker for worker in running if not set(worker.waitables).isdisjoint(ready)]:
                running.remove(worker)
                code, failure = worker.join()
                if code and not self._finished.is_set():
                    self._kill_all()
                    self._exit_like(worker, code, failure)

    def _exit_like(self, worker: _Worker, code: int, failure: dict[str, Any]) -> None:
        """End this process as the worker has ended."""
        if code > 0:
            self._reporter.emit("failed", **failure)
            os._exit(1)
        name = f"Process {worker.rank + 1} of {len(self._workers) + 1}"
        self._reporter.log("error", f"{name} was killed by {signal.Signals(-code).name}; the others are stopped.")
        os.kill(os.getpid(), -code)
