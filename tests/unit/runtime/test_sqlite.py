"""The writer thread: groups that share a commit, errors that stay alone, a loop that never waits."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.disk_reserve import DiskReserve
from shared.runtime.errors import Misconfigured, StorageFull
from shared.runtime.sqlite import Database

SCHEMA = ("CREATE TABLE IF NOT EXISTS notes (text TEXT UNIQUE NOT NULL)",)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "deep" / "file.sqlite", SCHEMA)
    yield database
    await database.close()


def insert(text: str | None) -> Callable[[sqlite3.Connection], int]:
    return lambda db: db.execute("INSERT INTO notes VALUES (?)", (text,)).rowcount


def notes(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT text FROM notes ORDER BY rowid")]


async def hold(database: Database) -> tuple[threading.Event, asyncio.Task[bool]]:
    """Keep the writer busy, so that what follows queues up behind one commit."""
    begun, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work(db: sqlite3.Connection) -> bool:
        loop.call_soon_threadsafe(begun.set)
        return release.wait(60)

    held = asyncio.create_task(database.write(work))
    await begun.wait()
    return release, held


async def test_an_acknowledged_write_is_read(database: Database) -> None:
    for number in range(100):
        assert await database.write(insert(str(number))) == 1
        assert len(await database.read(notes)) == number + 1


async def test_the_file_is_durable_and_in_wal_mode(database: Database) -> None:
    modes = ("journal_mode", "synchronous")
    found = await database.write(lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in modes])
    assert found == ["wal", 2]


async def test_an_error_rolls_back_only_its_own_function(database: Database) -> None:
    def insert_then_fail(db: sqlite3.Connection) -> None:
        insert("lost")(db)
        raise KeyError("mine")

    release, held = await hold(database)
    group = [database.write(fn) for fn in (insert("a"), insert_then_fail, insert("a"), insert("b"))]
    waiting = asyncio.gather(*group, return_exceptions=True)
    await asyncio.sleep(0)
    release.set()
    first, second, third, fourth = await waiting
    assert await held
    assert (first, fourth) == (1, 1)
    assert isinstance(second, KeyError)
    assert isinstance(third, sqlite3.IntegrityError)
    assert await database.read(notes) == ["a", "b"]


async def test_queued_writes_share_a_commit_and_return_after_it(database: Database) -> None:
    release, held = await hold(database)
    commits: list[str] = []
    trace = asyncio.create_task(database.write(lambda db: db.set_trace_callback(commits.append)))
    await asyncio.sleep(0)
    writes = [asyncio.create_task(database.write(insert(str(number)))) for number in range(100)]
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(held, trace, *writes)
    assert commits.count("COMMIT") == 1
    assert len(await database.read(notes)) == 100


async def test_failed_commit_raises_for_every_waiter_and_the_next_succeeds(database: Database) -> None:
    schema = """CREATE TABLE parents (id INTEGER PRIMARY KEY);
        CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"""
    for statement in (*schema.split(";"), "PRAGMA foreign_keys=1"):
        database._connection.execute(statement)
    release, held = await hold(database)
    orphan = database.write(lambda db: db.execute("INSERT INTO children VALUES (7)").rowcount)
    waiting = asyncio.gather(orphan, database.write(insert("lost")), return_exceptions=True)
    await asyncio.sleep(0)
    release.set()
    await held
    assert [type(result) for result in await waiting] == [sqlite3.IntegrityError] * 2
    assert await database.write(insert("kept")) == 1
    assert await database.read(notes) == ["kept"]


class Stubborn:
    """A connection whose disk fails while it commits and while it takes back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection, self.failing = connection, {"COMMIT", "ROLLBACK"}

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql in self.failing:
            self.failing.remove(sql)
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_repeated_disk_failure_does_not_end_the_writer(database: Database) -> None:
    database._connection = Stubborn(database._connection)  # type: ignore[assignment]
    for lost in ("a", "b"):  # the second finds the first one's transaction still open, and takes it back
        with pytest.raises(sqlite3.OperationalError):
            await asyncio.wait_for(database.write(insert(lost)), 60)
    assert await asyncio.wait_for(database.write(insert("kept")), 60) == 1
    assert await database.read(notes) == ["kept"]


