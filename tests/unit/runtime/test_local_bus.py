"""The embedded bus opens the files of earlier versions, and reports a file that fails while it is open."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from shared.bus.local import SCHEMA, LocalBus
from shared.events.envelope import Envelope
from shared.events.registry import EVENTS
from shared.events.training import TrainingRequested

TABLE = """CREATE TABLE deliveries (id INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, type TEXT NOT NULL,
    envelope TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL DEFAULT 0, reason TEXT)"""


async def test_deliveries_of_earlier_versions_arrive(tmp_path: Path) -> None:
    event = TrainingRequested(job_id="job_1")
    sent = Envelope.of(event, service="training", subject="job_1", project="p")
    with closing(sqlite3.connect(tmp_path / "bus.sqlite")) as file, file:
        file.execute(TABLE)
        row = ("training", event.type, sent.model_dump_json())
        file.execute("INSERT INTO deliveries (room, type, envelope) VALUES (?, ?, ?)", row)
    bus, received = LocalBus(tmp_path / "bus.sqlite"), asyncio.Queue[Envelope]()
    await bus.subscribe("training", event.type, received.put)
    async with asyncio.timeout(60):
        assert await received.get() == sent
    await bus.close()


async def test_file_that_fails_is_logged_once_and_noticed_by_the_readiness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.local.log", structlog.get_logger())  # an earlier test may have configured the other
    bus = LocalBus(tmp_path / "bus.sqlite")
    with structlog.testing.capture_logs() as lines:
        await bus._database.write(lambda db: db.execute("DROP TABLE deliveries"))

        async def ignore(_: Any) -> None:
            raise AssertionError

        for type in EVENTS:
            await bus.subscribe("training", type, ignore)
        async with asyncio.timeout(60):
            while not all(queue.failure for queue in bus._queues.values()):
                await asyncio.sleep(0)
    assert [line["event"] for line in lines] == ["bus_queues_failed"]
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await bus.ping()
    await bus._database.write(lambda db: db.execute(SCHEMA[0]))
    for queue in bus._queues.values():
        queue.kick()
    async with asyncio.timeout(60):
        while any(queue.failure for queue in bus._queues.values()):
            await asyncio.sleep(0)
    await bus.ping()
    await bus.close()
