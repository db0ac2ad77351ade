"""A durable SQLite file for asyncio: one writer thread that commits in groups, reader threads beside it.

A commit costs an fsync. Writes that arrive meanwhile share the next commit, so throughput grows with concurrency,
and an acknowledged write still survives power loss (WAL with synchronous=FULL; NORMAL can lose the last commits).
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from shared.runtime.disk_reserve import DiskReserve
from shared.runtime.errors import DISK_REMEDY, Misconfigured, StorageFull

T = TypeVar("T")
GROUP = 256
"""Maximum writes per commit, so that the first does not wait long for the last."""
READERS = 4
RESTORE = (
    "Stop whatever else uses it. If it is damaged, restore the data directory from a backup "
    "(docs/guides/deployment.md), or move it away to start empty."
)


def _is_full(error: BaseException | None) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL  # only errors of SQLite itself have a code


@dataclass
class _Job:
    """A queued write and its outcome."""

    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Set the future, unless its waiter was cancelled."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Database:
    """A SQLite file of one process, used from one event loop.

    Opening is synchronous, since it happens once at start; `schema` lists idempotent statements to run then. A write
    that finds the disk full releases the `reserve` and is tried once more.
    """

    def __init__(self, path: Path, schema: Sequence[str] = (), reserve: DiskReserve | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._reserve = reserve
        self._closed = False
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        try:
            self._connection = self._connect()
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._require_intact()
            for statement in schema:
                self._connection.execute(statement)
        except sqlite3.Error as error:
            if _is_full(error):
                raise StorageFull("The disk is full.", remedy=DISK_REMEDY) from error
            raise Misconfigured(f"{path} cannot be opened as a database: {error}.", remedy=RESTORE) from error
        self._local = threading.local()
        self._reading: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, f"read-{path.stem}", initializer=self._open_reader)
        self._writer = threading.Thread(target=self._write_groups, name=f"write-{path.stem}", daemon=True)
        self._writer.start()

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` in the writer thread; return its result once it is committed and on disk.

        An exception of `fn` is raised here and rolls back only `fn`. A cancelled waiter does not stop a queued write.
        Raises StorageFull.
        """
        self._refuse_closed()
        job = _Job(fn, asyncio.get_running_loop().create_future())
        self._jobs.put(job)
        try:
            result: T = await job.future
        except sqlite3.OperationalError as error:
            if not _is_full(error):
                raise
            raise StorageFull("The disk is full.", remedy=DISK_REMEDY) from error
        return result

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` in a reader thread; it sees every write acknowledged before the call."""
        self._refuse_closed()
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: fn(self._local.connection))

    async def close(self) -> None:
        """Commit queued writes and close. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._finish)

    def _require_intact(self) -> None:
        """Raise sqlite3.DatabaseError for a file with damaged pages. A warm file takes about a second per GB."""
        found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found.strip().splitlines()[-1])

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RuntimeError(f"{self._path} is closed")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA busy_timeout=10000")
        return connection

    def _open_reader(self) -> None:
        connection = self._connect()
        connection.execute("PRAGMA query_only=1")
        self._local.connection = connection
        self._reading.append(connection)

    def _finish(self) -> None:
        self._writer.join()
        self._readers.shutdown()
        for connection in (*self._reading, self._connection):
            connection.close()

    def _write_groups(self) -> None:
        while True:
            group, last = self._next_group()
            if group:
                self._commit(group)
            if last:
                return

    def _next_group(self) -> tuple[list[_Job], bool]:
        """Wait for a write, then take all queued ones; True at the end of the queue."""
        group: list[_Job] = []
        try:
            job = self._jobs.get()
            while job is not None:
                group.append(job)
                if len(group) == GROUP:
                    return group, False
                job = self._jobs.get_nowait()
        except Empty:
            return group, False
        return group, True

    def _commit(self, group: list[_Job]) -> None:
        self._attempt(group)
        full = [job for job in group if _is_full(job.error)]
        if full and self._reserve and self._reserve.release(self._path.name):
            for job in full:
                job.error = None
            self._attempt(full)
        self._settle(group)

    def _attempt(self, group: list[_Job]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                self._apply(job)
            self._connection.execute("COMMIT")
        except Exception as error:  # nothing of the group is on disk: every waiter must get the error
            for job in group:
                job.error = job.error or error
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):  # the next group's BEGIN then fails, and this is retried
                    self._connection.execute("ROLLBACK")

    def _apply(self, job: _Job) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(self._connection)
        except Exception as error:
            job.error = error
            if not self._connection.in_transaction:  # with a full disk SQLite rolls back everything
                raise
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")

    def _settle(self, group: list[_Job]) -> None:
        """Wake the event loop once for the whole group."""

        def settle() -> None:
            for job in group:
                job.settle()

        with contextlib.suppress(RuntimeError):  # the loop is closed: there are no waiters
            group[0].future.get_loop().call_soon_threadsafe(settle)