async def test_slow_writes_and_reads_do_not_block_the_loop(database: Database) -> None:
    release, held = await hold(database)
    assert await asyncio.wait_for(database.read(notes), 60) == []
    assert not held.done()
    release.set()
    assert await held


async def test_a_cancelled_waiter_does_not_disturb_the_others(database: Database) -> None:
    release, held = await hold(database)
    cancelled = asyncio.create_task(database.write(insert("a")))
    other = asyncio.create_task(database.write(insert("b")))
    await asyncio.sleep(0)
    cancelled.cancel()
    release.set()
    assert await other == 1
    assert await held
    assert await database.read(notes) == ["a", "b"]


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(insert("a"))


async def test_close_commits_what_is_queued_and_refuses_more(tmp_path: Path) -> None:
    database = Database(tmp_path / "file.sqlite", SCHEMA)
    writes = [asyncio.create_task(database.write(insert(str(number)))) for number in range(600)]
    await asyncio.sleep(0)
    await database.close()
    await database.close()
    assert await asyncio.gather(*writes) == [1] * 600
    with pytest.raises(RuntimeError, match="closed"):
        await database.write(insert("late"))
    again = Database(tmp_path / "file.sqlite", SCHEMA)
    assert len(await again.read(notes)) == 600
    await again.close()


async def test_a_full_disk_is_named_and_loses_nothing(database: Database) -> None:
    await database.write(insert("kept"))
    await database.write(lambda db: db.execute("PRAGMA max_page_count = 1").fetchone())  # SQLite keeps what it has
    with pytest.raises(StorageFull):
        await database.write(insert("x" * 100_000))
    await database.write(lambda db: db.execute("PRAGMA max_page_count = 1000").fetchone())
    await database.write(insert("after"))
    assert await database.read(notes) == ["kept", "after"]


class Quota(DiskReserve):
    """A reserve of pages in the file itself, which SQLite counts as the disk."""

    database: Database

    def release(self, writer: str = "") -> bool:
        self.database._connection.execute("PRAGMA max_page_count = 1000")
        return super().release(writer)


async def test_write_that_finds_the_disk_full_gets_the_reserve_once(tmp_path: Path) -> None:
    reserve = Quota(tmp_path / "reserve", 4096)
    database = reserve.database = Database(tmp_path / "file.sqlite", SCHEMA, reserve)

    async def fill(text: str) -> list[Any]:
        """Write with a full disk, together with a write that fails for another reason."""
        await database.write(lambda db: db.execute("PRAGMA max_page_count = 1").fetchone())
        group = (database.write(insert(text)), database.write(insert("first")))
        return await asyncio.gather(*group, return_exceptions=True)

    await database.write(insert("first"))
    kept, refused = await fill("a" * 100_000)
    assert (kept, type(refused)) == (1, sqlite3.IntegrityError)
    assert not (tmp_path / "reserve").exists()
    reserve.database = Database(tmp_path / "other.sqlite")  # it has nothing left to free
    assert isinstance((await fill("b" * 100_000))[0], StorageFull)
    await asyncio.gather(database.close(), reserve.database.close())


def test_a_damaged_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file.sqlite").write_bytes(bytes(range(256)) * 16)
    with pytest.raises(Misconfigured, match="not a database") as raised:
        Database(tmp_path / "file.sqlite", SCHEMA)
    assert "backup" in (raised.value.remedy or "")


async def test_damaged_pages_behind_an_intact_first_one_are_found_when_it_opens(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite"
    database = Database(path, SCHEMA)
    await database.write(insert("x" * 100_000))
    await database.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * 16_384)
    with pytest.raises(Misconfigured, match="cannot be opened as a database") as raised:
        Database(path, SCHEMA)
    assert "backup" in (raised.value.remedy or "")
