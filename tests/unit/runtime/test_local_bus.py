"""The embedded bus opens the files of earlier versions."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from shared.bus.local import LocalBus
from shared.events.envelope import Envelope
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
