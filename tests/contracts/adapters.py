"""Which adapters the contract suites run against: a further one is one more entry in each table.

A factory opens the adapter on a place of its own, told apart by the test's folder; opening the same folder again finds
what was stored there. Remote adapters take part where a server's address is in the environment (`python -m
tests.support.servers pytest …` sets them); `forget` removes what a test left on a server.
"""

import hashlib
import os
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from shared.blobs.local import LocalBlobs
from shared.blobs.protocol import Blobs
from shared.bus.local import LocalBus
from shared.bus.protocol import Bus
from shared.documents.local import LocalDocuments
from shared.documents.protocol import Documents
from shared.runtime.telemetry.metrics import Metrics

SESSION = os.environ.setdefault("ANNEAL_TEST_SESSION", f"test{uuid.uuid4().hex[:8]}")
"""Names of this run on a shared server; the processes that tests start inherit it."""
AMQP, MONGO, S3 = (os.environ.get(f"ANNEAL_TEST_{name}_URL", "") for name in ("AMQP", "MONGO", "S3"))


class BusFactory(Protocol):
    """Opens a bus with short delays and small listener buffers, where a test asks for them."""

    async def __call__(
        self, folder: Path, *, retry_delays: Sequence[float], listener_buffer: int, metrics: Metrics | None = None
    ) -> Bus: ...


def _name(folder: Path) -> str:
    """A name for the test's folder that every server takes."""
    return f"{SESSION}x{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


async def _local_documents(folder: Path) -> Documents:
    return LocalDocuments(folder / "documents.sqlite")


async def _local_bus(
    folder: Path, *, retry_delays: Sequence[float], listener_buffer: int, metrics: Metrics | None = None
) -> Bus:
    path = folder / "bus.sqlite"
    return LocalBus(path, retry_delays=retry_delays, listener_buffer=listener_buffer, metrics=metrics)


async def _local_blobs(folder: Path) -> Blobs:
    return LocalBlobs(folder / "blobs")


DOCUMENTS: dict[str, Callable[[Path], Awaitable[Documents]]] = {"local": _local_documents}
BUS: dict[str, BusFactory] = {"local": _local_bus}
BLOBS: dict[str, Callable[[Path], Awaitable[Blobs]]] = {"local": _local_blobs}
FORGET: dict[str, Callable[[Path], Awaitable[None]]] = {}

if MONGO:
    from pymongo import AsyncMongoClient

    from shared.documents import mongo

    async def _motor(folder: Path) -> Documents:
        return mongo.connect(f"{MONGO.rstrip('/')}/{_name(folder)}")

    async def _pymongo(folder: Path) -> Documents:
        return mongo.connect(f"{MONGO.rstrip('/')}/{_name(folder)}", client=AsyncMongoClient)

    async def _forget_documents(folder: Path) -> None:
        async with AsyncMongoClient[dict[str, Any]](MONGO) as client:
            await client.drop_database(_name(folder))

    DOCUMENTS |= {"motor": _motor, "pymongo": _pymongo}
    FORGET |= dict.fromkeys(("motor", "pymongo"), _forget_documents)

if AMQP:
    import aio_pika

    from shared.bus.rabbit import RabbitBus
    from shared.bus.topology import Names
    from shared.events.registry import CONSUMERS

    NAMES = Names(SESSION)
    TIERS: set[float] = set()

    def _queues() -> list[str]:
        queues = [NAMES.queue(service, event.type) for event, services in CONSUMERS.items() for service in services]
        return [*queues, NAMES.dead, *map(NAMES.retry, TIERS)]

    async def _rabbit(
        folder: Path, *, retry_delays: Sequence[float], listener_buffer: int, metrics: Metrics | None = None
    ) -> Bus:
        """Declaring quorum queues is slow, so all tests share them, and the first opening of a place empties them."""
        TIERS.update(retry_delays)
        bus = await RabbitBus.connect(
            AMQP, retry_delays=retry_delays, listener_buffer=listener_buffer, names=NAMES, metrics=metrics
        )
        if not (folder / "rabbit").exists():
            (folder / "rabbit").touch()
            await _each_queue(lambda channel, name: channel.queue_purge(name))
        return bus

    async def _each_queue(act: Callable[[Any, str], Awaitable[Any]]) -> None:
        async with await aio_pika.connect(AMQP) as connection:
            channel = await (await connection.channel()).get_underlay_channel()
            for name in _queues():
                await act(channel, name)

    async def delete_queues() -> None:
        """Take this run's queues from the broker."""
        await _each_queue(lambda channel, name: channel.queue_delete(name))

    BUS["rabbit"] = _rabbit

if S3:
    from shared.blobs import s3

    def _bucket(folder: Path) -> str:
        return f"{S3.rpartition('/')[0]}/{_name(folder)}"

    async def _s3(folder: Path) -> Blobs:
        return await s3.connect(_bucket(folder), scratch=folder / "scratch")

    async def _forget_blobs(folder: Path) -> None:
        client, bucket = s3.client(_bucket(folder))
        if client.bucket_exists(bucket):
            for item in client.list_objects(bucket, recursive=True):
                client.remove_object(bucket, item.object_name or "")
            client.remove_bucket(bucket)

    BLOBS["s3"] = _s3
    FORGET["s3"] = _forget_blobs
