"""A write whose answer was lost on the network took place once, and its writer is told so."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient

from shared.documents import Collection, mongo
from tests.contracts import adapters

COMMANDS = (b"insert\0", b"update\0", b"findAndModify\0", b"delete\0")


class Lossy:
    """Passes bytes on to a MongoDB server; once armed, the answer to the next write is lost with its connection."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.armed, self.lost = False, 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, self._port)
        losing = asyncio.Event()
        with suppress(ConnectionError):
            await asyncio.wait(
                [
                    asyncio.create_task(self._forward(reader, back, losing)),
                    asyncio.create_task(self._answer(there, writer, losing)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        for end in (back, writer):
            end.close()

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await source.read(1 << 16):
            if self.armed and any(command in data for command in COMMANDS):
                self.armed = False
                losing.set()
            target.write(data)

    async def _answer(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await source.read(1 << 16):
            if losing.is_set():
                self.lost += 1
                return
            target.write(data)


@pytest.fixture
async def network() -> AsyncIterator[tuple[Lossy, int]]:
    parts = urlsplit(adapters.MONGO)
    lossy = Lossy(parts.hostname or "", parts.port or 27017)
    async with lossy.listening() as port:
        yield lossy, port


@pytest.fixture(params=[AsyncIOMotorClient, AsyncMongoClient], ids=["motor", "pymongo"])
async def jobs(request: pytest.FixtureRequest, network: tuple[Lossy, int]) -> AsyncIterator[tuple[Lossy, Collection]]:
    lossy, port = network
    client: Callable[..., Any] = request.param
    documents = mongo.connect(f"mongodb://127.0.0.1:{port}/{adapters.SESSION}x{uuid.uuid4().hex[:12]}", client=client)
    yield lossy, await documents.collection("training.jobs")
    await documents.close()


async def test_insert_whose_reply_was_lost_happens_once(jobs: tuple[Lossy, Collection]) -> None:
    lossy, collection = jobs
    lossy.armed = True
    assert await collection.insert({"_id": "a", "version": 1})
    assert lossy.lost == 1
    assert not await collection.insert({"_id": "a", "version": 1})


async def test_compare_and_set_whose_reply_was_lost_happens_once(jobs: tuple[Lossy, Collection]) -> None:
    lossy, collection = jobs
    await collection.insert({"_id": "a", "version": 1})
    lossy.armed = True
    assert await collection.replace({"_id": "a", "version": 2}, version=1)
    assert lossy.lost == 1
    assert await collection.get("a") == {"_id": "a", "version": 2}


async def test_patch_whose_reply_was_lost_adds_once(jobs: tuple[Lossy, Collection]) -> None:
    lossy, collection = jobs
    await collection.insert({"_id": "a", "version": 1, "token": 1})
    lossy.armed = True
    changed = await collection.patch("a", {"token": 1}, set={"token": 2}, inc={"beat": 1})
    assert lossy.lost == 1
    assert changed == {"_id": "a", "version": 1, "token": 2, "beat": 1} == await collection.get("a")


async def test_delete_whose_reply_was_lost_happens_once(jobs: tuple[Lossy, Collection]) -> None:
    lossy, collection = jobs
    await collection.insert({"_id": "a", "version": 1})
    lossy.armed = True
    assert await collection.delete("a")
    assert lossy.lost == 1
    assert await collection.get("a") is None
