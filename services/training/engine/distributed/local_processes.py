"""Several training processes on this machine: this one is the first, the others are forks of it.

They live and die together. A fork that fails ends the run with its own cause; one that is killed takes the first along
by the same signal, so that whoever waits for the engine sees what it would see of one process.
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

from services.training.engine.distributed.ranks import Dismissed
from shared.engine.process.protocol import Reporter, describe_failure

T = TypeVar("T")

_FORK = multiprocessing.get_context("fork")  # torch is imported already, and nothing has been computed with it
_HERE = "127.0.0.1"
_HINDSIGHT = 10.0
"""Seconds until the death of another process shows, after an exchange with it has failed."""


def together(processes: int, work: Callable[[], T], reporter: Reporter) -> T:
    """What `work` returns in this process, the first of `processes` that all run it."""
    with _meeting(processes):
        group = _Group([_Peer(rank, work) for rank in range(1, processes)], reporter)
        _become(0)
        return group.lead(work)


@contextmanager
def _meeting(processes: int) -> Iterator[None]:
    """A place where the processes find each other, named in the environment as torchrun does."""
    store = TCPStore(_HERE, 0, None, is_master=True, wait_for_workers=False)
    os.environ |= {"MASTER_ADDR": _HERE, "MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    os.environ |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    if Path("/sys/class/net/lo").exists():
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # a machine need not know its own name
    yield
    del store


def _become(rank: int) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}


class _Peer:
    """Another process of the run, and its way to say why it failed."""

    def __init__(self, rank: int, work: Callable[[], Any]) -> None:
        self.rank = rank
        self._said, saying = _FORK.Pipe(duplex=False)
        self._process = _FORK.Process(target=_live, args=(rank, work, saying), daemon=True)
        self._process.start()
        saying.close()
        self.signs = (self._process.sentinel, self._said)
        """Whichever is ready first: a long word is not through before it is heard."""

    def kill(self) -> None:
        """End it now, if it still runs."""
        self._process.kill()

    def ended(self) -> tuple[int, dict[str, Any]]:
        """Its exit code, negative for a signal, and the failure that it told."""
        try:
            failure = self._said.recv()
        except EOFError:
            failure = {"code": "engine_crashed", "detail": f"process {self.rank} ended without a word"}
        self._process.join()
        return self._process.exitcode or 0, failure


def _live(rank: int, work: Callable[[], Any], saying: Connection) -> None:
    """All that a fork does."""
    _become(rank)
    try:
        work()
    except Dismissed:
        os._exit(0)
    except BaseException as error:
        traceback.print_exc()
        saying.send(describe_failure(error))
        os._exit(1)


class _Group:
    """The first process's care for the others."""

    def __init__(self, peers: list[_Peer], reporter: Reporter) -> None:
        self._peers, self._reporter = peers, reporter
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="peers", daemon=True)
        self._watching.start()

    def lead(self, work: Callable[[], T]) -> T:
        """Do the same as they; return when all have done it."""
        try:
            result = work()
            self._watching.join()
            return result
        except Exception as error:
            if describe_failure(error)["code"] == "engine_crashed":  # perhaps only the echo of a death elsewhere
                self._watching.join(_HINDSIGHT)
            raise
        finally:
            self._end()

    def _end(self) -> None:
        self._over.set()
        for peer in self._peers:
            peer.kill()

    def _watch(self) -> None:
        running = list(self._peers)
        while running:
            ready = wait([sign for peer in running for sign in peer.signs])
            for peer in [peer for peer in running if not set(peer.signs).isdisjoint(ready)]:
                running.remove(peer)
                code, failure = peer.ended()
                if code and not self._over.is_set():
                    self._end()
                    self._follow(peer, code, failure)

    def _follow(self, peer: _Peer, code: int, failure: dict[str, Any]) -> None:
        """End this process as another one has ended."""
        if code > 0:
            self._reporter.emit("failed", **failure)
            os._exit(1)
        who = f"Process {peer.rank + 1} of {len(self._peers) + 1}"
        self._reporter.log("error", f"{who} was ended by {signal.Signals(-code).name}, and the others with it.")
        os.kill(os.getpid(), -code)
