"""Which adapters the contract suites run against: a further one is one more entry in each table.

A factory opens the adapter on a place of its own, told apart by the test's folder; opening the same folder again finds
what was stored there.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from shared.blobs.local import LocalBlobs
from shared.blobs.protocol import Blobs
from shared.bus.local import LocalBus
from shared.bus.protocol import Bus
from shared.documents.local import LocalDocuments
from shared.documents.protocol import Documents


class BusFactory(Protocol):
    """Opens a bus with short delays and small listener buffers, where a test asks for them."""

    async def __call__(self, folder: Path, *, retry_delays: Sequence[float], listener_buffer: int) -> Bus: ...


async def _local_documents(folder: Path) -> Documents:
    return LocalDocuments(folder / "documents.sqlite")


async def _local_bus(folder: Path, *, retry_delays: Sequence[float], listener_buffer: int) -> Bus:
    return LocalBus(folder / "bus.sqlite", retry_delays=retry_delays, listener_buffer=listener_buffer)


async def _local_blobs(folder: Path) -> Blobs:
    return LocalBlobs(folder / "blobs")


DOCUMENTS: dict[str, Callable[[Path], Awaitable[Documents]]] = {"local": _local_documents}
BUS: dict[str, BusFactory] = {"local": _local_bus}
BLOBS: dict[str, Callable[[Path], Awaitable[Blobs]]] = {"local": _local_blobs}
